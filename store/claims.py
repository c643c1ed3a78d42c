"""Which steps may start, and taking one: a conditional update that raises the fence and counts the attempt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    String,
    and_,
    bindparam,
    or_,
    select,
    tuple_,
    update,
)

from store import limits, rules
from store.columns import UtcDateTime
from store.joins import end_without_result
from store.rows import run_of, step_of
from store.run_change import RunChange, lock_run_of
from store.tables import NOT_HELD, is_in, steps
from tieout.model import Limit, ReadyStep, RunState, StepState
from tieout.ports import Claimed

READY, RUNNING, DONE, DEAD = (
    StepState.READY.value,
    StepState.RUNNING.value,
    StepState.DONE.value,
    StepState.DEAD.value,
)
_MOST_WORKSPACES = 64  # that one look of the dispatcher serves; the others' turn comes with the next

# The statements of each step's life are built once: building one costs several times what running it does.
_STEP = bindparam("the_step", type_=String())
_FENCE = bindparam("the_fence", type_=BigInteger())
_NOW = bindparam("now", type_=UtcDateTime())
_STARTABLE = and_(is_in(steps.c.state, READY), NOT_HELD)
CLAIMED = and_(steps.c.id == _STEP, steps.c.fence == _FENCE, steps.c.state == RUNNING)
_NEXT_WORKSPACE = (
    select(steps.c.workspace)
    .where(_STARTABLE, steps.c.workspace > bindparam("after", type_=String()))
    .order_by(steps.c.workspace)
    .limit(1)
)
_OF_WORKSPACE = (
    select(steps.c.id, steps.c.run_id, steps.c.workspace)
    .where(_STARTABLE, steps.c.workspace == bindparam("one", type_=String()))
    .order_by(steps.c.turn, steps.c.ready_at, steps.c.id)
    .limit(bindparam("most", type_=Integer()))
)
_CLAIM = (
    update(steps)
    .where(steps.c.id == _STEP, _STARTABLE)
    .values(
        state=RUNNING,
        fence=steps.c.fence + 1,
        attempt=steps.c.attempt + 1,
        owner=bindparam("new_owner"),
        lease_until=bindparam("until"),
        started_at=_NOW,
        finished_at=None,
        error=None,
    )
    .returning(*steps.c)
)
_OUTPUTS = (
    select(steps.c.key, steps.c.output)
    .where(steps.c.run_id == bindparam("the_run", type_=String()), steps.c.state == DONE)
    .order_by(steps.c.position)
)
_HOLDS = select(steps.c.id).where(CLAIMED)


def workspaces(connection: Connection, after: str) -> list[str]:
    """Return workspaces that have a step to start, from the one after `after` on and round to it again.

    Each is found by one step through the index.
    """
    found: list[str] = []
    at, round_again = after, False
    while len(found) < _MOST_WORKSPACES:
        following = connection.execute(_NEXT_WORKSPACE, {"after": at}).scalar()
        if following is None and not round_again and after:
            at, round_again = "", True
        elif following is None or (round_again and following > after):
            break
        else:
            found.append(at := following)
    return found


def ready(
    connection: Connection, limit: int, now: datetime, allowed: Mapping[str, Limit], names: Sequence[str]
) -> list[ReadyStep]:
    """Return steps of the workspaces that may start: one of each in turn, by priority, then the longest waiting."""
    closed = limits.exhausted(connection, allowed, names, now) if allowed else limits.NOTHING
    queues = [
        _queue(connection, name, limit, closed) for name in names if limits.workspace_key(name, allowed) not in closed
    ]
    ordered: list[ReadyStep] = []
    for turn in range(limit):
        in_turn = [queue[turn] for queue in queues if turn < len(queue)]
        if not in_turn:
            break
        ordered += in_turn
    return ordered[:limit]


def _queue(connection: Connection, workspace: str, limit: int, closed: Collection[str | None]) -> list[ReadyStep]:
    query: Any = _OF_WORKSPACE
    shut = sorted(key for key in closed if key is not None)
    if shut:
        query = query.where(or_(steps.c.limit_key.is_(None), steps.c.limit_key.not_in(shut)))
    rows = connection.execute(query, {"one": workspace, "most": limit})
    return [ReadyStep(row.id, row.run_id, row.workspace) for row in rows]


def claim(
    connection: Connection, step_id: str, owner: str, lease_s: float, now: datetime, allowed: Mapping[str, Limit]
) -> Claimed | None:
    """Take the step by one conditional update, or return None: it is not to be had, or its limit is used up."""
    locked = lock_run_of(connection, step_id)
    if locked is None:
        return None
    if allowed and not limits.admit(connection, step_id, allowed, now):
        return None
    change = RunChange(connection, locked.id, now, locked)
    until = now + timedelta(seconds=lease_s)
    row = connection.execute(
        _CLAIM, {"the_step": step_id, "now": now, "new_owner": owner, "until": until}
    ).one_or_none()
    if row is None:
        return None
    if change.state is RunState.QUEUED:
        change.event("run_started", {})
    if change.state in (RunState.QUEUED, RunState.WAITING):
        change.enter(RunState.RUNNING)
    change.event("step_started", {"attempt": row.attempt, "action": row.action}, row.key)
    run = run_of(change.save_and_read())
    done = connection.execute(_OUTPUTS, {"the_run": run.id})
    return Claimed(step_of(row), run, row.fence, {row.key: row.output for row in done}, owner)


def holds(connection: Connection, step_id: str, fence: int) -> bool:
    """Return whether the claim stands."""
    return bool(connection.execute(_HOLDS, {"the_step": step_id, "the_fence": fence}).scalar())


def require(connection: Connection, step_id: str, fence: int) -> None:
    """Raise StaleFence when the claim no longer stands. The run is locked by the caller."""
    if not holds(connection, step_id, fence):
        raise rules.stale(step_id, fence)


def still_held(connection: Connection, claims: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Return those of (step id, fence) that stand."""
    query = select(steps.c.id, steps.c.fence).where(
        is_in(steps.c.state, RUNNING), tuple_(steps.c.id, steps.c.fence).in_(list(claims))
    )
    return {(row.id, row.fence) for row in connection.execute(query)}


def renew(connection: Connection, owner: str, until: datetime, only: Sequence[str] | None) -> int:
    """Extend leases. A row that another transaction holds is skipped: that write decides about the claim."""
    mine = select(steps.c.id).where(steps.c.owner == owner, is_in(steps.c.state, RUNNING))
    if only is not None:
        mine = mine.where(steps.c.id.in_(only))
    mine = mine.with_for_update(skip_locked=True)
    return connection.execute(update(steps).where(steps.c.id.in_(mine)).values(lease_until=until)).rowcount


def running(connection: Connection, now: datetime) -> Sequence[Any]:
    """Return (id, run_id, owner, fence, expired) of all running steps."""
    query = select(
        steps.c.id, steps.c.run_id, steps.c.owner, steps.c.fence, (steps.c.lease_until < now).label("expired")
    ).where(is_in(steps.c.state, RUNNING))
    return connection.execute(query).all()


def release(
    connection: Connection, step_id: str, run_id: str, fence: int, owner_is_dead: bool, now: datetime
) -> list[ReadyStep]:
    """Free a step from a claim whose process is gone: ready again, or dead with no attempts left."""
    change = RunChange(connection, run_id, now)
    still: list[ColumnElement[bool]] = [steps.c.id == step_id, steps.c.state == RUNNING, steps.c.fence == fence]
    if not owner_is_dead:
        still.append(steps.c.lease_until < now)  # it may have been renewed since we looked
    row = connection.execute(select(steps).where(*still)).one_or_none()
    if row is None:
        return []
    spent = row.attempt >= row.max_attempts
    error = rules.lost_error(row.attempt, row.max_attempts, owner_is_dead=owner_is_dead)
    change.end_running("lost", error, step_id)
    values = {"state": READY, "fence": row.fence + 1, "owner": None, "lease_until": None, "error": error}
    connection.execute(update(steps).where(steps.c.id == step_id).values(ready_at=now, **values))
    data = {"attempt": row.attempt, "error": error}
    change.event("step_failed" if spent else "step_retried", data, row.key)
    opened = [] if row.held else [ReadyStep(step_id, run_id, row.workspace)]
    if spent:
        opened = end_without_result(change, row, StepState.DEAD, error)
    change.save()
    return opened
