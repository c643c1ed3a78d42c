"""The use cases of schedules over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tieout import codec
from tieout.client.http import HttpTransport, segment
from tieout.model import Fire, Principal, Run, Schedule, ScheduleSpec, ScheduleState


class HttpSchedules(HttpTransport):
    """A `ScheduleDesk` behind a service's URL."""

    def add_schedule(self, principal: Principal, spec: ScheduleSpec) -> Schedule:
        """Commit a schedule."""
        body = codec.dump(spec)
        del body["request"]["idempotency_key"]  # each fire has its own
        del body["request"]["audience"]  # the service knows who asks
        return codec.load(Schedule, self._json("POST", "schedules", principal, json=body))

    def schedule(self, principal: Principal, reference: str) -> Schedule:
        """Return a schedule by name, id or the beginning of its id."""
        return codec.load(Schedule, self._json("GET", f"schedules/{segment(reference)}", principal))

    def schedules(self, principal: Principal, *, states: Sequence[ScheduleState] = ()) -> list[Schedule]:
        """Return the workspace's schedules by name."""
        params = {"state": [state.value for state in states]}
        return codec.load(list[Schedule], self._json("GET", "schedules", principal, params=params))

    def fires(self, principal: Principal, reference: str, *, limit: int = 50) -> list[Fire]:
        """Return the fires of a schedule, newest planned time first."""
        path = f"schedules/{segment(reference)}/fires"
        return codec.load(list[Fire], self._json("GET", path, principal, params={"limit": limit}))

    def pause_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Stop planning until it is resumed."""
        return codec.load(Schedule, self._json("POST", f"schedules/{segment(reference)}/pause", principal))

    def resume_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Plan again from now on."""
        return codec.load(Schedule, self._json("POST", f"schedules/{segment(reference)}/resume", principal))

    def remove_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Remove a schedule with its fires; the runs that they started stay."""
        return codec.load(Schedule, self._json("DELETE", f"schedules/{segment(reference)}", principal))

    def fire_schedule(self, principal: Principal, reference: str) -> Run:
        """Start the schedule's request now, beside its plan."""
        return codec.load(Run, self._json("POST", f"schedules/{segment(reference)}/fire", principal))

    def preview_rule(self, principal: Principal, rule: str, *, count: int = 5) -> list[datetime]:
        """Return the next `count` times (UTC) of a rule in text form."""
        body = {"rule": rule, "count": count}
        return codec.load(list[datetime], self._json("POST", "rules/preview", principal, json=body))
