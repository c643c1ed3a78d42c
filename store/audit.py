"""Checks the state of record against itself: counters against edges, event numbers, attempts, effects and files.

It knows the schema and nothing of the engine, so that it can judge what the engine did.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, FromClause, Select, and_, case, exists, func, or_, select, text

from store.database import Database
from store.snapshot import hold_snapshot
from store.tables import artifacts, attempts, effects, events, runs, step_edges, steps, waits
from store.tables_content import documents
from tieout.errors import NotAvailable, NotFound
from tieout.model import Principal, RunState, StepState
from tieout.ports import BlobStore
from tieout.ports.backup import Finding

MOST = 100  # findings of one rule; where there are more, the first ones tell enough
_FINAL = tuple(state.value for state in RunState if state.final)
_SETTLED = ("done", "dead", "cancelled")
_FAILED = ("dead", "cancelled")
_DONE, _RUNNING, _BLOCKED, _WAITING = (
    StepState.DONE.value,
    StepState.RUNNING.value,
    StepState.BLOCKED.value,
    StepState.WAITING.value,
)
_BATCH = 500
_MISSING = "is named, but not kept"
_parent = steps.alias("parent")
_child = steps.alias("child")


def audit(
    database: Database,
    *,
    artifacts: BlobStore | None = None,
    originals: BlobStore | None = None,
    deep: bool = True,
) -> list[Finding]:
    """Return what is wrong, an empty list when all is well; each rule tells at most 100 findings.

    All rules see one moment of the database, which may be in use. Files are looked for in the blob stores that are
    given, and with `deep` read and compared with their hashes.
    """

    def work(connection: Connection) -> list[Finding]:
        hold_snapshot(connection)
        return [*_records(connection)]

    found = database.read(work)
    for kind, blobs in (("artifact", artifacts), ("original", originals)):
        if blobs is not None:
            found += islice(_files(database, kind, blobs, deep), MOST)
    return found


def _records(connection: Connection) -> Iterator[Finding]:
    for rule, query, tell in _RULES:
        for row in connection.execute(query.limit(MOST)):
            yield Finding(rule, row[0], tell.format(*row))
    if connection.dialect.name == "sqlite":  # PostgreSQL never lets one in
        for row in islice(connection.execute(text("PRAGMA foreign_key_check")), MOST):
            yield Finding("foreign key", f"{row[0]} row {row[1]}", f"points to no row of {row[2]}")


# ---------------------------------------------------------------- the rules: each selects what breaks it


def _joined(*columns: Any) -> Select[Any]:
    return select(*columns).join_from(steps, runs, steps.c.run_id == runs.c.id)


def _parents() -> FromClause:
    """Return, by child: how many parents are not settled yet, and how many ended without a result."""
    return (
        select(
            step_edges.c.child_id,
            func.sum(case((_parent.c.state.in_(_SETTLED), 0), else_=1)).label("unsettled"),
            func.sum(case((_parent.c.state.in_(_FAILED), 1), else_=0)).label("failed"),
        )
        .join_from(step_edges, _parent, step_edges.c.parent_id == _parent.c.id)
        .join(_child, step_edges.c.child_id == _child.c.id)
        .where(_child.c.state.not_in(_FAILED))
        .group_by(step_edges.c.child_id)
        .subquery("parents")
    )


def _pending(where: Any, parents: FromClause) -> Select[Any]:
    unsettled = func.coalesce(parents.c.unsettled, 0)
    return (
        select(steps.c.id, steps.c.pending, unsettled, steps.c.state)
        .outerjoin(parents, steps.c.id == parents.c.child_id)
        .where(where(unsettled))
    )


def _remaining() -> Select[Any]:
    unsettled = (
        select(func.count())
        .where(steps.c.run_id == runs.c.id, steps.c.state.not_in(_SETTLED))
        .correlate(runs)
        .scalar_subquery()
    )
    return select(runs.c.id, runs.c.remaining, unsettled).where(
        runs.c.state.not_in(_FINAL), runs.c.remaining != unsettled
    )


def _numbered() -> Select[Any]:
    of_run = (
        select(
            events.c.run_id,
            func.count().label("count"),
            func.min(events.c.seq).label("first"),
            func.max(events.c.seq).label("last"),
        )
        .group_by(events.c.run_id)
        .subquery("numbered")
    )
    count = func.coalesce(of_run.c.count, 0)
    wrong = or_(count != runs.c.event_seq, of_run.c.first != 1, of_run.c.last != runs.c.event_seq)
    return (
        select(runs.c.id, runs.c.event_seq, count, of_run.c.first, of_run.c.last)
        .outerjoin(of_run, runs.c.id == of_run.c.run_id)
        .where(wrong)
    )


def _attempt(*where: Any) -> Any:
    return exists().where(attempts.c.step_id == steps.c.id, *where)


def _done_twice() -> Select[Any]:
    """Select steps with more attempts that are done than they were asked for: once, and once more by each replay."""
    replays = (
        select(func.count())
        .where(events.c.run_id == steps.c.run_id, events.c.kind == "run_replayed")
        .correlate(steps)
        .scalar_subquery()
    )
    done = (
        select(attempts.c.step_id, func.count().label("times"))
        .where(attempts.c.outcome == "done")
        .group_by(attempts.c.step_id)
        .having(func.count() > 1)
        .subquery("done")
    )
    return (
        select(steps.c.id, done.c.times, replays)
        .join(done, done.c.step_id == steps.c.id)
        .where(done.c.times > 1 + replays)
    )


def _open_waits() -> Select[Any]:
    count = (
        select(func.count())
        .where(waits.c.step_id == steps.c.id, waits.c.state == "open")
        .correlate(steps)
        .scalar_subquery()
    )
    return select(steps.c.id, steps.c.pending, count).where(
        steps.c.state == _WAITING, or_(steps.c.pending != count, count == 0)
    )


_of_parents = _parents()
_live = exists().where(steps.c.run_id == runs.c.id, steps.c.state.in_(("ready", "running", "retry", "waiting")))
_RULES: tuple[tuple[str, Select[Any], str], ...] = (
    (
        "fan-in counter",
        _pending(
            lambda unsettled: and_(steps.c.state.not_in((_WAITING, *_FAILED)), steps.c.pending != unsettled),
            _of_parents,
        ),
        "pending is {1}, but {2} parents are not settled",
    ),
    (
        "fan-in counter",
        _pending(lambda _: and_(steps.c.state == _BLOCKED, steps.c.pending == 0), _of_parents),
        "is blocked and waits for nothing",
    ),
    (
        "order",
        _pending(lambda unsettled: and_(steps.c.state.not_in((_BLOCKED, *_FAILED)), unsettled > 0), _of_parents),
        "is {3} before {2} of its parents",
    ),
    (
        "failed parents",
        select(steps.c.id, steps.c.failed, func.coalesce(_of_parents.c.failed, 0))
        .outerjoin(_of_parents, steps.c.id == _of_parents.c.child_id)
        .where(steps.c.state.not_in(_FAILED), steps.c.failed != func.coalesce(_of_parents.c.failed, 0)),
        "counts {1} parents without a result, but {2} are",
    ),
    ("remaining", _remaining(), "remaining is {1}, but {2} steps are not settled"),
    (
        "run over",
        _joined(steps.c.id, steps.c.state, runs.c.state).where(
            runs.c.state.in_(_FINAL), steps.c.state.not_in(_SETTLED)
        ),
        "is {1}, but its run is {2}",
    ),
    (
        "run over",
        select(runs.c.id, runs.c.state).where(runs.c.state.in_(_FINAL) != runs.c.finished_at.is_not(None)),
        "is {1}, and the time of its end does not go with that",
    ),
    (
        "pause",
        _joined(steps.c.id, steps.c.state, runs.c.state).where(
            steps.c.state.not_in(_SETTLED), steps.c.held != (runs.c.state == RunState.PAUSED.value)
        ),
        "is {1}, and whether it is held does not go with its run, which is {2}",
    ),
    (
        "run stranded",
        select(runs.c.id, runs.c.state).where(runs.c.state.not_in(_FINAL), ~_live),
        "is {1}, but none of its steps can go on",
    ),
    ("open waits", _open_waits(), "pending is {1}, but it has {2} open waits"),
    (
        "open waits",
        select(waits.c.token, steps.c.state)
        .join_from(waits, steps, waits.c.step_id == steps.c.id)
        .where(waits.c.state == "open", steps.c.state != _WAITING),
        "is open, but its step is {1}",
    ),
    ("events", _numbered(), "the newest has number {1}; there are {2}, from {3} to {4}"),
    (
        "output",
        select(steps.c.id).where(steps.c.state == _DONE, steps.c.output.is_(None)),
        "is done without an output",
    ),
    (
        "attempts",
        select(steps.c.id, steps.c.fence).where(
            steps.c.state == _DONE, ~_attempt(attempts.c.fence == steps.c.fence, attempts.c.outcome == "done")
        ),
        "is done, but no attempt of fence {1} is",
    ),
    ("done twice", _done_twice(), "is done {1} times, with {2} replays"),
    (
        "attempts",
        select(steps.c.id, steps.c.state).where(steps.c.state != _RUNNING, _attempt(attempts.c.outcome.is_(None))),
        "is {1}, but has an open attempt",
    ),
    (
        "claim",
        select(steps.c.id, steps.c.state).where(
            or_(
                and_(steps.c.state == _RUNNING, or_(steps.c.owner.is_(None), steps.c.lease_until.is_(None))),
                and_(steps.c.state != _RUNNING, steps.c.owner.is_not(None)),
            )
        ),
        "is {1}, and its owner or lease does not go with that",
    ),
    (
        "effects",
        select(effects.c.key)
        .join_from(effects, steps, effects.c.step_id == steps.c.id)
        .where(
            or_(
                effects.c.run_id != steps.c.run_id,
                effects.c.workspace != steps.c.workspace,
                effects.c.attempts < 1,
                effects.c.outcome.is_(None) & effects.c.finished_at.is_not(None),
                effects.c.outcome.is_not(None) & effects.c.finished_at.is_(None),
            )
        ),
        "does not go with its step, or with its own outcome",
    ),
)


# ---------------------------------------------------------------- files


def _files(database: Database, kind: str, blobs: BlobStore, deep: bool) -> Iterator[Finding]:
    """Yield what is wrong with the files that rows name; a row that is gone by then names nothing."""
    table = artifacts if kind == "artifact" else documents
    place = table.c.workspace, table.c.sha256
    last: tuple[str, str] | None = None
    while True:
        query = select(*place).distinct().order_by(*place).limit(_BATCH)
        if last is not None:
            query = query.where(or_(place[0] > last[0], and_(place[0] == last[0], place[1] > last[1])))
        rows = database.read(lambda connection: connection.execute(query).all())  # noqa: B023
        for workspace, sha256 in rows:
            last = workspace, sha256
            wrong = _wrong(blobs, workspace, sha256, deep)
            if wrong is not None:
                named = exists().where(place[0] == workspace, place[1] == sha256)
                if database.read(lambda connection: connection.execute(select(named)).scalar()):  # noqa: B023
                    yield Finding(kind, f"{workspace}/{sha256}", wrong)
        if len(rows) < _BATCH:
            return


def _wrong(blobs: BlobStore, workspace: str, sha256: str, deep: bool) -> str | None:
    auditor = Principal("audit", workspace)
    try:
        if not deep:
            return None if blobs.has(auditor, sha256) else _MISSING
        blobs.get(auditor, sha256)
    except NotFound:
        return _MISSING
    except NotAvailable as error:
        return error.message
    return None
