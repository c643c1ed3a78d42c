"""Doing steps again: those that died or were cancelled, or one step with all that follows from it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select, update

from store.joins import end_if_settled, open_or_die, unsettled_parents
from store.rows import AnyRow
from store.run_change import RunChange
from store.tables import step_edges, steps
from tieout.errors import Conflict, NotFound
from tieout.model import RunState, StepState, WaitKind

_DEAD, _RETRY, _CANCELLED = StepState.DEAD.value, StepState.RETRY.value, StepState.CANCELLED.value
_TO_COME = (StepState.BLOCKED.value, StepState.READY.value, _RETRY)
_GONE = (_DEAD, _CANCELLED)


def reopen(change: RunChange) -> bool:
    """Give dead, cancelled and retrying steps fresh attempts; return whether there were any.

    A step stays as it is when a successor has begun without it, or when it alone was cancelled and its run goes on.
    One that died after its sub-runs were done goes on with what they brought: no run is done twice.
    """
    graph = _Graph(change)
    undone = graph.undone(())
    brought = _brought_by_runs(change, undone)
    reset = _reset(change, graph, undone)
    for step_id, kept in brought.items():
        change.connection.execute(update(steps).where(steps.c.id == step_id).values(**kept))
    return reset


def replay_from(change: RunChange, key: str, *, redeliver: bool) -> None:
    """Reset a step, all that follows from it, and what never finished. Raises NotFound, Conflict."""
    graph = _Graph(change)
    first = next((row.id for row in graph.rows.values() if row.key == key), None)
    if first is None:
        known = ", ".join(sorted(row.key for row in graph.rows.values())[:20])
        raise NotFound(f"{change.run_id} has no step {key!r}; its steps are {known}")
    if graph.dropped(first):
        raise Conflict(
            f"step {key!r} is no part of {change.run_id} any more: {graph.rows[first].spawned_by!r} was "
            "done again and did not ask for it"
        )
    wanted = graph.following(first)
    busy = [row.key for row in graph.rows.values() if row.id in wanted and row.state in ("running", "waiting")]
    if busy:
        raise Conflict(f"{', '.join(busy)} of {change.run_id} is under way: cancel it, or wait until it has ended")
    if redeliver:
        grow = update(steps).where(steps.c.id.in_(sorted(wanted)))
        change.connection.execute(grow.values(generation=steps.c.generation + 1))
    change.outcome = None  # whichever step set it may be among those done again
    _reset(change, graph, wanted | graph.undone(wanted))


class _Graph:
    """The run's steps and edges as they stand before the change."""

    def __init__(self, change: RunChange) -> None:
        columns = (steps.c.id, steps.c.key, steps.c.state, steps.c.spawned_by)
        mine = steps.c.run_id == change.run_id
        self._final = change.state.final
        self.rows: dict[str, AnyRow] = {
            row.id: row for row in change.connection.execute(select(*columns).where(mine).order_by(steps.c.position))
        }
        edges = select(step_edges.c.parent_id, step_edges.c.child_id)
        edges = edges.join(steps, steps.c.id == step_edges.c.parent_id).where(mine)
        self.children: dict[str, list[str]] = {}
        self._has_parents: set[str] = set()
        for edge in change.connection.execute(edges):
            self.children.setdefault(edge.parent_id, []).append(edge.child_id)
            self._has_parents.add(edge.child_id)

    def following(self, *first: str) -> set[str]:
        """Return the steps and all that come after them."""
        found, left = {*first}, [*first]
        while left:
            for child in self.children.get(left.pop(), []):
                if child not in found:
                    found.add(child)
                    left.append(child)
        return found

    def dropped(self, step_id: str) -> bool:
        """Return whether the step was added by a result that does not hold any more."""
        row = self.rows[step_id]
        return row.spawned_by is not None and row.state == _CANCELLED and step_id not in self._has_parents

    def undone(self, again: Collection[str]) -> set[str]:
        """Return the steps without a result that may still be of use, when those of `again` are done again."""
        found = {step_id for step_id in self.rows if self._without_result(step_id)}
        while useless := {step_id for step_id in found if not self._of_use(step_id, found, again)}:
            found -= useless
        return found | {step_id for step_id, row in self.rows.items() if row.state == _RETRY}

    def _without_result(self, step_id: str) -> bool:
        state = self.rows[step_id].state
        return state == _DEAD or (state == _CANCELLED and self._final and not self.dropped(step_id))

    def _of_use(self, step_id: str, undone: Collection[str], again: Collection[str]) -> bool:
        children = self.children.get(step_id, ())
        come = [child in again or child in undone or self.rows[child].state in _TO_COME for child in children]
        begun = [self.rows[child].state not in _GONE for child in children]
        if any(one and not other for one, other in zip(begun, come, strict=True)):
            return False  # a successor went on without it
        return any(come) or not children


def _brought_by_runs(change: RunChange, step_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return what dead steps kept while they waited, and the signals of their sub-runs that are done, by step."""
    found: dict[str, dict[str, Any]] = {}
    columns = steps.c.id, steps.c.output, steps.c.signals
    for some in _portions(sorted(step_ids)):
        dead = steps.c.id.in_(some), steps.c.state == _DEAD, steps.c.signals.is_not(None)
        for row in change.connection.execute(select(*columns).where(*dead)):
            done = {name: signal for name, signal in (row.signals or {}).items() if _is_done_run(signal)}
            if done:
                found[row.id] = {"output": row.output, "signals": done}
    return found


def _is_done_run(signal: Mapping[str, Any]) -> bool:
    return (signal["kind"], signal["decision"]) == (WaitKind.RUN.value, RunState.DONE.value)


def _reset(change: RunChange, graph: _Graph, step_ids: Collection[str]) -> bool:
    """Open the steps anew: first all as blocked, then those ready whose parents are settled."""
    if not step_ids:
        return False
    connection = change.connection
    fresh: dict[str, Any] = {"attempt": 0, "error": None, "output": None, "signals": None, "finished_at": None}
    fresh |= {"started_at": None, "owner": None, "lease_until": None, "held": False}
    blocked = {"state": StepState.BLOCKED.value, "ready_at": None}
    for some in _portions(sorted(step_ids)):
        connection.execute(update(steps).where(steps.c.id.in_(some)).values(**blocked, **fresh))
    # Those that follow and have not begun wait for them again.
    following = {child for step_id in step_ids for child in graph.children.get(step_id, ())} - {*step_ids}
    again = [one for one in following if graph.rows[one].state in (StepState.BLOCKED.value, StepState.READY.value)]
    for some in _portions(sorted(again)):
        connection.execute(update(steps).where(steps.c.id.in_(some)).values(**blocked))
    if change.state.final:
        change.enter(RunState.QUEUED, finished_at=None, error=None)
    unsettled = [state.value for state in StepState if not state.settled]
    count = select(func.count()).where(steps.c.run_id == change.run_id, steps.c.state.in_(unsettled))
    change.remaining = int(connection.execute(count).scalar_one())
    startable: list[str] = []
    for some in _portions([one for one in graph.rows if one in {*step_ids, *again}]):
        for step_id, (pending, failed) in unsettled_parents(connection, some).items():
            values: dict[str, Any] = {"pending": pending, "failed": failed}
            if pending == 0:
                values |= {"state": StepState.READY.value, "ready_at": change.now}
                startable.append(step_id)
            connection.execute(update(steps).where(steps.c.id == step_id).values(**values))
    for step_id in startable:
        row = connection.execute(select(steps).where(steps.c.id == step_id)).one()
        if row.state == StepState.READY.value and not change.state.final:
            open_or_die(change, row)
    if change.state is RunState.WAITING:
        change.enter(RunState.RUNNING)
    end_if_settled(change)
    return True


def _portions(ids: Sequence[str], most: int = 5_000) -> list[Sequence[str]]:
    """Cut a list into pieces that fit into one statement's parameters."""
    return [ids[at : at + most] for at in range(0, len(ids), most)]
