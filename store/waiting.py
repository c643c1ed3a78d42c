"""Waits as transactions: begin, decide, expire. Each ends by one conditional update; the run's row is the lock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from store.joins import end_if_settled
from store.outcomes import leave
from store.records import insert_run
from store.rows import AnyRow, wait_of
from store.run_change import RunChange
from store.tables import is_in, runs, signals, steps, waits
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tieout.model import OpenWait, Principal, ReadyStep, RunState, StepState, Wait, WaitKind, WaitState, new_id
from tieout.ports import Claimed

OPEN, WAITING = WaitState.OPEN.value, StepState.WAITING.value
_TOLD = 8_000  # characters of an outside event's payload that the run's events tell along


def suspend(
    connection: Connection, claimed: Claimed, wanted: Sequence[Wait], output: Mapping[str, Any], now: datetime
) -> list[ReadyStep]:
    """Turn the claim into a waiting step with its waits; its attempts begin anew when it is woken."""
    change = RunChange(connection, claimed.run.id, now)
    asked = {wait.name for wait in wanted}
    values: dict[str, Any] = {
        "output": dict(output),
        "pending": len(wanted),
        "signals": {name: signal for name, signal in claimed.step.signals.items() if name not in asked},
        "attempt": 0,
        "error": None,
    }
    leave(connection, claimed, state=WAITING, **values)
    change.end_attempt(claimed, "waiting")
    names = [{"kind": wait.kind.value, "name": wait.name} for wait in wanted]
    change.event("step_waited", {"waits": names}, claimed.step.key)
    opened: list[ReadyStep] = []
    for wait in wanted:
        child = None
        if wait.kind is WaitKind.RUN:
            child, first = _sub_run(connection, claimed, wait, now)
            opened += first
        row = _insert(connection, change, claimed, wait, child)
        if wait.kind is WaitKind.APPROVAL:
            about = {"name": wait.name, "approvers": list(wait.approvers), "draft_sha256": wait.draft_sha256}
            change.event("approval_asked", {**about, "until": _iso(wait.until), "note": wait.note}, claimed.step.key)
        early = _early_signal(connection, claimed.run.id, wait) if wait.kind is WaitKind.EVENT else None
        if early is not None:
            opened += end(change, row, WaitState.DECIDED, "arrived", early.sent_by, early.payload)
    end_if_settled(change)
    change.plain = False  # from now on the end of another step may leave nothing but waits
    change.save()
    return opened


def _insert(connection: Connection, change: RunChange, claimed: Claimed, wait: Wait, child: str | None) -> AnyRow:
    values: dict[str, Any] = {
        "token": new_id("wait"),
        "workspace": change.workspace,
        "run_id": change.run_id,
        "step_id": claimed.step.id,
        "step": claimed.step.key,
        "kind": wait.kind.value,
        "name": wait.name,
        "state": OPEN,
        "until": wait.until,
        "draft_sha256": wait.draft_sha256,
        "approvers": list(wait.approvers),
        "note": wait.note,
        "child_run": child,
        "payload": {},
        "asked_at": change.now,
    }
    return connection.execute(insert(waits).values(values).returning(*waits.c)).one()


def _sub_run(connection: Connection, claimed: Claimed, wait: Wait, now: datetime) -> tuple[str, list[ReadyStep]]:
    """Create the sub-run in the same transaction; a step that is replayed gets new ones."""
    assert wait.request is not None
    assert wait.plan is not None
    principal = claimed.run.asker
    if wait.request.audience not in ("", principal.audience, principal.id):
        raise InvalidInput("a sub-run is for all of the workspace, for those of its run, or for who asked alone")
    child = insert_run(connection, principal, wait.request, wait.plan, now, parent_step=claimed.step.id)
    assert child is not None  # it has no idempotency key
    first = steps.c.run_id == child.id, steps.c.state == StepState.READY.value
    found = connection.execute(select(steps.c.id).where(*first)).scalars()
    return child.id, [ReadyStep(step_id, child.id, principal.workspace) for step_id in found]


def _early_signal(connection: Connection, run_id: str, wait: Wait) -> AnyRow | None:
    query = select(signals).where(signals.c.run_id == run_id, signals.c.name == wait.name)
    return connection.execute(query).one_or_none()


def end(
    change: RunChange, row: AnyRow, state: WaitState, decision: str, by: str | None, payload: Mapping[str, Any]
) -> list[ReadyStep]:
    """End an open wait; its step is ready when it was the last one. The run is locked by the caller."""
    ended = {"state": state.value, "decision": decision, "decided_by": by, "decided_at": change.now}
    done = change.connection.execute(
        update(waits).where(waits.c.token == row.token, waits.c.state == OPEN).values(**ended, payload=dict(payload))
    )
    if done.rowcount == 0:
        return []
    step = change.connection.execute(select(steps).where(steps.c.id == row.step_id)).one()
    if step.state != WAITING:
        return []
    signal = {"kind": row.kind, "decision": decision, "by": by, "at": _iso(change.now), "payload": dict(payload)}
    last = step.pending == 1
    values: dict[str, Any] = {"signals": {**(step.signals or {}), row.name: signal}, "pending": step.pending - 1}
    if last:
        values |= {"state": StepState.READY.value, "ready_at": change.now}
    change.connection.execute(update(steps).where(steps.c.id == row.step_id).values(**values))
    kind = {"approval": f"approval_{decision}"}.get(row.kind, "wait_ended")
    about = {"name": row.name, "kind": row.kind, "decision": decision, "by": by}
    if row.kind in (WaitKind.APPROVAL.value, WaitKind.EFFECT.value) and payload.get("reason"):
        about["reason"] = payload["reason"]  # why, in a person's words
    change.event(kind, about, row.step)
    if last and change.state is RunState.WAITING:
        change.enter(RunState.RUNNING)
    return [ReadyStep(step.id, step.run_id, step.workspace)] if last and not step.held else []


def decide(
    connection: Connection,
    principal: Principal,
    run_id: str,
    name: str,
    decision: str,
    draft_sha256: str | None,
    payload: Mapping[str, Any],
    now: datetime,
) -> tuple[OpenWait | None, list[ReadyStep], Exception | None]:
    """Decide an open wait, or return why not; a refused try is kept as an event, so nothing is raised here."""
    change = RunChange(connection, run_id, now)
    mine = waits.c.run_id == run_id, waits.c.workspace == principal.workspace, waits.c.name == name
    # Of several waits of one name: an open one first, what people decide before the rest, and the one of this draft.
    order = (
        waits.c.state != OPEN,
        waits.c.kind.not_in((WaitKind.APPROVAL.value, WaitKind.EFFECT.value)),
        waits.c.draft_sha256 != (draft_sha256 or ""),
        waits.c.asked_at.desc(),
        waits.c.token,
    )
    row = connection.execute(select(waits).where(*mine).order_by(*order).limit(1)).one_or_none()
    if row is None:
        return None, [], NotFound(f"{run_id} does not wait for {name!r}: see `tieout runs waiting`")
    refusal = _refusal(row, principal, draft_sha256, now)
    if refusal is not None:
        data = {"name": name, "by": principal.id, "decision": decision, "reason": str(refusal)}
        change.event("decision_refused", data, row.step)
        change.save()
        return None, [], refusal
    opened = end(change, row, WaitState.DECIDED, decision, principal.id, payload)
    if row.child_run is not None:
        change.cancel_child(row.child_run)
    change.save()
    ended = connection.execute(select(waits).where(waits.c.token == row.token)).one()
    return wait_of(ended), opened, None


def _refusal(row: AnyRow, principal: Principal, draft_sha256: str | None, now: datetime) -> Exception | None:
    if row.state != OPEN:
        how = f"{row.decision} by {row.decided_by}" if row.state == WaitState.DECIDED.value else row.state
        return Conflict(f"{row.name!r} was {how} at {_iso(row.decided_at)}; a wait is decided once", token=row.token)
    if row.until is not None and row.until <= now:
        return Conflict(f"{row.name!r} expired at {_iso(row.until)}: ask for it again", token=row.token)
    if row.approvers and principal.id not in row.approvers:
        return PermissionDenied(f"{principal.id} may not decide {row.name!r}: it waits for {', '.join(row.approvers)}")
    if row.draft_sha256 is not None and draft_sha256 != row.draft_sha256:
        return Conflict(f"{row.name!r} is about another draft ({row.draft_sha256[:12]}…): look at that one first")
    return None


def signal(
    connection: Connection, principal: Principal, run_id: str, name: str, payload: Mapping[str, Any], now: datetime
) -> tuple[bool, list[ReadyStep]]:
    """Keep an outside event under its name, once, and end the wait for it if one is open."""
    change = RunChange(connection, run_id, now)
    known = signals.c.run_id == run_id, signals.c.name == name
    if connection.execute(select(signals.c.name).where(*known)).scalar() is not None:
        return False, []
    values = {"workspace": principal.workspace, "payload": dict(payload), "sent_by": principal.id, "sent_at": now}
    connection.execute(insert(signals).values(run_id=run_id, name=name, **values))
    told = {"payload": dict(payload)} if len(json.dumps(payload, default=str)) <= _TOLD else {}
    change.event("signal_arrived", {"name": name, "by": principal.id, **told})
    open_wait = (*(waits.c.run_id == run_id, waits.c.name == name), waits.c.state == OPEN, waits.c.kind == "event")
    opened: list[ReadyStep] = []
    for row in connection.execute(select(waits).where(*open_wait)).all():
        opened += end(change, row, WaitState.DECIDED, "arrived", principal.id, payload)
    change.save()
    return True, opened


def due(connection: Connection, now: datetime) -> Sequence[AnyRow]:
    """Return (token, run_id) of open waits whose time has come."""
    query = select(waits.c.token, waits.c.run_id).where(is_in(waits.c.state, OPEN), waits.c.until <= now)
    return connection.execute(query.order_by(waits.c.until).limit(500)).all()


def expire(connection: Connection, token: str, run_id: str, now: datetime) -> list[ReadyStep]:
    """End a wait whose time has come: a timer as due, everything else as expired."""
    change = RunChange(connection, run_id, now)
    query = select(waits).where(waits.c.token == token, waits.c.state == OPEN, waits.c.until <= now)
    row = connection.execute(query).one_or_none()
    if row is None:
        return []
    timer = row.kind == WaitKind.TIMER.value
    state = WaitState.DECIDED if timer else WaitState.EXPIRED
    opened = end(change, row, state, "due" if timer else "expired", None, {})
    if row.child_run is not None:
        change.cancel_child(row.child_run)
    change.save()
    return opened


def ended_sub_runs(connection: Connection) -> Sequence[AnyRow]:
    """Return (token, run_id, child_run) of open waits for runs that are final."""
    final = [state.value for state in RunState if state.final]
    query = select(waits.c.token, waits.c.run_id, waits.c.child_run).join(runs, runs.c.id == waits.c.child_run)
    open_wait = is_in(waits.c.state, OPEN), waits.c.child_run.is_not(None)
    return connection.execute(query.where(*open_wait, runs.c.state.in_(final)).limit(500)).all()


def end_sub_run(connection: Connection, token: str, run_id: str, child_run: str, now: datetime) -> list[ReadyStep]:
    """Give the end of a sub-run to the step that waits for it."""
    child = connection.execute(select(runs).where(runs.c.id == child_run)).one()
    change = RunChange(connection, run_id, now)
    row = connection.execute(select(waits).where(waits.c.token == token, waits.c.state == OPEN)).one_or_none()
    if row is None:
        return []
    payload = {"run_id": child_run, "state": child.state, "result": child.result, "error": child.error}
    opened = end(change, row, WaitState.DECIDED, child.state, None, payload)
    change.save()
    return opened


def _iso(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
