"""Schedules: the rule that says when, the request that says what, and the fires that say what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tieout.model.runs import RunRequest
from tieout.model.who import Principal


@dataclass(frozen=True)
class CronRule:
    """Five cron fields (minute, hour, day of month, month, day of week) in an IANA time zone."""

    expression: str
    zone: str


@dataclass(frozen=True)
class IntervalRule:
    """Every `every` of elapsed time, counted from `anchor` (UTC), which is itself the first time."""

    every: timedelta
    anchor: datetime | None = None  # None until a schedule is made of the rule


@dataclass(frozen=True)
class OnceRule:
    """One time: `local` (without a zone) as the clocks of the IANA time zone show it."""

    local: datetime
    zone: str


@dataclass(frozen=True)
class MarketRule:
    """`offset` after (before, when negative) each session's `moment` ('open' or 'close') of an exchange's calendar."""

    calendar: str  # a name of exchange_calendars: XNYS, XLON, …
    moment: str
    offset: timedelta = timedelta(0)


type Rule = CronRule | IntervalRule | OnceRule | MarketRule


class Misfire(StrEnum):
    """What happens to planned times that nobody fired in time (the service was down)."""

    SKIP = "skip"  # none of them is made up for
    ONCE = "once"  # one fire stands for all of them
    ALL = "all"  # each is fired, the newest `catch_up` of them


class Overlap(StrEnum):
    """What happens at a planned time while the schedule's last run is not final."""

    ALLOW = "allow"
    SKIP = "skip"


class ScheduleState(StrEnum):
    """active ↔ paused; finished: the rule has no more times; failed: they cannot be computed (`reason` says why)."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"


class FireState(StrEnum):
    """begun → started (there is a run) or failed (there is none); skipped by the misfire or overlap policy."""

    BEGUN = "begun"
    STARTED = "started"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Fire:
    """One time that a schedule fired, or should have; unique per schedule and planned time."""

    schedule_id: str
    workspace: str
    planned_at: datetime
    state: FireState
    begun_at: datetime
    request: RunRequest  # what it starts, with its idempotency key
    principal: str
    run_id: str | None = None
    reason: str | None = None  # why it failed or was skipped
    missed: int = 0  # earlier planned times that it stands for
    manual: bool = False
    attempt: int = 1

    @property
    def owner(self) -> Principal:
        """Who its runs work for."""
        return Principal(self.principal, self.workspace, audience=self.request.audience)


@dataclass(frozen=True)
class ScheduleSpec:
    """What a person asks for: `rule` in its text form, `request` without an idempotency key.

    A request without `as_of` gets the day of each fire in the rule's time zone. `grace_s` is how late (seconds) a
    fire may be before the misfire policy decides; `catch_up` is how many times the policy `all` makes up for.
    """

    name: str
    rule: str
    request: RunRequest
    misfire: Misfire = Misfire.ONCE
    grace_s: float = 60.0
    catch_up: int = 100
    overlap: Overlap = Overlap.ALLOW


@dataclass(frozen=True)
class Schedule:
    """A standing order: start `spec.request` at the times of `spec.rule`, as `principal`."""

    id: str
    workspace: str
    principal: str
    spec: ScheduleSpec
    state: ScheduleState
    created_at: datetime
    updated_at: datetime
    next_at: datetime | None = None  # the next planned time, while active
    reason: str | None = None
    last_fire: Fire | None = None
    last_run_id: str | None = None

    @property
    def owner(self) -> Principal:
        """Who its runs work for."""
        return Principal(self.principal, self.workspace, audience=self.spec.request.audience)
