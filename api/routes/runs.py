"""Runs over HTTP: submit, look at, follow, stop, and fetch what they made."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from anyio.to_thread import run_sync
from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from api import events
from api.answers import Json
from api.routes.common import Caller, TheDesk, record
from api.schemas import RunBody
from tieout.application import find_artifact
from tieout.model import Artifact, Event, Run, RunRequest, RunState, Step

router = APIRouter(prefix="/runs")


@router.post("")
def submit(
    body: RunBody, desk: TheDesk, caller: Caller, idempotency_key: Annotated[str | None, Header(max_length=200)] = None
) -> Response:
    """Submit a run; the same Idempotency-Key with the same body gives the first run again."""
    run = desk.start_run(caller, RunRequest(**dict(body), idempotency_key=idempotency_key))
    return record(run, status=201, headers={"Location": f"/api/v1/runs/{run.id}"})


@router.get("")
def index(
    desk: TheDesk,
    caller: Caller,
    limit: int = 50,
    state: Annotated[list[RunState] | None, Query()] = None,
) -> Response:
    """List runs, newest first."""
    return record(desk.runs(caller, limit=limit, states=tuple(state or ())), list[Run])


@router.get("/{run_id}")
async def show(
    request: Request, run_id: str, desk: TheDesk, caller: Caller, wait: Annotated[float, Query(ge=0, le=60)] = 0.0
) -> Response:
    """Show a run; with `wait`, when it is final or after that many seconds."""
    state = request.app.state
    return record(await events.wait_final(desk, state.changes, caller, run_id, wait, state.stopping))


@router.get("/{run_id}/steps")
def steps(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """List a run's steps in plan order."""
    return record(desk.steps(caller, run_id), list[Step])


@router.post("/{run_id}/cancel")
def cancel(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Cancel what has not finished."""
    return record(desk.cancel(caller, run_id))


@router.post("/{run_id}/resume")
def resume(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Make dead and stranded steps ready again."""
    return record(desk.resume(caller, run_id))


@router.get("/{run_id}/result")
def result(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Return the research result."""
    return Json(dict(desk.result(caller, run_id)))


@router.get("/{run_id}/artifacts")
def artifacts(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """List a run's artifacts."""
    return record(desk.artifacts(caller, run_id), list[Artifact])


@router.get("/{run_id}/artifacts/{name}")
def artifact(run_id: str, name: str, desk: TheDesk, caller: Caller) -> Response:
    """Return an artifact as a download: its HTML must not run under the service's origin."""
    found = find_artifact(desk.artifacts(caller, run_id), name)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name)}",
        "X-Content-Type-Options": "nosniff",
        "ETag": f'"{found.sha256}"',
    }
    return Response(desk.artifact_bytes(caller, run_id, name), media_type=found.media_type, headers=headers)


@router.get("/{run_id}/events")
async def follow(
    request: Request,
    run_id: str,
    desk: TheDesk,
    caller: Caller,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Stream events as they happen; with `Accept: application/json`, list those that there are.

    A stream that has nothing more to tell answers 204, which ends a browser's reconnecting.
    """
    if "application/json" in request.headers.get("accept", ""):
        found = await run_sync(lambda: desk.events(caller, run_id, after=after, limit=limit))
        return record(found, list[Event])
    after = max(after, events.last_event_id(last_event_id))
    run = await run_sync(desk.run, caller, run_id)
    if run.state.final and not await run_sync(lambda: desk.events(caller, run.id, after=after, limit=1)):
        return Response(status_code=204)
    state = request.app.state
    lines = events.stream(desk, state.changes, caller, run.id, after=after, stopping=state.stopping)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(lines, media_type="text/event-stream", headers=headers)
