"""How steps open each other: the fan-in counter, steps that a result adds, and parents that end without a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, delete, func, insert, literal, select, update

from store import rules
from store.columns import UtcDateTime
from store.rows import AnyRow
from store.run_change import RunChange
from store.tables import step_edges, steps
from tieout.model import JoinPolicy, ReadyStep, RunState, StepSpec, StepState, new_id

_STEP = bindparam("the_step", type_=String())
_NOW = bindparam("now", type_=UtcDateTime())
BLOCKED, READY = StepState.BLOCKED.value, StepState.READY.value
_CHILDREN_OF = select(step_edges.c.child_id).where(step_edges.c.parent_id == _STEP)
_CHILDREN = _CHILDREN_OF.scalar_subquery()
_opens = and_(steps.c.state == BLOCKED, steps.c.pending == 1)


def _count_down_by(failed: int) -> Any:
    return (
        update(steps)
        .where(steps.c.id.in_(_CHILDREN))
        .values(
            pending=steps.c.pending - 1,
            failed=steps.c.failed + failed,
            state=case((_opens, READY), else_=steps.c.state),
            ready_at=case((_opens, _NOW), else_=steps.c.ready_at),
        )
        .returning(*steps.c)
    )


_AFTER_SUCCESS, _AFTER_FAILURE = _count_down_by(0), _count_down_by(1)
_POLICIES = select(steps.c.on_failed).where(steps.c.id.in_(_CHILDREN))
_PARENTS = select(func.count()).where(step_edges.c.child_id == _STEP)


def count_down(change: RunChange, parent_id: str, *, succeeded: bool = True) -> list[ReadyStep]:
    """Lower the counter of each successor; the transaction that lowers one to zero, and only it, opens the step.

    A join that wants more results than its parents have dies here, and what follows from that is done.
    """
    statement = _AFTER_SUCCESS if succeeded else _AFTER_FAILURE
    lowered = change.connection.execute(statement, {"the_step": parent_id, "now": change.now}).all()
    opened: list[ReadyStep] = []
    for row in sorted(lowered, key=lambda one: one.position):
        if row.state != READY or row.pending != 0 or change.state.final:
            continue
        if (error := _too_few(change.connection, row)) is None:
            opened.append(ReadyStep(row.id, row.run_id, row.workspace))
        else:
            change.event("step_failed", {"attempt": row.attempt, "error": error}, row.key)
            opened += end_without_result(change, row, StepState.DEAD, error)
    return [] if change.state.final else opened


def _too_few(connection: Connection, row: AnyRow) -> str | None:
    if row.on_failed != JoinPolicy.QUORUM.value or row.failed == 0:
        return None
    parents = int(connection.execute(_PARENTS, {"the_step": row.id}).scalar_one())
    done = parents - row.failed
    return rules.quorum_error(row.key, done, parents, row.quorum) if done < row.quorum else None


def end_without_result(change: RunChange, row: AnyRow, state: StepState, error: str | None) -> list[ReadyStep]:
    """End a step as dead or cancelled: its run fails (or is cancelled), unless all its successors do without it."""
    values: dict[str, Any] = {"state": state.value, "error": error, "finished_at": change.now, "held": False}
    change.connection.execute(
        update(steps).where(steps.c.id == row.id).values(owner=None, lease_until=None, fence=row.fence + 1, **values)
    )
    policies = set(change.connection.execute(_POLICIES, {"the_step": row.id}).scalars())
    if not policies or JoinPolicy.FAIL.value in policies:
        failed = state is StepState.DEAD
        change.finish(RunState.FAILED if failed else RunState.CANCELLED, f"{row.key}: {error}" if failed else None)
        return []
    change.remaining -= 1
    opened = count_down(change, row.id, succeeded=False)
    end_if_settled(change)
    return opened


def end_if_settled(change: RunChange) -> None:
    """End the run when its last step is settled."""
    if change.remaining == 0 and not change.state.final:
        change.finish(RunState(change.outcome or RunState.DONE))


def spawn(change: RunChange, spawner: AnyRow, specs: Sequence[StepSpec]) -> None:
    """Add the steps that a result asks for; they follow their spawner, and its successors wait for them, too.

    Of steps that an earlier result of the same step had asked for, those asked for again are done again, the others
    are cancelled. To be called when the spawner is done and before its successors are counted down, which opens the
    new ones. Raises InvalidInput.
    """
    connection = change.connection
    columns = (steps.c.key, steps.c.id, steps.c.spawned_by, steps.c.state, steps.c.position)
    rows = connection.execute(select(*columns).where(steps.c.run_id == change.run_id)).all()
    rules.check_spawn(specs, spawner.key, {row.key: row.spawned_by for row in rows})
    _drop_unwanted(change, [row for row in rows if row.spawned_by == spawner.key], {spec.key for spec in specs})
    before = {row.key: row.id for row in rows if row.spawned_by == spawner.key}
    fresh = [spec.key for spec in specs if spec.key not in before]
    ids = {spec.key: before.get(spec.key) or new_id("step") for spec in specs}
    inner = {spec.key: [key for key in dict.fromkeys(spec.after) if key != spawner.key] for spec in specs}
    last = max(row.position for row in rows)
    new: list[dict[str, Any]] = []
    for number, spec in enumerate(specs, 1):
        values = step_values(spec, change, spawner.turn, pending=len(inner[spec.key]) + 1)
        if spec.key in before:
            connection.execute(update(steps).where(steps.c.id == ids[spec.key]).values(**values, failed=0, attempt=0))
            connection.execute(delete(step_edges).where(step_edges.c.child_id == ids[spec.key]))
        else:
            own = {"id": ids[spec.key], "position": last + number, "spawned_by": spawner.key, "fence": 0, "attempt": 0}
            new.append(own | values)
    if new:
        connection.execute(insert(steps), new)
    successors = list(connection.execute(_CHILDREN_OF, {"the_step": spawner.id}).scalars())
    edges = [(spawner.id, ids[spec.key]) for spec in specs]
    edges += [(ids[parent], ids[key]) for key, after in inner.items() for parent in after]
    edges += [(ids[key], child) for key in fresh for child in successors if child not in ids.values()]
    if edges:
        connection.execute(insert(step_edges), [{"parent_id": one, "child_id": other} for one, other in edges])
    waiting = update(steps).where(steps.c.id.in_([child for child in successors if child not in ids.values()]))
    connection.execute(waiting.values(pending=steps.c.pending + len(fresh)))
    change.remaining += len(fresh)
    change.plain = change.plain and rules.plain(specs)
    change.event("steps_spawned", {"steps": [spec.key for spec in specs][:100], "count": len(specs)}, spawner.key)


def step_values(spec: StepSpec, change: RunChange | None, turn: int, *, pending: int, **own: Any) -> dict[str, Any]:
    """Return the columns of a step that has not begun."""
    values: dict[str, Any] = {
        "key": spec.key,
        "action": spec.action,
        "input": dict(spec.input),
        "state": BLOCKED if pending else READY,
        "pending": pending,
        "max_attempts": spec.max_attempts,
        "timeout_s": spec.timeout_s,
        "on_failed": spec.on_failed.value,
        "quorum": spec.quorum,
        "limit_key": spec.limit_key,
        "turn": turn,
    }
    if change is not None:
        paused = change.state is RunState.PAUSED
        values |= {"run_id": change.run_id, "workspace": change.workspace, "held": paused}
        values |= {"ready_at": None if pending else change.now, "finished_at": None, "output": None, "error": None}
    return values | own


def _drop_unwanted(change: RunChange, rows: Sequence[AnyRow], wanted: set[str]) -> None:
    for row in rows:
        if row.key in wanted or StepState(row.state).settled:
            continue
        cancelled = {"state": StepState.CANCELLED.value, "finished_at": change.now, "fence": steps.c.fence + 1}
        change.connection.execute(update(steps).where(steps.c.id == row.id).values(**cancelled))
        change.connection.execute(
            update(steps).where(steps.c.id.in_(_CHILDREN_OF)).values(pending=steps.c.pending - 1), {"the_step": row.id}
        )
        change.connection.execute(delete(step_edges).where(step_edges.c.parent_id == row.id))
        change.remaining -= 1


def unsettled_parents(connection: Connection, step_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return for each step how many of its parents are not settled, and how many ended without a result."""
    parent = steps.alias()
    done, dead = StepState.DONE.value, (StepState.DEAD.value, StepState.CANCELLED.value)
    query = (
        select(
            step_edges.c.child_id,
            func.sum(case((parent.c.state.in_((done, *dead)), 0), else_=1)).label("pending"),
            func.sum(case((parent.c.state.in_(dead), literal(1)), else_=0)).label("failed"),
        )
        .join(parent, parent.c.id == step_edges.c.parent_id)
        .where(step_edges.c.child_id.in_(step_ids))
        .group_by(step_edges.c.child_id)
    )
    found = {row.child_id: (int(row.pending), int(row.failed)) for row in connection.execute(query)}
    return {step_id: found.get(step_id, (0, 0)) for step_id in step_ids}
