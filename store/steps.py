"""The life of a step as transactions: claim, complete, fail, hand back, release. Each write after a claim is fenced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    case,
    func,
    insert,
    or_,
    select,
    update,
)

from store import rules
from store.columns import UtcDateTime
from store.rows import run_of, step_of
from store.run_change import RunChange, lock_run_of
from store.tables import attempts, step_edges, steps
from tieout.model import RunState, StepState
from tieout.ports import Claimed, ReadyStep

READY, RUNNING, RETRY, BLOCKED, DONE, DEAD = (
    StepState.READY.value,
    StepState.RUNNING.value,
    StepState.RETRY.value,
    StepState.BLOCKED.value,
    StepState.DONE.value,
    StepState.DEAD.value,
)


# The statements of each step's life are built once: building one costs several times what running it does.
_STEP = bindparam("the_step", type_=String())
_FENCE = bindparam("the_fence", type_=BigInteger())
_NOW = bindparam("now", type_=UtcDateTime())
_DUE = or_(steps.c.state == READY, and_(steps.c.state == RETRY, steps.c.ready_at <= _NOW))
_CLAIMED = and_(steps.c.id == _STEP, steps.c.fence == _FENCE, steps.c.state == RUNNING)

_waiting = (
    select(
        *(steps.c.id, steps.c.run_id, steps.c.workspace, steps.c.ready_at),
        func.row_number().over(partition_by=steps.c.workspace, order_by=(steps.c.ready_at, steps.c.id)).label("turn"),
    )
    .where(_DUE)
    .subquery()
)
_READY = (
    select(_waiting)
    .order_by(_waiting.c.turn, _waiting.c.ready_at, _waiting.c.id)
    .limit(bindparam("most", type_=Integer()))
)
_CLAIM = (
    update(steps)
    .where(steps.c.id == _STEP, _DUE)
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
_ADD_ATTEMPT = insert(attempts)
_OUTPUTS = (
    select(steps.c.key, steps.c.output)
    .where(steps.c.run_id == bindparam("the_run"), steps.c.state == DONE)
    .order_by(steps.c.position)
)
_LEAVE = update(steps).where(_CLAIMED)
_HOLDS = select(steps.c.id).where(_CLAIMED)
_opens = and_(steps.c.state == BLOCKED, steps.c.pending == 1)
_COUNT_DOWN = (
    update(steps)
    .where(steps.c.id.in_(select(step_edges.c.child_id).where(step_edges.c.parent_id == _STEP).scalar_subquery()))
    .values(
        pending=steps.c.pending - 1,
        state=case((_opens, READY), else_=steps.c.state),
        ready_at=case((_opens, _NOW), else_=steps.c.ready_at),
    )
    .returning(steps.c.id, steps.c.run_id, steps.c.workspace, steps.c.position, steps.c.state, steps.c.pending)
)


def ready(connection: Connection, limit: int, now: datetime) -> list[ReadyStep]:
    """Return steps that may start, one of each workspace in turn, the longest waiting first."""
    rows = connection.execute(_READY, {"now": now, "most": limit})
    return [ReadyStep(row.id, row.run_id, row.workspace) for row in rows]


def claim(connection: Connection, step_id: str, owner: str, lease_s: float, now: datetime) -> Claimed | None:
    """Take the step by one conditional update, or return None."""
    locked = lock_run_of(connection, step_id)
    if locked is None:
        return None
    change = RunChange(connection, locked.id, now, locked)
    until = now + timedelta(seconds=lease_s)
    row = connection.execute(
        _CLAIM, {"the_step": step_id, "now": now, "new_owner": owner, "until": until}
    ).one_or_none()
    if row is None:
        return None
    attempt = {"step_id": row.id, "fence": row.fence, "attempt": row.attempt, "owner": owner, "started_at": now}
    connection.execute(_ADD_ATTEMPT, attempt)
    if change.state is RunState.QUEUED:
        change.enter(RunState.RUNNING)
        change.event("run_started", {})
    change.event("step_started", {"attempt": row.attempt, "action": row.action}, row.key)
    run = run_of(change.save_and_read())
    done = connection.execute(_OUTPUTS, {"the_run": run.id})
    return Claimed(step_of(row), run, row.fence, {row.key: row.output for row in done})


def complete(
    connection: Connection,
    claimed: Claimed,
    output: Mapping[str, Any],
    run_state: RunState | None,
    run_result: Mapping[str, Any] | None,
    now: datetime,
) -> list[ReadyStep]:
    """Commit the output, count down the successors, perhaps end the run."""
    change = RunChange(connection, claimed.run.id, now)
    _leave(connection, claimed, state=DONE, output=dict(output), error=None, finished_at=now)
    change.end_attempt(claimed.step.id, claimed.fence, "done")
    change.event("step_finished", {"attempt": claimed.step.attempt}, claimed.step.key)
    change.remaining -= 1
    change.result.update(run_result or {})
    if run_state is RunState.NEEDS_REVIEW:
        change.outcome = run_state.value
    elif run_state not in (None, RunState.DONE):
        change.finish(run_state)
        change.save()
        return []
    opened = _count_down(connection, claimed.step.id, now)
    if change.remaining == 0:
        change.finish(RunState(change.outcome or RunState.DONE))
    change.save()
    return opened


def fail(connection: Connection, claimed: Claimed, error: str, retry_at: datetime | None, now: datetime) -> None:
    """End the attempt: a retry at that time, or a dead step and a failed run."""
    change = RunChange(connection, claimed.run.id, now)
    step = claimed.step
    if retry_at is not None and step.attempt < step.max_attempts:
        _leave(connection, claimed, state=RETRY, ready_at=retry_at, error=error)
        change.event(
            "step_retried", {"attempt": step.attempt, "error": error, "retry_at": retry_at.isoformat()}, step.key
        )
    else:
        _leave(connection, claimed, state=DEAD, error=error, finished_at=now)
        change.event("step_failed", {"attempt": step.attempt, "error": error}, step.key)
        change.finish(RunState.FAILED, f"{step.key}: {error}")
    change.end_attempt(step.id, claimed.fence, "failed", error)
    change.save()


def hand_back(connection: Connection, claimed: Claimed, now: datetime) -> None:
    """Make the step ready again as if it had not been claimed, but for its fence."""
    change = RunChange(connection, claimed.run.id, now)
    _leave(connection, claimed, state=READY, attempt=claimed.step.attempt - 1, ready_at=now)
    change.end_attempt(claimed.step.id, claimed.fence, "handed_back")
    change.event("step_retried", {"attempt": claimed.step.attempt, "error": "stopped"}, claimed.step.key)
    change.save()


def holds(connection: Connection, step_id: str, fence: int) -> bool:
    """Return whether the claim stands."""
    return bool(connection.execute(_HOLDS, {"the_step": step_id, "the_fence": fence}).scalar())


def require(connection: Connection, step_id: str, fence: int) -> None:
    """Raise StaleFence when the claim no longer stands. The run is locked by the caller."""
    if not holds(connection, step_id, fence):
        raise rules.stale(step_id, fence)


def lost(connection: Connection, now: datetime) -> Sequence[Any]:
    """Return (id, run_id, owner, fence, expired) of all running steps."""
    query = select(
        steps.c.id, steps.c.run_id, steps.c.owner, steps.c.fence, (steps.c.lease_until < now).label("expired")
    ).where(steps.c.state == RUNNING)
    return connection.execute(query).all()


def release(
    connection: Connection, step_id: str, run_id: str, fence: int, owner_is_dead: bool, now: datetime
) -> ReadyStep | None:
    """Free a step from a claim whose process is gone: ready again, or dead with no attempts left."""
    change = RunChange(connection, run_id, now)
    still: list[ColumnElement[bool]] = [steps.c.id == step_id, steps.c.state == RUNNING, steps.c.fence == fence]
    if not owner_is_dead:
        still.append(steps.c.lease_until < now)  # it may have been renewed since we looked
    row = connection.execute(select(steps).where(*still)).one_or_none()
    if row is None:
        return None
    spent = row.attempt >= row.max_attempts
    error = rules.lost_error(row.attempt, row.max_attempts, owner_is_dead=owner_is_dead)
    connection.execute(
        update(steps)
        .where(steps.c.id == step_id)
        .values(
            state=DEAD if spent else READY,
            fence=steps.c.fence + 1,
            owner=None,
            lease_until=None,
            ready_at=now,
            error=error,
            finished_at=now if spent else None,
        )
    )
    change.end_attempt(step_id, fence, "lost", error)
    data = {"attempt": row.attempt, "error": error}
    change.event("step_failed" if spent else "step_retried", data, row.key)
    if spent:
        change.finish(RunState.FAILED, f"{row.key}: {error}")
    change.save()
    return None if spent else ReadyStep(step_id, run_id, row.workspace)


def renew(connection: Connection, owner: str, until: datetime, only: Sequence[str] | None) -> int:
    """Extend leases. A row that another transaction holds is skipped: that write decides about the claim."""
    mine = select(steps.c.id).where(steps.c.owner == owner, steps.c.state == RUNNING)
    if only is not None:
        mine = mine.where(steps.c.id.in_(only))
    mine = mine.with_for_update(skip_locked=True)
    return connection.execute(update(steps).where(steps.c.id.in_(mine)).values(lease_until=until)).rowcount


def reopen(connection: Connection, run_id: str, now: datetime) -> None:
    """Give dead, cancelled and retrying steps fresh attempts; each waits again for its unfinished parents."""
    rows = connection.execute(select(steps.c.id, steps.c.state).where(steps.c.run_id == run_id)).all()
    states = {row.id: row.state for row in rows}
    edges = connection.execute(select(step_edges).where(step_edges.c.child_id.in_(states))).all()
    for step_id, state in states.items():
        if state not in (DEAD, RETRY, StepState.CANCELLED.value):
            continue
        pending = sum(1 for edge in edges if edge.child_id == step_id and states[edge.parent_id] != DONE)
        connection.execute(
            update(steps)
            .where(steps.c.id == step_id)
            .values(
                state=BLOCKED if pending else READY,
                pending=pending,
                attempt=0,
                ready_at=None if pending else now,
                finished_at=None,
                error=None,
            )
        )


def _leave(connection: Connection, claimed: Claimed, **values: Any) -> None:
    claim = {"the_step": claimed.step.id, "the_fence": claimed.fence}
    if connection.execute(_LEAVE, claim | {"owner": None, "lease_until": None} | values).rowcount == 0:
        raise rules.stale(claimed.step.id, claimed.fence)


def _count_down(connection: Connection, parent_id: str, now: datetime) -> list[ReadyStep]:
    """Lower the counter of each successor; the transaction that lowers one to zero, and only it, opens the step."""
    lowered = connection.execute(_COUNT_DOWN, {"the_step": parent_id, "now": now}).all()
    opened = [row for row in lowered if row.state == READY and row.pending == 0]
    return [ReadyStep(r.id, r.run_id, r.workspace) for r in sorted(opened, key=lambda r: r.position)]
