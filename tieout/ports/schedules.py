"""The state of record of schedules and their fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Protocol

from tieout.errors import TieoutError
from tieout.model import Fire, Principal, RunRequest, Schedule, ScheduleSpec, ScheduleState


class ScheduleStore(Protocol):
    """Schedules and fires. A fire is unique per schedule and planned time, whoever tries to make it."""

    def add_schedule(self, principal: Principal, spec: ScheduleSpec, *, next_at: datetime, now: datetime) -> Schedule:
        """Commit an active schedule. Raises Conflict when the workspace has one of that name."""
        ...

    def get_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Return the schedule of a name, id or unique beginning of an id. Raises NotFound with near names."""
        ...

    def list_schedules(self, principal: Principal, *, states: Sequence[ScheduleState] = ()) -> list[Schedule]:
        """Return the workspace's schedules by name."""
        ...

    def pause_schedule(self, principal: Principal, schedule_id: str, *, now: datetime) -> Schedule:
        """Stop planning; an active schedule becomes paused, any other is returned unchanged."""
        ...

    def resume_schedule(self, principal: Principal, schedule_id: str, *, next_at: datetime, now: datetime) -> Schedule:
        """Plan again from `next_at` on; an active schedule is returned unchanged."""
        ...

    def remove_schedule(self, principal: Principal, schedule_id: str) -> Schedule:
        """Remove a schedule with its fires; the runs that they started stay. Raises NotFound."""
        ...

    def fires(self, principal: Principal, schedule_id: str, *, limit: int = 50) -> list[Fire]:
        """Return the schedule's fires, newest planned time first."""
        ...

    def add_fire(self, schedule: Schedule, fire: Fire, *, retry_at: datetime) -> None:
        """Commit a fire beside the plan (a person asked for it). Raises Conflict, NotFound (removed meanwhile)."""
        ...

    # ------------------------------------------------------------ for schedulers: over all workspaces

    def due_schedules(self, *, now: datetime, limit: int) -> list[Schedule]:
        """Return active schedules whose next time has come, the longest due first."""
        ...

    def next_due(self) -> datetime | None:
        """Return when the next schedule, or the next try at a begun fire, is due."""
        ...

    def advance(
        self,
        schedule: Schedule,
        *,
        next_at: datetime | None,
        fires: Sequence[Fire],
        retry_at: datetime,
        now: datetime,
        state: ScheduleState = ScheduleState.ACTIVE,
        reason: str | None = None,
    ) -> list[Fire]:
        """Move `next_at` from what `schedule` says to the given time, and commit the fires in the same transaction.

        Returns the fires that are new: none when somebody else has moved it (or paused, removed) meanwhile. A begun
        fire is tried again from `retry_at` on, until it is finished.
        """
        ...

    def take_stranded(self, *, now: datetime, retry_at: datetime, limit: int) -> list[Fire]:
        """Return begun fires whose `retry_at` has come, their attempt counted and their `retry_at` moved."""
        ...

    def finish_fire(self, fire: Fire, *, run_id: str | None = None, reason: str | None = None) -> None:
        """Record that a begun fire started a run, or failed for a reason; a finished one stays as it is."""
        ...

    def postpone_fire(self, fire: Fire, *, retry_at: datetime, reason: str) -> None:
        """Try a begun fire again from `retry_at` on; `reason` says why it has not started."""
        ...

    def forget_fires(self, *, before: datetime, limit: int) -> int:
        """Remove finished fires planned before a time, at most `limit`, each schedule's last one kept; say how many."""
        ...


def fire_request(schedule: Schedule, planned_at: datetime, day: date | None) -> RunRequest:
    """Return the request of the one run that a fire may start: its idempotency key names schedule and planned time.

    A request without `as_of` is about `day`, that of the fire.
    """
    request = schedule.spec.request
    key = f"schedule:{schedule.id}:{planned_at.astimezone(UTC).isoformat()}"
    return replace(request, idempotency_key=key, as_of=request.as_of or day, door="schedule")


def fire_reason(error: Exception) -> str:
    """Return why a fire started no run, as text that every database can keep."""
    text = error.message if isinstance(error, TieoutError) else f"{type(error).__name__}: {error}"
    return text.replace("\x00", "").encode("utf-8", "replace").decode()[:2_000]
