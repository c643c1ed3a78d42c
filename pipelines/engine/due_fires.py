"""Decides what a due schedule does: which fires begin, which planned times pass, and what is planned next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tieout.errors import NotFound, TieoutError
from tieout.model import Fire, FireState, Misfire, Overlap, Principal, Rule, Run, Schedule, ScheduleState
from tieout.ports.schedules import fire_request
from tieout.recurrence import day_of, due, next_after, parse_rule

_AT_ONCE = 20  # fires of one transaction; what else is to be caught up with follows in the next

type FindRun = Callable[[Principal, str], Run]


@dataclass(frozen=True)
class Move:
    """What becomes of a schedule whose time has come: its fires, in order, and what is planned next."""

    fires: tuple[Fire, ...]
    next_at: datetime | None
    state: ScheduleState = ScheduleState.ACTIVE
    reason: str | None = None


def plan_move(schedule: Schedule, now: datetime, *, find_run: FindRun) -> Move:
    """Return what is to happen to an active schedule whose `next_at` is not later than `now`.

    The times planned depend on the rule and on `next_at` alone, so that schedulers whose clocks differ plan the same
    ones; the clock says only whether a time has come, and whether it was missed.
    """
    planned = schedule.next_at
    assert planned is not None
    try:
        rule = parse_rule(schedule.spec.rule)
        fires = _fires(schedule, rule, planned, now, find_run)
    except TieoutError as error:
        if error.retryable:  # of the store: nothing is decided
            raise
        # A zone that is no longer known, say.
        lost = _fire(schedule, planned, now, None, state=FireState.FAILED, reason=error.message)
        return Move((lost,), None, ScheduleState.FAILED, error.message)
    last = fires[-1].planned_at
    try:
        next_at = next_after(rule, last)
    except TieoutError as error:  # what is due is fired all the same
        return Move(fires, None, ScheduleState.FAILED, error.message)
    return Move(fires, next_at, ScheduleState.ACTIVE if next_at else ScheduleState.FINISHED)


def _fires(schedule: Schedule, rule: Rule, planned: datetime, now: datetime, find_run: FindRun) -> tuple[Fire, ...]:
    spec, grace = schedule.spec, timedelta(seconds=schedule.spec.grace_s)
    if now - planned <= grace:
        return (_overlapping(schedule, _fire(schedule, planned, now, rule), find_run),)
    if spec.misfire is Misfire.ONCE:
        # The newest of them: a report that comes late is about the day it comes on.
        passed = due(rule, planned, now, keep=1)
        fire = _fire(schedule, passed.newest[-1], now, rule, missed=passed.count - 1)
        return (_overlapping(schedule, fire, find_run),)
    passed = due(rule, planned, now - grace, keep=spec.catch_up if spec.misfire is Misfire.ALL else 1)
    if spec.misfire is Misfire.SKIP:
        return (_skipped(schedule, passed.newest[-1], now, rule, passed.count - 1),)
    kept = [_fire(schedule, at, now, rule) for at in passed.newest[:_AT_ONCE]]
    kept[0] = _overlapping(schedule, kept[0], find_run)
    dropped = passed.count - len(passed.newest)
    older = [_skipped(schedule, planned, now, rule, dropped - 1)] if dropped else []
    return (*older, *kept)


def _fire(
    schedule: Schedule,
    planned: datetime,
    now: datetime,
    rule: Rule | None,
    *,
    state: FireState = FireState.BEGUN,
    reason: str | None = None,
    missed: int = 0,
) -> Fire:
    day = None if rule is None else day_of(rule, planned)
    return Fire(
        schedule_id=schedule.id,
        workspace=schedule.workspace,
        principal=schedule.principal,
        planned_at=planned,
        state=state,
        begun_at=now,
        request=fire_request(schedule, planned, day),
        reason=reason,
        missed=missed,
    )


def _skipped(schedule: Schedule, planned: datetime, now: datetime, rule: Rule, missed: int) -> Fire:
    reason = f"missed; the policy for missed times is {schedule.spec.misfire.value!r}"
    return _fire(schedule, planned, now, rule, state=FireState.SKIPPED, reason=reason, missed=missed)


def _overlapping(schedule: Schedule, fire: Fire, find_run: FindRun) -> Fire:
    """Return the fire, skipped where the schedule wants no second run beside one that is not final."""
    if schedule.spec.overlap is Overlap.ALLOW:
        return fire
    if schedule.last_fire is not None and schedule.last_fire.state is FireState.BEGUN:
        return replace(fire, state=FireState.SKIPPED, reason="the fire before is still being started")
    if schedule.last_run_id is None:
        return fire
    try:
        run = find_run(schedule.owner, schedule.last_run_id)
    except NotFound:  # removed since
        return fire
    if run.state.final:
        return fire
    return replace(fire, state=FireState.SKIPPED, reason=f"run {run.id} of the fire before is still {run.state.value}")
