"""Opening, migrating and failing of the SQL databases."""

import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event, text

from store import database as module
from store.all_tables import all_tables
from store.database import Database, open_database
from store.runs import SqlRunStore
from store.tables import metadata
from tieout.errors import Conflict, InvalidInput, NotAvailable, StorageFull
from tieout.model import Plan, Principal, RunRequest, StepSpec

ANN = Principal("ann", "desk")
PLAN = Plan("toy", "1", (StepSpec("only", "work"),))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "tieout.db"


@pytest.fixture
def sqlite(path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{path}")
    yield database
    database.close()


def test_sqlite_is_opened_for_durable_use(sqlite: Database) -> None:
    with sqlite.engine.connect() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


RUN_TABLES = {"runs", "steps", "step_edges", "attempts", "effects", "events", "artifacts"}


def test_the_migrations_make_the_schema_of_the_run_tables(sqlite: Database, postgres_url: str) -> None:
    def of_runs(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in RUN_TABLES

    all_tables()
    postgres = open_database(postgres_url)
    found = []
    for database in (sqlite, postgres):
        with database.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": of_runs})
            found += compare_metadata(context, metadata)
    postgres.close()
    assert found == []


def test_opening_again_keeps_what_is_there(path: Path) -> None:
    for number in range(3):
        database = open_database(f"sqlite:///{path}")
        store = SqlRunStore(database)
        assert len(store.list_runs(ANN)) == number
        store.create_run(ANN, RunRequest("?"), PLAN, now=NOW)
        database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_processes_that_start_together_migrate_once(kind: str, path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{path}"
    if kind == "postgres":
        url = request.getfixturevalue("postgres_url")
        empty = open_database(url)
        empty.write(lambda connection: connection.execute(text("DROP SCHEMA public CASCADE")))
        empty.write(lambda connection: connection.execute(text("CREATE SCHEMA public")))
        empty.close()
    command = f"from store.database import open_database; open_database({url!r}).close()"
    processes = [subprocess.Popen([sys.executable, "-c", command]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    database = open_database(url)
    versions = database.read(lambda c: c.execute(text("SELECT version_num FROM alembic_version")).all())
    assert len(versions) == 1
    database.close()


def test_a_database_of_a_newer_version_is_refused(sqlite: Database, path: Path) -> None:
    sqlite.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    with pytest.raises(InvalidInput, match="9999"):
        open_database(f"sqlite:///{path}")


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"This is not a database at all, just text. " * 100)
    with pytest.raises(NotAvailable, match="not a SQLite database"):
        open_database(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://localhost/x"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_database(url)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailable):
        open_database(f"sqlite:///{tmp_path / 'file' / 'tieout.db'}")


def test_a_postgresql_that_is_not_there_is_said() -> None:
    with pytest.raises(NotAvailable, match="cannot be reached"):
        open_database("postgresql://nobody:secret@127.0.0.1:1/nothing")


def test_a_password_is_not_shown() -> None:
    with pytest.raises(NotAvailable) as caught:
        open_database("postgresql://nobody:secret@127.0.0.1:1/nothing")
    assert "secret" not in str(caught.value)


def test_a_postgresql_that_restarts_is_found_again(postgres_url: str) -> None:
    database = open_database(postgres_url)
    store = SqlRunStore(database)
    store.list_runs(ANN)
    kill = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = :name"
    )
    other = open_database(postgres_url)
    other.write(lambda connection: connection.execute(kill, {"name": postgres_url.rsplit("/", 1)[1]}))
    assert store.list_runs(ANN) == []
    other.close()
    database.close()


def test_a_full_disk_keeps_nothing_of_the_operation(sqlite: Database) -> None:
    store = SqlRunStore(sqlite)
    pages = sqlite.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar())
    event.listen(sqlite.engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count = {pages + 4}"))
    sqlite.close()  # the connections that are open know nothing of the limit
    with pytest.raises(StorageFull, match="full"):
        store.create_run(ANN, RunRequest("long " * 20_000), PLAN, now=NOW)
    assert store.list_runs(ANN) == []
    assert store.ready_steps(limit=9, now=NOW) == []
    assert store.create_run(ANN, RunRequest("short"), PLAN, now=NOW)


def test_a_disk_that_fails_in_the_middle_of_a_write_is_a_full_disk(sqlite: Database, path: Path) -> None:
    """The process may not let a file grow past a limit, as a quota would not."""
    store = SqlRunStore(sqlite)
    run = store.create_run(ANN, RunRequest("?"), PLAN, now=NOW)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 5_000, before[1]))
    try:
        with pytest.raises(StorageFull):
            store.append_event(run.id, "thing_seen", {"text": "x" * 100_000}, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [event.seq for event in store.events(ANN, run.id)] == [1]
    assert store.append_event(run.id, "thing_seen", {}, now=NOW).seq == 2


def test_a_database_that_another_process_holds_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.1)
    database = open_database(f"sqlite:///{path}")
    store = SqlRunStore(database)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(Conflict, match="locked by another process"):
            store.create_run(ANN, RunRequest("?"), PLAN, now=NOW)
        assert store.list_runs(ANN) == []
    finally:
        holder.close()
        database.close()


def test_a_write_that_fails_keeps_nothing(sqlite: Database) -> None:
    def half(connection: object) -> None:
        SqlRunStore(sqlite)
        connection.execute(text("DELETE FROM alembic_version"))  # type: ignore[attr-defined]
        raise ValueError("on the way")

    with pytest.raises(ValueError, match="on the way"):
        sqlite.write(half)
    assert sqlite.read(lambda connection: connection.execute(text("SELECT 1 FROM alembic_version")).scalar()) == 1
