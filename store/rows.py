"""Turns rows of the run tables into the records of tieout.model, and usage into columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from tieout.codec import load
from tieout.model import (
    Artifact,
    Event,
    OpenWait,
    Plan,
    Run,
    RunRequest,
    RunState,
    Step,
    StepState,
    Usage,
    WaitKind,
    WaitState,
)

AnyRow = Row[*tuple[Any, ...]]


def run_of(row: AnyRow) -> Run:
    """Return the run of a row of `runs`; its result is empty when the row was read without it."""
    return Run(
        id=row.id,
        workspace=row.workspace,
        principal=row.principal,
        request=load(RunRequest, row.request),
        plan=load(Plan, row.plan),
        state=RunState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        finished_at=row.finished_at,
        result=row._mapping.get("result", {}),
        error=row.error,
        usage=usage_of(row),
        parent_step=row.parent_step,
    )


def step_of(row: AnyRow) -> Step:
    """Return the step of a whole row of `steps`."""
    return Step(
        id=row.id,
        run_id=row.run_id,
        workspace=row.workspace,
        key=row.key,
        action=row.action,
        input=row.input,
        state=StepState(row.state),
        pending=row.pending,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        fence=row.fence,
        timeout_s=row.timeout_s,
        output=row.output,
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
        signals=row.signals or {},
        generation=row.generation,
        spawned_by=row.spawned_by,
        ready_at=row.ready_at,
    )


def wait_of(row: AnyRow) -> OpenWait:
    """Return the wait of a row of `waits`."""
    return OpenWait(
        token=row.token,
        run_id=row.run_id,
        step=row.step,
        kind=WaitKind(row.kind),
        name=row.name,
        state=WaitState(row.state),
        asked_at=row.asked_at,
        until=row.until,
        draft_sha256=row.draft_sha256,
        approvers=tuple(row.approvers),
        note=row.note,
        child_run=row.child_run,
        decision=row.decision,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        payload=row.payload,
    )


def event_of(row: AnyRow) -> Event:
    """Return the event of a row of `events`."""
    return Event(row.run_id, row.seq, row.kind, row.at, row.step, row.data)


def artifact_of(row: AnyRow) -> Artifact:
    """Return the artifact of a row of `artifacts`."""
    return Artifact(row.run_id, row.name, row.media_type, row.sha256, row.size)


def usage_of(row: AnyRow, prefix: str = "") -> Usage:
    """Return the usage in a row's four columns."""
    values = row._mapping
    return Usage(*(values[prefix + name] for name in ("calls", "tokens_in", "tokens_out", "cost")))


def usage_columns(usage: Usage, prefix: str = "") -> dict[str, Any]:
    """Return the four columns that keep a usage."""
    return {prefix + name: getattr(usage, name) for name in ("calls", "tokens_in", "tokens_out", "cost")}
