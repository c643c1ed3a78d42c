"""Removes finished runs that are older than anybody wants to keep, and the files that only they named.

Rows go in small batches, so that nobody waits long. Files are swept afterwards: what a run named may be another's,
too. A run that has something open is kept: an effect whose outcome nobody knows, a wait, or a run that waits for it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select

from store.blob_sweep import sweep
from store.blobs import folder_name
from store.database import Database
from store.effects import FAILED
from store.tables import artifacts, attempts, effects, events, runs, step_edges, steps, waits
from tieout.model import RunState
from tieout.ports.backup import Pruned

_BATCH = 50  # runs of one transaction
_FINAL = tuple(state.value for state in RunState if state.final)
_parents = steps.alias("parents")
_askers = runs.alias("askers")

_OPEN = or_(
    exists().where(effects.c.run_id == runs.c.id, effects.c.outcome.is_(None), effects.c.fence != FAILED),
    exists().where(waits.c.run_id == runs.c.id, waits.c.state == "open"),
    exists().where(waits.c.child_run == runs.c.id, waits.c.state == "open"),
    exists().where(
        _parents.c.id == runs.c.parent_step, _askers.c.id == _parents.c.run_id, _askers.c.state.not_in(_FINAL)
    ),
)


class SqlRetention:
    """`Retention` over a database and the folder of the artifacts. Safe to use from many threads and processes."""

    def __init__(self, database: Database, artifacts: Path) -> None:
        self._database = database
        self._artifacts = artifacts

    def prune(
        self, *, workspace: str | None, before: datetime, states: Collection[RunState] = (), dry_run: bool = False
    ) -> Pruned:
        """Remove runs that ended before a time (UTC), in these final states (empty: all), with all that is theirs.

        `workspace` None means all workspaces. A run with an effect of unknown outcome or an open wait is kept.
        With `dry_run`, count only; files are then not counted, since which ones go shows when the rows are gone.
        """
        wanted = {state.value for state in states} & set(_FINAL) if states else set(_FINAL)
        old = and_(runs.c.state.in_(sorted(wanted)), runs.c.finished_at < before)
        if workspace is not None:
            old = and_(old, runs.c.workspace == workspace)
        kept, there = self._count(and_(old, _OPEN)), self._count(and_(old, ~_OPEN))
        if dry_run:
            return Pruned(there, kept)
        removed = 0
        while batch := self._database.write(lambda connection: _remove(connection, old)):
            removed += batch
        swept = sweep(self._artifacts, _Named(self._database))
        return Pruned(removed, kept, swept.files, swept.size)

    def _count(self, where: ColumnElement[bool]) -> int:
        query = select(func.count()).select_from(runs).where(where)
        return int(self._database.read(lambda connection: connection.execute(query).scalar_one()))


class _Named:
    """Tells which hashes artifacts have. Workspaces are looked up once: the files of one that is new are new, too."""

    def __init__(self, database: Database) -> None:
        self._database = database
        query = select(artifacts.c.workspace).distinct()
        self._names: dict[str, list[str]] = {}
        for name in database.read(lambda connection: connection.execute(query).scalars().all()):
            self._names.setdefault(folder_name(name), []).append(name)

    def __call__(self, folder: str, prefix: str) -> set[str]:
        """Return the hashes with a prefix that artifacts of a folder's workspace have."""
        query = select(artifacts.c.sha256).where(
            artifacts.c.workspace.in_(self._names.get(folder, ())),
            artifacts.c.sha256 >= prefix,
            artifacts.c.sha256 < f"{prefix}g",
        )
        return set(self._database.read(lambda connection: connection.execute(query).scalars().all()))


def _remove(connection: Connection, old: ColumnElement[bool]) -> int:
    """Remove some of the runs; their rows are locked first, so that none is resumed meanwhile."""
    query = select(runs.c.id).where(old, ~_OPEN).order_by(runs.c.finished_at).limit(_BATCH)
    gone = list(connection.execute(query.with_for_update(skip_locked=True, of=runs)).scalars())
    if not gone:
        return 0
    theirs = list(connection.execute(select(steps.c.id).where(steps.c.run_id.in_(gone))).scalars())
    # One statement a table: left to the foreign keys, the database would look for each step's rows by itself.
    connection.execute(delete(events).where(events.c.run_id.in_(gone)))
    connection.execute(delete(artifacts).where(artifacts.c.run_id.in_(gone)))
    connection.execute(delete(effects).where(effects.c.run_id.in_(gone)))
    for first in range(0, len(theirs), 500):
        some = theirs[first : first + 500]
        connection.execute(delete(attempts).where(attempts.c.step_id.in_(some)))
        connection.execute(delete(step_edges).where(step_edges.c.child_id.in_(some)))
    connection.execute(delete(runs).where(runs.c.id.in_(gone)))  # and by cascade what else there is
    return len(gone)
