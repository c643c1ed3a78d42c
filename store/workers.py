"""Keeps the list of processes that run steps in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Update, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from store.database import Database
from store.tables import steps
from store.tables_workers import workers
from tieout.model import SignOfLife, Worker, WorkerKind

_NAMES = tuple(field.name for field in fields(Worker))


class SqlWorkerStore:
    """A `WorkerStore` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, worker: Worker) -> None:
        """Enter a process, or enter it anew under the name that it has."""
        self._database.write(lambda connection: enter(connection, worker))

    def beat(self, owner: str, *, now: datetime) -> bool:
        """Note that the process lives; return False when it is not entered."""
        return self._database.write(lambda connection: connection.execute(beaten(owner, now)).rowcount) > 0

    def leave(self, owner: str, *, now: datetime) -> None:
        """Note that the process ended by itself."""
        self._database.write(lambda connection: connection.execute(left(owner, now)) and None)

    def list_workers(self, *, limit: int = 200) -> list[Worker]:
        """Return the processes: those not ended first, then the newest."""
        query = select(workers).order_by(workers.c.stopped_at.is_not(None), workers.c.started_at.desc()).limit(limit)
        rows = self._database.read(lambda connection: connection.execute(query).all())
        return [_worker(row) for row in rows]

    def time_left_s(self, owner: str, *, now: datetime) -> float:
        """Return in how many seconds the last of the owner's running steps reaches its time limit; 0 with none."""
        query = select(steps.c.started_at, steps.c.timeout_s).where(steps.c.owner == owner, steps.c.state == "running")
        rows = self._database.read(lambda connection: connection.execute(query).all())
        ends = [row.started_at + timedelta(seconds=row.timeout_s) for row in rows]
        return max(((end - now).total_seconds() for end in ends), default=0.0)

    def forget(self, *, before: datetime) -> int:
        """Drop processes that showed no life since `before` and have no running step; return how many."""
        return self._database.write(lambda connection: connection.execute(_gone(before)).rowcount)


def enter(connection: Connection, worker: Worker, now: ColumnElement[Any] | None = None) -> None:
    """Write the process's row, with the database's own time `now` for that of the worker."""
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(workers)
    values: Mapping[str, Any] = {name: getattr(worker, name) for name in _NAMES}
    if now is not None:
        values = {**values, "started_at": now, "seen_at": now}
    # Since when it lives stays; a process that says that it lives has not stopped.
    again = {name: insert.excluded[name] for name in _NAMES if name not in ("owner", "started_at")}
    connection.execute(insert.values(values).on_conflict_do_update(index_elements=["owner"], set_=again))


def beaten(owner: str, now: Any) -> Update:
    """Return the statement that notes a sign of life."""
    return update(workers).where(workers.c.owner == owner).values(seen_at=now)


def left(owner: str, now: Any) -> Update:
    """Return the statement that notes a goodbye."""
    return update(workers).where(workers.c.owner == owner).values(stopped_at=now, seen_at=now)


def _gone(before: datetime) -> Any:
    # A row that is missing means that nobody knows, so it stays while a step still names the process.
    working = select(steps.c.owner).where(steps.c.state == "running", steps.c.owner.is_not(None))
    return delete(workers).where(
        func.coalesce(workers.c.stopped_at, workers.c.seen_at) < before, workers.c.owner.not_in(working)
    )


def _worker(row: Row[Any]) -> Worker:
    worker = Worker(**row._mapping)
    return replace(worker, kind=WorkerKind(row.kind), liveness=SignOfLife(row.liveness))
