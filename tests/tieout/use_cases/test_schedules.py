"""Schedules are added when rule and request are good, changed by those who may, and fired by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pipelines.engine.scheduler import Scheduler
from tests.support.desk import ADMIN, MEMBER, VIEWER
from tieout.application import Application
from tieout.errors import (
    Conflict,
    InvalidInput,
    NotAvailable,
    NotFound,
    PermissionDenied,
    TieoutError,
    UnknownInstrument,
)
from tieout.model import FireState, Principal, Role, RunRequest, RunState, Schedule, ScheduleSpec, ScheduleState

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
REQUEST = RunRequest(" How is it? ", tickers=("aapl",))
OTHER = Principal("mia", "desk", Role.MEMBER)


def at(desk: Application, now: datetime) -> Application:
    """Return the desk at a time."""
    return replace(desk, clock=lambda: now)


def add(desk: Application, who: Principal = MEMBER, name: str = "daily", **fields: Any) -> Schedule:
    rule = fields.pop("rule", "cron: 0 7 * * 1-5 Europe/Zurich")
    return at(desk, NOW).add_schedule(who, ScheduleSpec(name, rule, fields.pop("request", REQUEST), **fields))


def test_an_added_schedule_is_kept_in_exact_words_and_planned(desk: Application) -> None:
    schedule = add(desk, name="  Daily   report ", rule="0 7 * * mon-fri europe/zurich")
    assert (schedule.spec.name, schedule.spec.rule) == ("Daily report", "cron: 0 7 * * MON-FRI Europe/Zurich")
    assert (schedule.spec.request.question, schedule.spec.request.tickers) == ("How is it?", ("AAPL",))
    assert schedule.next_at == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert (schedule.principal, schedule.state) == ("max", ScheduleState.ACTIVE)
    assert desk.schedules(VIEWER) == [schedule]
    assert desk.schedule(VIEWER, "daily report") == schedule
    assert add(desk, name="often", rule="every 15m").spec.rule == "every 15m from 2026-03-02T09:30:00Z"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"rule": "now and then"}, InvalidInput),
        ({"rule": "at 2020-01-01T00:00 UTC"}, InvalidInput),
        ({"rule": "XNYZ close"}, InvalidInput),
        ({"name": ""}, InvalidInput),
        ({"name": "a/b"}, InvalidInput),
        ({"name": ".."}, InvalidInput),
        ({"name": "a\u202eb"}, InvalidInput),
        ({"name": "a\\b"}, InvalidInput),
        ({"name": "x" * 100}, InvalidInput),
        ({"name": "caf\udce9"}, InvalidInput),
        ({"grace_s": 0.0}, InvalidInput),
        ({"grace_s": float("nan")}, InvalidInput),
        ({"catch_up": 0}, InvalidInput),
        ({"catch_up": 1_001}, InvalidInput),
        ({"request": RunRequest(" ")}, InvalidInput),
        ({"request": RunRequest("How?", tickers=("QQXZ",))}, UnknownInstrument),
        ({"request": RunRequest("How?", agent="nobody")}, NotFound),
        ({"request": RunRequest("How?", as_of=date(2999, 1, 1))}, InvalidInput),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(
    desk: Application, fields: dict[str, Any], error: type[TieoutError]
) -> None:
    with pytest.raises(error):
        add(desk, **fields)
    assert desk.schedules(VIEWER) == []


def test_a_name_is_taken_once(desk: Application) -> None:
    add(desk)
    with pytest.raises(Conflict, match="'daily'"):
        add(desk)


CHANGES: dict[str, Callable[[Application, Principal], object]] = {
    "pause": lambda desk, who: desk.pause_schedule(who, "daily"),
    "resume": lambda desk, who: desk.resume_schedule(who, "daily"),
    "fire": lambda desk, who: desk.fire_schedule(who, "daily"),
    "remove": lambda desk, who: desk.remove_schedule(who, "daily"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_members_change_their_own_admins_all_and_viewers_none(desk: Application, change: str) -> None:
    add(desk)
    for who in (VIEWER, OTHER):
        with pytest.raises(PermissionDenied, match=change):
            CHANGES[change](desk, who)
    assert desk.schedule(VIEWER, "daily").state is ScheduleState.ACTIVE
    assert desk.fires(VIEWER, "daily") == []
    CHANGES[change](desk, MEMBER)
    if change != "remove":
        CHANGES[change](desk, ADMIN)


def test_viewers_add_nothing_and_another_workspace_sees_nothing(desk: Application) -> None:
    with pytest.raises(PermissionDenied):
        add(desk, VIEWER)
    add(desk)
    stranger = Principal("eve", "elsewhere", Role.ADMIN)
    assert desk.schedules(stranger) == []
    for change in CHANGES.values():
        with pytest.raises(NotFound):
            change(desk, stranger)


def test_a_pause_is_not_made_up_for(desk: Application) -> None:
    add(desk, rule="every 1h")
    assert desk.pause_schedule(MEMBER, "daily").next_at is None
    resumed = at(desk, NOW + timedelta(hours=5, minutes=1)).resume_schedule(MEMBER, "daily")
    assert (resumed.state, resumed.next_at) == (ScheduleState.ACTIVE, NOW + timedelta(hours=6))
    assert desk.resume_schedule(MEMBER, "daily") == resumed


def test_a_rule_that_is_over_cannot_be_resumed(desk: Application) -> None:
    add(desk, rule="at 2026-03-02T10:00 UTC")
    desk.pause_schedule(MEMBER, "daily")
    with pytest.raises(InvalidInput, match="nothing any more"):
        at(desk, NOW + timedelta(hours=1)).resume_schedule(MEMBER, "daily")


def test_a_fire_by_hand_runs_now_as_the_schedules_principal_beside_the_plan(desk: Application) -> None:
    schedule = add(desk)
    run = desk.fire_schedule(ADMIN, "daily")
    assert (run.principal, run.request.door, run.request.as_of) == ("max", "schedule", desk.clock().date())
    (fire,) = desk.fires(VIEWER, "daily")
    assert (fire.manual, fire.state, fire.run_id) == (True, FireState.STARTED, run.id)
    assert desk.schedule(VIEWER, "daily").next_at == schedule.next_at
    assert desk.wait(VIEWER, run.id, timeout_s=30).state is RunState.DONE
    assert desk.fire_schedule(MEMBER, "daily").id != run.id


def test_a_fire_by_hand_that_is_refused_is_told_and_recorded(desk: Application) -> None:
    add(desk)
    broken = replace(desk, agents=desk.agents, parts=replace(desk.parts, registry=NoCompanies()))  # type: ignore[arg-type]
    with pytest.raises(UnknownInstrument):
        broken.fire_schedule(MEMBER, "daily")
    (fire,) = desk.fires(VIEWER, "daily")
    assert (fire.state, fire.reason) == (FireState.FAILED, "Nobody knows AAPL.")


class NoCompanies:
    """A registry that has forgotten all."""

    def get(self, principal: Principal, reference: str) -> None:
        """Know nothing."""
        raise UnknownInstrument(f"Nobody knows {reference}.")


def test_the_scheduler_starts_runs_by_the_use_case_and_tells_why_it_could_not(desk: Application) -> None:
    assert desk.schedule_store is not None
    add(desk, name="good", rule="every 1h")
    add(desk, name="bad", rule="every 1h", request=RunRequest("How?", tickers=("AAPL",)))
    forgetful = replace(desk.parts, registry=NoCompanies())  # type: ignore[arg-type]
    later = at(desk, NOW + timedelta(hours=1))
    for found, name in ((later, "good"), (replace(later, parts=forgetful), "bad")):
        other = {"good": "bad", "bad": "good"}[name]
        desk.pause_schedule(MEMBER, other)
        Scheduler(desk.schedule_store, found.start_run, found.run, clock=found.clock).run_once()
        at(desk, NOW).resume_schedule(MEMBER, other)
    (good,), (bad,) = desk.fires(VIEWER, "good"), desk.fires(VIEWER, "bad")
    assert desk.wait(VIEWER, str(good.run_id), timeout_s=30).state is RunState.DONE
    assert (bad.state, bad.run_id, bad.reason) == (FireState.FAILED, None, "Nobody knows AAPL.")


def test_adding_and_resuming_wake_the_scheduler(desk: Application) -> None:
    woken: list[str] = []
    waking = replace(desk, wake_scheduler=lambda: woken.append("woken"))
    add(waking)
    waking.pause_schedule(MEMBER, "daily")
    waking.resume_schedule(MEMBER, "daily")
    assert len(woken) == 2


def test_a_rule_can_be_tried(desk: Application) -> None:
    times = at(desk, NOW).preview_rule(VIEWER, "30 minutes after the nyse close", count=2)
    assert times == [datetime(2026, 3, 2, 21, 30, tzinfo=UTC), datetime(2026, 3, 3, 21, 30, tzinfo=UTC)]
    for count in (0, 1_001):
        with pytest.raises(InvalidInput):
            desk.preview_rule(VIEWER, "every 1h", count=count)
    with pytest.raises(InvalidInput):
        desk.fires(VIEWER, "daily", limit=0)


def test_a_desk_without_schedules_says_so(desk: Application) -> None:
    with pytest.raises(NotAvailable):
        replace(desk, schedule_store=None).schedules(VIEWER)
