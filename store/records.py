"""Writes a run with its steps and edges, and finds runs by id or prefix."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, insert, or_, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from store import rules
from store.joins import step_values
from store.rows import AnyRow, run_of, usage_columns
from store.tables import events, runs, step_edges, steps
from tieout.codec import dump
from tieout.model import Plan, Principal, Role, Run, RunRequest, RunState, Usage, new_id

# Built once: building a statement costs several times what running it does.
_NEW_RUN = {
    name: make(runs).on_conflict_do_nothing(index_elements=["workspace", "idempotency_key"]).returning(runs.c.id)
    for name, make in (("sqlite", sqlite_insert), ("postgresql", pg_insert))
}
_NEW_STEPS, _NEW_EDGES, _NEW_EVENT = insert(steps), insert(step_edges), insert(events)


def upsert(connection: Connection) -> Any:
    """Return the dialect's INSERT, the one that knows ON CONFLICT."""
    return sqlite_insert if connection.dialect.name == "sqlite" else pg_insert


def find(connection: Connection, principal: Principal, run_id: str, *columns: Any) -> AnyRow:
    """Return the row of an id or unique prefix, of the runs open to the principal. Raises NotFound."""
    if not (run_id.isascii() and run_id.isprintable()):
        rules.only_match(run_id, [], principal)
    query = select(*(columns or (runs,))).where(*open_to(principal))
    exact = connection.execute(query.where(runs.c.id == run_id)).one_or_none()
    if exact is not None:
        return exact
    prefix = run_id if run_id.startswith("run_") else f"run_{run_id}"
    similar = query.where(runs.c.id.startswith(prefix, autoescape=True)).limit(2)
    found = connection.execute(similar).all() if run_id else []
    rules.only_match(run_id, [row.id for row in found], principal)
    return found[0]


def open_to(principal: Principal) -> list[ColumnElement[bool]]:
    """Return what `Run.open_to` says, as conditions."""
    mine = [runs.c.workspace == principal.workspace]
    return mine if principal.role is Role.ADMIN else [*mine, _open(principal)]


def of_open_run(principal: Principal, run_id: ColumnElement[str]) -> list[ColumnElement[bool]]:
    """Return the conditions under which a row that belongs to a run is of one open to the principal."""
    return [] if principal.role is Role.ADMIN else [exists().where(runs.c.id == run_id, _open(principal))]


def _open(principal: Principal) -> ColumnElement[bool]:
    return or_(runs.c.audience.is_(None), runs.c.audience == principal.audience)


def create(connection: Connection, principal: Principal, request: RunRequest, plan: Plan, now: datetime) -> Run:
    """Insert the run, or return the one that stands under its idempotency key. Raises Conflict."""
    run = insert_run(connection, principal, request, plan, now)
    return run or _same_request(connection, principal, request)


def insert_run(
    connection: Connection,
    principal: Principal,
    request: RunRequest,
    plan: Plan,
    now: datetime,
    *,
    parent_step: str | None = None,
) -> Run | None:
    """Insert run, steps, edges and first event; return None when the idempotency key is taken."""
    run_id = new_id("run")
    row = {
        "id": run_id,
        "workspace": principal.workspace,
        "principal": principal.id,
        "agent": plan.agent,
        "plan_version": plan.version,
        "request": dump(request),
        "plan": dump(plan),
        "idempotency_key": request.idempotency_key,
        "state": RunState.QUEUED.value,
        "remaining": len(plan.steps),
        "priority": request.priority,
        "audience": request.audience or None,
        "plain": rules.plain(plan.steps),
        "parent_step": parent_step,
        "event_seq": 1,
        "result": {},
        "created_at": now,
        "updated_at": now,
        **usage_columns(Usage()),
    }
    if connection.execute(_NEW_RUN[connection.dialect.name], row).scalar() is None:
        return None  # taken by a transaction that is committed by now
    _insert_steps(connection, run_id, principal.workspace, plan, request.priority, now)
    data = {"agent": plan.agent, "door": request.door, "principal": principal.id}
    event = {"run_id": run_id, "seq": 1, "workspace": principal.workspace, "kind": "run_submitted", "at": now}
    connection.execute(_NEW_EVENT, {**event, "step": None, "data": data})
    utc = now.astimezone(UTC)
    state = RunState.QUEUED
    return Run(run_id, principal.workspace, principal.id, request, plan, state, utc, utc, parent_step=parent_step)


def _same_request(connection: Connection, principal: Principal, request: RunRequest) -> Run:
    row = connection.execute(
        select(runs).where(runs.c.workspace == principal.workspace, runs.c.idempotency_key == request.idempotency_key)
    ).one()
    return rules.same_request(run_of(row), request)


def _insert_steps(
    connection: Connection, run_id: str, workspace: str, plan: Plan, priority: int, now: datetime
) -> None:
    ids = {spec.key: new_id("step") for spec in plan.steps}
    parents = rules.parents(plan)
    rows = [
        step_values(
            spec,
            None,
            -priority,
            pending=len(parents[spec.key]),
            id=ids[spec.key],
            run_id=run_id,
            workspace=workspace,
            position=position,
            attempt=0,
            fence=0,
            ready_at=None if parents[spec.key] else now,
        )
        for position, spec in enumerate(plan.steps)
    ]
    connection.execute(_NEW_STEPS, rows)
    edges = [{"parent_id": ids[parent], "child_id": ids[key]} for key in ids for parent in parents[key]]
    if edges:
        connection.execute(_NEW_EDGES, edges)
