"""The schedule tables on PostgreSQL are those of the metadata, and their indexes serve the scheduler's questions."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event

from store.database import open_database
from store.schedules import SqlScheduleStore
from store.tables_schedules import metadata

TABLES = {"schedules", "fires"}


def test_the_migration_makes_the_tables_on_postgresql_too(postgres_url: str) -> None:
    def of_schedules(_: object, name: str | None, kind: str, *__: object) -> bool:
        return kind != "table" or name in TABLES

    database = open_database(postgres_url)
    options = {"compare_type": True, "include_object": of_schedules}
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    database.close()


def test_what_a_scheduler_asks_each_second_is_answered_by_an_index(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    store, now, asked = SqlScheduleStore(database), datetime(2026, 3, 2, tzinfo=UTC), []

    def note(_: object, __: object, statement: str, parameters: tuple[object, ...], *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    store.due_schedules(now=now, limit=50)
    store.next_due()
    store.take_stranded(now=now, retry_at=now, limit=50)
    event.remove(database.engine, "before_cursor_execute", note)
    questions = [one for one in asked if one[0].startswith("SELECT")]
    assert len(questions) == 3
    with database.engine.connect() as connection:
        for statement, parameters in questions:
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            assert "INDEX ix_" in plan, plan
            assert "SCAN schedules'" not in plan, plan
    database.close()
