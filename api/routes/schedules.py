"""Schedules over HTTP: add, look at, stop, go on, fire, and see when a rule would."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from api.routes.common import Caller, TheDesk, record
from api.schemas import RunBody
from tieout.model import Fire, Misfire, Overlap, RunRequest, Schedule, ScheduleSpec, ScheduleState

router = APIRouter()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScheduleBody(_Body):
    """A schedule to add; `rule` in its text form, such as `cron: 0 7 * * 1-5 Europe/Zurich`.

    `request` is what each fire asks for; without `as_of` it is about the day of the fire.
    """

    name: str
    rule: str
    request: RunBody
    misfire: Misfire = Misfire.ONCE
    grace_s: float = 60.0
    catch_up: int = 100
    overlap: Overlap = Overlap.ALLOW


class PreviewBody(_Body):
    """A rule in its text form, and how many of its times are wanted."""

    rule: str
    count: int = 5


@router.post("/schedules")
def add(body: ScheduleBody, desk: TheDesk, caller: Caller) -> Response:
    """Add a schedule that starts runs as the caller."""
    spec = ScheduleSpec(**{**dict(body), "request": RunRequest(**dict(body.request))})
    schedule = desk.add_schedule(caller, spec)
    return record(schedule, status=201, headers={"Location": f"/api/v1/schedules/{schedule.id}"})


@router.get("/schedules")
def index(desk: TheDesk, caller: Caller, state: Annotated[list[ScheduleState] | None, Query()] = None) -> Response:
    """List schedules by name."""
    return record(desk.schedules(caller, states=tuple(state or ())), list[Schedule])


@router.post("/rules/preview")
def preview(body: PreviewBody, desk: TheDesk, caller: Caller) -> Response:
    """List the next times (UTC) of a rule."""
    return record(desk.preview_rule(caller, body.rule, count=body.count), list[datetime])


@router.get("/schedules/{reference}")
def show(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Show a schedule of a name, an id or the beginning of an id."""
    return record(desk.schedule(caller, reference))


@router.get("/schedules/{reference}/fires")
def fires(reference: str, desk: TheDesk, caller: Caller, limit: int = 50) -> Response:
    """List a schedule's fires, newest planned time first."""
    return record(desk.fires(caller, reference, limit=limit), list[Fire])


@router.post("/schedules/{reference}/pause")
def pause(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Stop planning until it is resumed."""
    return record(desk.pause_schedule(caller, reference))


@router.post("/schedules/{reference}/resume")
def resume(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Plan again from now on."""
    return record(desk.resume_schedule(caller, reference))


@router.post("/schedules/{reference}/fire")
def fire(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Start the schedule's request now, beside its plan."""
    run = desk.fire_schedule(caller, reference)
    return record(run, status=201, headers={"Location": f"/api/v1/runs/{run.id}"})


@router.delete("/schedules/{reference}")
def remove(reference: str, desk: TheDesk, caller: Caller) -> Response:
    """Remove a schedule with its fires; the runs that they started stay."""
    return record(desk.remove_schedule(caller, reference))
