"""How steps open each other: the fan-in counter, steps that a result adds, and parents that end without a result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, delete, func, insert, literal, or_, select, update

from store import rules
from store.columns import UtcDateTime
from store.rows import AnyRow
from store.run_change import RunChange
from store.tables import step_edges, steps, waits
from tieout.model import JoinPolicy, ReadyStep, RunState, StepSpec, StepState, WaitState, new_id

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
_POLICIES = select(steps.c.on_failed, steps.c.state).where(steps.c.id.in_(_CHILDREN))
_RUN = bindparam("the_run", type_=String())
_BUSY = (READY, StepState.RUNNING.value, StepState.RETRY.value)
_BUSY_STEP = select(steps.c.id).where(steps.c.run_id == _RUN, steps.c.state.in_(_BUSY)).limit(1)
_OPEN_WAIT = select(waits.c.token).where(waits.c.run_id == _RUN, waits.c.state == WaitState.OPEN.value).limit(1)
_PARENTS = select(func.count()).where(step_edges.c.child_id == _STEP)


def count_down(change: RunChange, parent_id: str, *, succeeded: bool = True) -> list[ReadyStep]:
    """Lower the counter of each successor; the transaction that lowers one to zero, and only it, opens the step.

    A join that wants more results than its parents have dies here, and what follows from that is done.
    """
    statement = _AFTER_SUCCESS if succeeded else _AFTER_FAILURE
    lowered = change.connection.execute(statement, {"the_step": parent_id, "now": change.now}).all()
    opened: list[ReadyStep] = []
    for row in sorted(lowered, key=lambda one: one.position):
        if row.state == READY and row.pending == 0 and not change.state.final:
            opened += open_or_die(change, row)
    return [] if change.state.final else opened


def open_or_die(change: RunChange, row: AnyRow) -> list[ReadyStep]:
    """Return the step, which has just become ready, unless its run is paused; without its quorum it dies."""
    if (error := _too_few(change.connection, row)) is not None:
        change.event("step_failed", {"attempt": row.attempt, "error": error}, row.key)
        return end_without_result(change, row, StepState.DEAD, error)
    return [] if row.held else [ReadyStep(row.id, row.run_id, row.workspace)]


def _too_few(connection: Connection, row: AnyRow) -> str | None:
    if row.on_failed != JoinPolicy.QUORUM.value:
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
    if not _dispensable(change.connection, row.id):
        failed = state is StepState.DEAD
        change.finish(RunState.FAILED if failed else RunState.CANCELLED, f"{row.key}: {error}" if failed else None)
        return []
    change.remaining -= 1
    opened = count_down(change, row.id, succeeded=False)
    end_if_settled(change)
    return opened


def _dispensable(connection: Connection, step_id: str) -> bool:
    """Return whether all that follow the step, but those that are not to run anyway, run without its result."""
    children = connection.execute(_POLICIES, {"the_step": step_id}).all()
    gone = (StepState.DEAD.value, StepState.CANCELLED.value)
    return bool(children) and all(child.on_failed != JoinPolicy.FAIL or child.state in gone for child in children)


def end_if_settled(change: RunChange) -> None:
    """End the run when its last step is settled; let it wait when none of those left can go on by itself."""
    if change.remaining == 0 and not change.state.final:
        change.finish(RunState(change.outcome or RunState.DONE))
    elif change.state is RunState.RUNNING and _only_waits(change):
        change.enter(RunState.WAITING)


def _only_waits(change: RunChange) -> bool:
    of_run = {"the_run": change.run_id}
    return (
        change.connection.execute(_OPEN_WAIT, of_run).scalar() is not None
        and change.connection.execute(_BUSY_STEP, of_run).scalar() is None
    )


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
    before = {row.key: row for row in rows if row.spawned_by == spawner.key}
    _drop_unwanted(change, rows, set(before) - {spec.key for spec in specs})
    ids = {spec.key: before[spec.key].id if spec.key in before else new_id("step") for spec in specs}
    inner = {spec.key: [key for key in dict.fromkeys(spec.after) if key != spawner.key] for spec in specs}
    successors = sorted(set(connection.execute(_CHILDREN_OF, {"the_step": spawner.id}).scalars()) - {*ids.values()})
    known = _edges_into(connection, successors)
    last = max(row.position for row in rows)
    new: list[dict[str, Any]] = []
    for number, spec in enumerate(specs, 1):
        values = step_values(spec, change, spawner.turn, pending=len(inner[spec.key]) + 1)
        if spec.key in before:
            own: dict[str, Any] = {"failed": 0, "attempt": 0, "signals": None, "started_at": None}
            connection.execute(update(steps).where(steps.c.id == ids[spec.key]).values(**values, **own))
            connection.execute(delete(step_edges).where(step_edges.c.child_id == ids[spec.key]))
        else:
            own = {"id": ids[spec.key], "position": last + number, "spawned_by": spawner.key, "fence": 0, "attempt": 0}
            new.append(own | values)
    if new:
        connection.execute(insert(steps), new)
    edges = [(spawner.id, ids[spec.key]) for spec in specs]
    edges += [(ids[parent], ids[key]) for key, after in inner.items() for parent in after]
    added = [(one, child) for one in ids.values() for child in successors if (one, child) not in known]
    if edges:
        connection.execute(insert(step_edges), [{"parent_id": one, "child_id": other} for one, other in edges + added])
    for child, count in Counter(child for _, child in added).items():
        connection.execute(update(steps).where(steps.c.id == child).values(pending=steps.c.pending + count))
    counted = [row for row in before.values() if not StepState(row.state).settled]
    change.remaining += len(specs) - sum(row.key in ids for row in counted)
    change.plain = change.plain and rules.plain(specs)
    change.event("steps_spawned", {"steps": [spec.key for spec in specs][:100], "count": len(specs)}, spawner.key)


def _edges_into(connection: Connection, children: Sequence[str]) -> set[tuple[str, str]]:
    query = select(step_edges.c.parent_id, step_edges.c.child_id).where(step_edges.c.child_id.in_(children))
    return {(row.parent_id, row.child_id) for row in connection.execute(query)} if children else set()


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


def _drop_unwanted(change: RunChange, rows: Sequence[AnyRow], unwanted: set[str]) -> None:
    """Take steps, and what they added in their turn, out of the run. Their rows stay: their effects were done."""
    dropped: list[AnyRow] = []
    while found := [row for row in rows if row.key in unwanted]:
        dropped += found
        unwanted = {row.key for row in rows if row.spawned_by in unwanted}
    values = {"state": StepState.CANCELLED.value, "finished_at": change.now, "fence": steps.c.fence + 1}
    for row in dropped:
        if not StepState(row.state).settled:
            lowered = update(steps).where(steps.c.id.in_(_CHILDREN_OF)).values(pending=steps.c.pending - 1)
            change.connection.execute(lowered, {"the_step": row.id})
            change.connection.execute(update(steps).where(steps.c.id == row.id).values(**values))
            change.remaining -= 1
        # A step that another asked for and that has no edges is out of its run: no replay brings it back.
        mine = or_(step_edges.c.parent_id == row.id, step_edges.c.child_id == row.id)
        change.connection.execute(delete(step_edges).where(mine))


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
