"""A restore puts everything in place or nothing, into what is empty, and never what it cannot vouch for."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

import store.backup.restore as restoring
from store.audit import audit
from store.backup.archive import ArchiveWriter
from store.backup.restore import restore
from store.backup.schema import known_revisions
from store.backup.verify import verify
from tests.support.old_backup import SCHEMA, write_old_backup
from tests.support.stored import ANN, Data
from tieout.errors import Conflict, FolderLocked, NotAvailable, RefusedFile
from tieout.model import RunState
from tieout.runtime import RESTORING, acquire, check_folder


@pytest.fixture
def source(new_data: Callable[..., Data], tmp_path: Path) -> Path:
    """Give a backup of a small desk."""
    data = new_data("home")
    data.submit(2)
    data.work(3)
    data.document("one.txt")
    data.prices("AAA", 5)
    data.backups.take(tmp_path / "desk.tar.gz")
    return tmp_path / "desk.tar.gz"


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Give the address of an empty PostgreSQL, or None for SQLite in the folder."""
    return str(request.getfixturevalue("empty_postgres")) if request.param == "postgres" else None


def tables(url: str | None) -> list[str]:
    if url is None:
        return []
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    found = inspect(engine).get_table_names()
    engine.dispose()
    return found


def assert_nothing(folder: Path, url: str | None) -> None:
    """Nothing is there but perhaps the lock's file."""
    assert {path.name for path in folder.glob("*")} <= {"folder.lock"} and tables(url) == []


def test_a_damaged_backup_leaves_nothing_behind(source: Path, tmp_path: Path, url: str | None) -> None:
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 4
    source.write_bytes(content)
    with pytest.raises(RefusedFile):
        restore(source, tmp_path / "new", url)
    assert_nothing(tmp_path / "new", url)


def test_a_truncated_backup_leaves_nothing_behind(source: Path, tmp_path: Path, url: str | None) -> None:
    content = source.read_bytes()
    source.write_bytes(content[: len(content) * 3 // 4])
    with pytest.raises(RefusedFile):
        restore(source, tmp_path / "new", url)
    assert_nothing(tmp_path / "new", url)


@pytest.mark.parametrize(
    "name",
    ["../../escape", "lake/../../escape", "tieout.db", "lake/x", "vectors/x", "artifacts/desk/" + "0" * 64, "sql/x"],
)
def test_a_member_where_none_belongs_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    """Even under checksums that fit: an archive made to harm has those, too."""
    path = tmp_path / "evil.tar.gz"
    if ".." in name:
        with gzip.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
            tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    else:
        write_old_backup(path, changes={name: b"x"})
    with pytest.raises(RefusedFile):
        restore(path, tmp_path / "a" / "b" / "new")
    assert not (tmp_path / "escape").exists() and not (tmp_path / "a" / "escape").exists()
    assert_nothing(tmp_path / "a" / "b" / "new", None)


@pytest.mark.parametrize(
    ("member", "data"),
    [
        ("sql/schema.json", b"{"),
        ("sql/schema.json", b'{"tables": [{"table": "alembic_version", "columns": {"version": "text"}}]}'),
        ("sql/schema.json", b'{"tables": [{"table": "runs", "columns": {"id); DROP TABLE runs; --": "text"}}]}'),
        ("sql/runs/000000.ndjson", b"[1,2]\n"),
        ("sql/runs/000000.ndjson", b"nonsense\n"),
        ("sql/step_edges/000000.ndjson", b'["step_a", "step_nowhere"]\n["step_b", "step_c"]\n'),
        ("sql/unknown/000000.ndjson", b"[]\n"),
        ("sql/events/000000.ndjson", b""),
        ("artifacts/~desk/" + "0" * 64, b"other content than its name says"),
    ],
)
def test_records_that_make_no_sense_leave_nothing_behind(
    tmp_path: Path, url: str | None, member: str, data: bytes
) -> None:
    path = write_old_backup(tmp_path / "evil.tar.gz", changes={member: data})
    with pytest.raises(RefusedFile):
        restore(path, tmp_path / "new", url)
    assert_nothing(tmp_path / "new", url)


@pytest.mark.parametrize("at", range(4))
def test_a_restore_that_fails_half_way_leaves_nothing_and_can_be_tried_again(
    source: Path, tmp_path: Path, url: str | None, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    def failing(original: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == at + 1:
                raise NotAvailable("the disk went away")
            return original(*args, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(restoring, "_copy", failing(restoring._copy))  # once for each file of the lake
        patched.setattr(restoring, "upgrade", failing(restoring.upgrade))
        with pytest.raises(NotAvailable):
            restore(source, tmp_path / "new", url)
    assert_nothing(tmp_path / "new", url)
    assert restore(source, tmp_path / "new", url).findings == []


def test_a_killed_restore_is_cleared_away_by_the_next(source: Path, tmp_path: Path) -> None:
    """Killed while it moved things to their places: some are there, the mark tells that they are not all."""
    folder = tmp_path / "new"
    (folder / RESTORING).mkdir(parents=True)
    (folder / "artifacts" / "half").mkdir(parents=True)
    (folder / RESTORING / "tieout.db").write_bytes(b"half")
    with pytest.raises(NotAvailable, match="being restored"):
        check_folder(folder)
    assert restore(source, folder).findings == []
    check_folder(folder)
    assert not (folder / "artifacts" / "half").exists() and not (folder / RESTORING).exists()


@pytest.mark.parametrize("name", ["tieout.db", "artifacts/x", "lake/desk/x", "vectors/x"])
def test_a_folder_with_data_is_refused_and_left_alone(source: Path, tmp_path: Path, name: str) -> None:
    kept = tmp_path / "new" / name
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        restore(source, tmp_path / "new")
    assert kept.read_text() == "mine" and not (tmp_path / "new" / RESTORING).exists()


def test_a_database_with_rows_is_refused_and_left_alone(
    source: Path, new_data: Callable[..., Data], tmp_path: Path, postgres_url: str
) -> None:
    used = new_data("used", postgres_url)
    used.submit(1)
    with pytest.raises(Conflict, match="runs"):
        restore(source, tmp_path / "new", postgres_url)
    assert len(used.states()) == 1
    assert_nothing(tmp_path / "new", None)


def test_a_database_with_other_tables_is_refused(source: Path, tmp_path: Path, empty_postgres: str) -> None:
    engine = create_engine(empty_postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE somebody_elses (x int)")
    engine.dispose()
    with pytest.raises(Conflict, match="somebody_elses"):
        restore(source, tmp_path / "new", empty_postgres)
    assert tables(empty_postgres) == ["somebody_elses"]


def test_a_folder_that_is_in_use_is_refused(source: Path, tmp_path: Path) -> None:
    lock = acquire(tmp_path / "new")
    try:
        with pytest.raises(FolderLocked):
            restore(source, tmp_path / "new")
    finally:
        lock.release()


def test_a_backup_of_an_older_schema_is_brought_to_this_version(
    new_data: Callable[..., Data], tmp_path: Path, url: str | None
) -> None:
    path = write_old_backup(tmp_path / "old.tar.gz")
    assert restore(path, tmp_path / "new", url).findings == []
    data = new_data("new", url)
    run = data.runs.get_run(ANN, "run_old")
    assert (run.state, run.result, str(run.usage.cost)) == (RunState.RUNNING, {"kept": "as it was"}, "0.10")
    data.finish_all()
    assert data.states() == {"run_old": RunState.DONE}
    assert audit(data.database, artifacts=data.artifacts) == []


def test_a_backup_of_a_newer_schema_is_refused(tmp_path: Path, url: str | None) -> None:
    path = write_old_backup(tmp_path / "new.tar.gz", revision="9999")
    for act in (lambda: restore(path, tmp_path / "new", url), lambda: verify(path)):
        with pytest.raises(RefusedFile, match="9999"):
            act()
    assert_nothing(tmp_path / "new", url)


def test_verifying_says_what_does_not_go_together(tmp_path: Path) -> None:
    """An audit's findings are told; they do not keep anybody from restoring what there is."""
    events = b'["run_old",1,"desk","run_submitted","2026-01-02T03:04:05+00:00","{}"]\n'
    more = b'["run_old",7,"desk","run_started","2026-01-02T03:04:05+00:00","{}"]\n'
    path = write_old_backup(tmp_path / "old.tar.gz", changes={"sql/events/000000.ndjson": events + more})
    summary, findings = verify(path)
    assert summary.revision == "0002" and [finding.rule for finding in findings] == ["events"]
    assert list(restore(path, tmp_path / "new").findings) == findings


def test_a_manifest_that_lacks_something_is_refused(tmp_path: Path) -> None:
    with ArchiveWriter(tmp_path / "x.tar.gz") as archive:
        archive.add("sql/schema.json", json.dumps({"tables": []}).encode())
        archive.complete({"revision": known_revisions()[-1]})
    with pytest.raises(RefusedFile, match="manifest"):
        restore(tmp_path / "x.tar.gz", tmp_path / "new")
    assert len(SCHEMA) == 5
