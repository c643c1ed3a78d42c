"""The use cases of schedules: who may add, change and fire them, and which rules and requests are good."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tieout.errors import InvalidInput, NotAvailable, PermissionDenied
from tieout.model import Fire, FireState, Principal, Role, Run, Schedule, ScheduleSpec, ScheduleState
from tieout.ports.schedules import ScheduleStore, fire_reason, fire_request
from tieout.recurrence import check_rule, day_of, format_rule, next_after, parse_rule, upcoming
from tieout.use_cases.common import require, valid_text
from tieout.use_cases.requests import checked_request
from tieout.use_cases.runs import RunUseCases

MAX_CATCH_UP = 1_000
MAX_FIRES = 1_000
_LONGEST_GRACE_S = 7 * 86_400.0
_NAME = re.compile(r"\w[^/\\]{0,98}")  # a part of a URL's path, too
_FIRE_LEASE = timedelta(seconds=30)


class ScheduleUseCases(RunUseCases):
    """Schedules of a workspace: viewers read, members add and change their own, admins change all."""

    def add_schedule(self, principal: Principal, spec: ScheduleSpec) -> Schedule:
        """Commit a schedule that starts runs as `principal`; its rule is kept in its exact text form.

        Raises InvalidInput, UnknownInstrument, NeedsAnswer, NotFound (agent), NotAvailable (a market's calendar),
        Conflict (the name).
        """
        require(principal, Role.MEMBER, "add schedules")
        now = self.clock()
        rule = check_rule(parse_rule(spec.rule), now)
        request = replace(spec.request, idempotency_key=None, door="schedule", audience=principal.audience)
        request = checked_request(self.parts, principal, request, now=now)
        self.agents.get(request.agent).plan(request)
        spec = replace(_checked(spec), rule=format_rule(rule), request=request)
        next_at = next_after(rule, now)
        assert next_at is not None  # check_rule has seen to it
        schedule = self._schedules().add_schedule(principal, spec, next_at=next_at, now=now)
        self.wake_scheduler()
        return schedule

    def schedule(self, principal: Principal, reference: str) -> Schedule:
        """Return a schedule by name, id or the beginning of its id. Raises NotFound, NeedsAnswer."""
        return self._schedules().get_schedule(principal, reference)

    def schedules(self, principal: Principal, *, states: Sequence[ScheduleState] = ()) -> list[Schedule]:
        """Return the workspace's schedules by name."""
        return self._schedules().list_schedules(principal, states=states)

    def fires(self, principal: Principal, reference: str, *, limit: int = 50) -> list[Fire]:
        """Return the fires of a schedule, newest planned time first."""
        if not 1 <= limit <= MAX_FIRES:
            raise InvalidInput(f"The number of fires must be from 1 to {MAX_FIRES}, not {limit}.")
        return self._schedules().fires(principal, self.schedule(principal, reference).id, limit=limit)

    def pause_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Stop planning until it is resumed; a fire that has begun goes on."""
        schedule = self._own(principal, reference, "pause")
        return self._schedules().pause_schedule(principal, schedule.id, now=self.clock())

    def resume_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Plan again from now on; what was planned during the pause was not missed.

        Raises InvalidInput when the rule has no more times.
        """
        schedule = self._own(principal, reference, "resume")
        if schedule.state is ScheduleState.ACTIVE:
            return schedule
        now = self.clock()
        # Not a time that has fired already, should this clock be behind the one that fired it.
        fired = schedule.last_fire.planned_at if schedule.last_fire and not schedule.last_fire.manual else now
        next_at = next_after(parse_rule(schedule.spec.rule), max(now, fired))
        if next_at is None:
            raise InvalidInput(f"{schedule.spec.rule!r} plans nothing any more; remove the schedule and add a new one.")
        schedule = self._schedules().resume_schedule(principal, schedule.id, next_at=next_at, now=now)
        self.wake_scheduler()
        return schedule

    def remove_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Remove a schedule with its fires; the runs that they started stay."""
        schedule = self._own(principal, reference, "remove")
        return self._schedules().remove_schedule(principal, schedule.id)

    def fire_schedule(self, principal: Principal, reference: str) -> Run:
        """Start the schedule's request now, in any of its states, beside its plan. Raises as `start_run` does."""
        schedule = self._own(principal, reference, "fire")
        now = self.clock().astimezone(UTC)
        request = fire_request(schedule, now, day_of(parse_rule(schedule.spec.rule), now))
        fire = Fire(
            schedule.id, schedule.workspace, now, FireState.BEGUN, now, request, schedule.principal, manual=True
        )
        self._schedules().add_fire(schedule, fire, retry_at=now + _FIRE_LEASE)
        try:
            run = self.start_run(schedule.owner, request)
        except Exception as error:
            self._schedules().finish_fire(fire, reason=fire_reason(error))
            raise
        self._schedules().finish_fire(fire, run_id=run.id)
        return run

    def preview_rule(self, principal: Principal, rule: str, *, count: int = 5) -> list[datetime]:  # noqa: ARG002
        """Return the next `count` times (UTC) of a rule in text form. Raises InvalidInput, NotAvailable."""
        now = self.clock()
        return upcoming(check_rule(parse_rule(rule), now), now, count)

    # ------------------------------------------------------------ helpers

    def _schedules(self) -> ScheduleStore:
        if self.schedule_store is None:
            raise NotAvailable("This desk keeps no schedules.")
        return self.schedule_store

    def _own(self, principal: Principal, reference: str, doing: str) -> Schedule:
        """Return the schedule if the principal may change it. Raises NotFound, PermissionDenied."""
        require(principal, Role.MEMBER, f"{doing} schedules")
        schedule = self.schedule(principal, reference)
        if schedule.principal != principal.id and principal.role is not Role.ADMIN:
            raise PermissionDenied(
                f"The schedule {schedule.spec.name!r} is {schedule.principal}'s; only they and admins may {doing} it."
            )
        return schedule


def _checked(spec: ScheduleSpec) -> ScheduleSpec:
    """Return the spec with a trimmed name. Raises InvalidInput naming what cannot be."""
    name = " ".join(spec.name.split())
    if not (_NAME.fullmatch(valid_text(name, "The name")) and name.isprintable()):
        raise InvalidInput(
            f"{spec.name[:120]!r} cannot be a schedule's name: begin with a letter or digit, use no slashes, "
            "and at most 99 characters."
        )
    if not (math.isfinite(spec.grace_s) and 1 <= spec.grace_s <= _LONGEST_GRACE_S):
        raise InvalidInput(f"The misfire grace must be from 1 s to 7 days, not {spec.grace_s} s.")
    if not 1 <= spec.catch_up <= MAX_CATCH_UP:
        raise InvalidInput(
            f"The number of times to catch up with must be from 1 to {MAX_CATCH_UP}, not {spec.catch_up}."
        )
    return replace(spec, name=name)
