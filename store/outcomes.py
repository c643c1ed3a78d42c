"""How a claim ends, as transactions: done, waiting, failed, handed back. Each write carries the fence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, func, select, update

from store import rules
from store.claims import CLAIMED, READY
from store.joins import count_down, end_if_settled, end_without_result, spawn
from store.run_change import RunChange
from store.tables import attempts, steps
from tieout.model import ReadyStep, RunState, StepSpec, StepState
from tieout.ports import Claimed

RETRY = StepState.RETRY.value
_CAME_TO_NOTHING = ("deferred", "handed_back", "lost")
_LEAVE = update(steps).where(CLAIMED)
_STEP_ROW = select(steps).where(steps.c.id == bindparam("the_step", type_=String()))


def complete(
    connection: Connection,
    claimed: Claimed,
    output: Mapping[str, Any],
    run_state: RunState | None,
    run_result: Mapping[str, Any] | None,
    added: Sequence[StepSpec],
    now: datetime,
) -> list[ReadyStep]:
    """Commit the output, add steps, count down the successors, perhaps end the run."""
    change = RunChange(connection, claimed.run.id, now)
    leave(connection, claimed, state=StepState.DONE.value, output=dict(output), error=None, finished_at=now)
    change.end_attempt(claimed, "done")
    change.event("step_finished", {"attempt": claimed.step.attempt}, claimed.step.key)
    change.remaining -= 1
    change.result.update(run_result or {})
    if run_state is RunState.NEEDS_REVIEW:
        change.outcome = run_state.value
    elif run_state not in (None, RunState.DONE):
        change.finish(run_state)
        change.save()
        return []
    if added or (claimed.fence > 1 and _has_spawned(connection, claimed)):
        spawn(change, connection.execute(_STEP_ROW, {"the_step": claimed.step.id}).one(), added)
    opened = count_down(change, claimed.step.id)
    end_if_settled(change)
    change.save()
    return opened


def _has_spawned(connection: Connection, claimed: Claimed) -> bool:
    """Return whether an earlier result of the step, which is done again, has added steps."""
    same_run = and_(steps.c.run_id == claimed.run.id, steps.c.spawned_by == claimed.step.key)
    return connection.execute(select(steps.c.id).where(same_run).limit(1)).scalar() is not None


def fail(
    connection: Connection, claimed: Claimed, error: str, retry_at: datetime | None, now: datetime
) -> list[ReadyStep]:
    """End the attempt: a retry at that time, or a dead step; return what opened because the step is dead."""
    change = RunChange(connection, claimed.run.id, now)
    step = claimed.step
    opened: list[ReadyStep] = []
    if retry_at is not None and step.attempt < step.max_attempts:
        leave(connection, claimed, state=RETRY, ready_at=retry_at, error=error)
        data = {"attempt": step.attempt, "error": error, "retry_at": retry_at.isoformat()}
        change.event("step_retried", data, step.key)
    else:
        leave(connection, claimed, state=StepState.DEAD.value, error=error, finished_at=now)
        change.event("step_failed", {"attempt": step.attempt, "error": error}, step.key)
        row = connection.execute(_STEP_ROW, {"the_step": step.id}).one()
        opened = end_without_result(change, row, StepState.DEAD, error)
    change.end_attempt(claimed, "failed", error)
    change.save()
    return opened


def hand_back(connection: Connection, claimed: Claimed, now: datetime) -> None:
    """Make the step ready again as if it had not been claimed, but for its fence."""
    change = RunChange(connection, claimed.run.id, now)
    leave(connection, claimed, state=READY, attempt=claimed.step.attempt - 1, ready_at=now)
    change.end_attempt(claimed, "handed_back")
    change.event("step_retried", {"attempt": claimed.step.attempt, "error": "stopped"}, claimed.step.key)
    change.save()


def defer(connection: Connection, claimed: Claimed, reason: str, retry_at: datetime, now: datetime) -> None:
    """Leave the step to another process, or to a later version of this one; the attempt is not counted."""
    change = RunChange(connection, claimed.run.id, now)
    leave(connection, claimed, state=RETRY, attempt=claimed.step.attempt - 1, ready_at=retry_at, error=reason)
    change.end_attempt(claimed, "deferred", reason)
    change.event("step_deferred", {"reason": reason, "retry_at": retry_at.isoformat()}, claimed.step.key)
    change.save()


def count_deferrals(connection: Connection, step_id: str) -> int:
    """Return the number of deferrals since the last attempt that came to anything."""
    mine = attempts.c.step_id == step_id
    came = select(func.max(attempts.c.fence)).where(mine, attempts.c.outcome.not_in(_CAME_TO_NOTHING))
    since = func.coalesce(came.scalar_subquery(), 0)
    query = select(func.count()).where(mine, attempts.c.outcome == "deferred", attempts.c.fence > since)
    return int(connection.execute(query).scalar_one())


def keep_partial(connection: Connection, claimed: Claimed, output: Mapping[str, Any], now: datetime) -> bool:
    """Keep what a step had when it was cancelled under this claim: the cancellation raised the fence by one."""
    change = RunChange(connection, claimed.run.id, now)
    kept = connection.execute(
        update(steps)
        .where(
            steps.c.id == claimed.step.id,
            steps.c.state == StepState.CANCELLED.value,
            steps.c.fence == claimed.fence + 1,
        )
        .values(output=dict(output))
    )
    if kept.rowcount == 0:
        return False
    change.event("partial_result_kept", {}, claimed.step.key)
    change.save()
    return True


def leave(connection: Connection, claimed: Claimed, **values: Any) -> None:
    """Give up the claim for another state. Raises StaleFence."""
    claim = {"the_step": claimed.step.id, "the_fence": claimed.fence}
    if connection.execute(_LEAVE, claim | {"owner": None, "lease_until": None} | values).rowcount == 0:
        raise rules.stale(claimed.step.id, claimed.fence)
