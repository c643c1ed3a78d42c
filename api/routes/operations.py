"""Operating runs over HTTP: pause, replay, decide, signal, and see what is stuck."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import Json
from api.routes.common import Caller, TheDesk, record
from api.schemas import DecideBody, ReplayBody, ReplayManyBody, SignalBody
from tieout.model import DeadLetter, Event, OpenWait, UsageLine
from tieout.ports import Effect, RunFilter

router = APIRouter()


@router.post("/runs/replay")
def replay_many(body: ReplayManyBody, desk: TheDesk, caller: Caller) -> Response:
    """Give all runs that fit fresh attempts; with `dry_run`, only name them."""
    where = RunFilter(body.states, body.agent, body.error, body.since, body.until)
    return record(desk.replay_many(caller, where, dry_run=body.dry_run))


@router.post("/runs/{run_id}/replay")
def replay(run_id: str, body: ReplayBody, desk: TheDesk, caller: Caller) -> Response:
    """Do a step and all that follows from it again, or what has no result."""
    return record(desk.replay(caller, run_id, step=body.step, redeliver=body.redeliver))


@router.post("/runs/{run_id}/pause")
def pause(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """Begin no further step; `resume` ends the pause."""
    return record(desk.pause(caller, run_id))


@router.post("/runs/{run_id}/steps/{key:path}/cancel")
def cancel_step(run_id: str, key: str, desk: TheDesk, caller: Caller) -> Response:
    """Cancel one unfinished step."""
    return record(desk.cancel_step(caller, run_id, key))


@router.get("/runs/{run_id}/waits")
def waits_of_run(run_id: str, desk: TheDesk, caller: Caller) -> Response:
    """List all waits of a run, the oldest first."""
    return record(desk.waits(caller, run_id=run_id), list[OpenWait])


@router.post("/runs/{run_id}/waits/decide")
def decide(run_id: str, body: DecideBody, desk: TheDesk, caller: Caller) -> Response:
    """End an open wait with the caller's decision."""
    ended = desk.decide(caller, run_id, body.name, body.decision, draft_sha256=body.draft_sha256, reason=body.reason)
    return record(ended)


@router.post("/runs/{run_id}/signals/{name:path}")
def signal(run_id: str, name: str, body: SignalBody, desk: TheDesk, caller: Caller) -> Response:
    """Tell a run that something happened outside; `first` is false when it was told so before."""
    return Json({"first": desk.signal(caller, run_id, name, body.payload)})


@router.get("/waits")
def waits(desk: TheDesk, caller: Caller) -> Response:
    """List the open waits of the workspace, the oldest first."""
    return record(desk.waits(caller), list[OpenWait])


@router.get("/dead-letters")
def dead_letters(desk: TheDesk, caller: Caller, limit: int = 50, run: str | None = None) -> Response:
    """List dead steps, of one run when named, the newest first."""
    return record(desk.dead_letters(caller, limit=limit, run_id=run), list[DeadLetter])


@router.get("/usage")
def usage(
    desk: TheDesk,
    caller: Caller,
    by: Literal["agent", "principal", "model", "day"] = "agent",
    since: datetime | None = None,
) -> Response:
    """Sum what runs created since then (default: 30 days ago) cost."""
    return record(desk.usage(caller, by=by, since=since), list[UsageLine])


@router.get("/audit")
def audit(desk: TheDesk, caller: Caller, limit: int = 100) -> Response:
    """List what people did to runs, the newest first."""
    return record(desk.deeds(caller, limit=limit), list[Event])


@router.get("/states")
def states(desk: TheDesk, caller: Caller) -> Response:
    """Count the runs of the workspace by state."""
    return Json(dict(desk.states(caller)))


@router.get("/depths")
def depths(desk: TheDesk, caller: Caller) -> Response:
    """Tell how much stands where in the engine, over all workspaces."""
    return record(desk.depths(caller))


@router.get("/effects/unknown")
def unknown_effects(desk: TheDesk, caller: Caller, limit: int = 100) -> Response:
    """List effects of which nobody knows whether they arrived, the oldest first."""
    return record(desk.unknown_effects(caller, limit=limit), list[Effect])
