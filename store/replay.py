"""Doing steps again: those that died or were cancelled, or one step with all that follows from it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import func, select, update

from store.joins import unsettled_parents
from store.run_change import RunChange
from store.tables import step_edges, steps
from tieout.errors import Conflict, NotFound
from tieout.model import RunState, StepState

_UNDONE = (StepState.DEAD.value, StepState.RETRY.value, StepState.CANCELLED.value)


def reopen(change: RunChange) -> bool:
    """Give dead, cancelled and retrying steps fresh attempts; return whether there were any."""
    rows = change.connection.execute(
        select(steps.c.id).where(steps.c.run_id == change.run_id, steps.c.state.in_(_UNDONE))
    )
    return _reset(change, list(rows.scalars()))


def replay_from(change: RunChange, key: str, *, redeliver: bool) -> None:
    """Reset a step, all that follows from it, and what never finished. Raises NotFound, Conflict."""
    connection = change.connection
    rows = connection.execute(select(steps.c.id, steps.c.key, steps.c.state).where(steps.c.run_id == change.run_id))
    by_id = {row.id: row for row in rows}
    first = next((row.id for row in by_id.values() if row.key == key), None)
    if first is None:
        known = ", ".join(sorted(row.key for row in by_id.values())[:20])
        raise NotFound(f"{change.run_id} has no step {key!r}; its steps are {known}")
    wanted = _following(change, first)
    busy = [row.key for row in by_id.values() if row.id in wanted and row.state in ("running", "waiting")]
    if busy:
        raise Conflict(f"{', '.join(busy)} of {change.run_id} is under way: cancel it, or wait until it has ended")
    if redeliver:
        grow = update(steps).where(steps.c.id.in_(sorted(wanted)))
        connection.execute(grow.values(generation=steps.c.generation + 1))
    change.outcome = None  # whichever step set it may be among those done again
    undone = {row.id for row in by_id.values() if row.state in _UNDONE}
    _reset(change, sorted(wanted | undone))


def _following(change: RunChange, first: str) -> set[str]:
    edges = change.connection.execute(
        select(step_edges.c.parent_id, step_edges.c.child_id)
        .join(steps, steps.c.id == step_edges.c.parent_id)
        .where(steps.c.run_id == change.run_id)
    ).all()
    children: dict[str, list[str]] = {}
    for edge in edges:
        children.setdefault(edge.parent_id, []).append(edge.child_id)
    found, left = {first}, [first]
    while left:
        for child in children.get(left.pop(), []):
            if child not in found:
                found.add(child)
                left.append(child)
    return found


def _reset(change: RunChange, step_ids: Collection[str]) -> bool:
    """Open the steps anew: first all as blocked, then those ready whose parents are settled."""
    if not step_ids:
        return False
    connection = change.connection
    fresh: dict[str, Any] = {"attempt": 0, "error": None, "output": None, "signals": None, "finished_at": None}
    fresh |= {"started_at": None, "owner": None, "lease_until": None, "held": False}
    blocked = update(steps).where(steps.c.id.in_(step_ids))
    connection.execute(blocked.values(state=StepState.BLOCKED.value, ready_at=None, **fresh))
    for step_id, (pending, failed) in unsettled_parents(connection, list(step_ids)).items():
        values: dict[str, Any] = {"pending": pending, "failed": failed}
        if pending == 0:
            values |= {"state": StepState.READY.value, "ready_at": change.now}
        connection.execute(update(steps).where(steps.c.id == step_id).values(**values))
    unsettled = [state.value for state in StepState if not state.settled]
    count = select(func.count()).where(steps.c.run_id == change.run_id, steps.c.state.in_(unsettled))
    change.remaining = int(connection.execute(count).scalar_one())
    if change.state.final:
        change.enter(RunState.QUEUED, finished_at=None, error=None)
    return True
