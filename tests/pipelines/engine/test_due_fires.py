"""What becomes of a schedule whose time has come: in time, late, missed by each policy, overlapping, without a next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.engine.due_fires import Move, plan_move
from tieout.errors import NotFound
from tieout.model import (
    Fire,
    FireState,
    Misfire,
    Overlap,
    Plan,
    Principal,
    Run,
    RunRequest,
    RunState,
    Schedule,
    ScheduleSpec,
    ScheduleState,
)
from tieout.ports.schedules import fire_request

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURLY = "every 1h from 2026-03-02T09:00:00Z"
HERE = ScheduleSpec("hourly", HOURLY, RunRequest("How?"))


def schedule(**fields: Any) -> Schedule:
    spec = replace(HERE, **{name: fields.pop(name) for name in list(fields) if hasattr(HERE, name)})
    made = Schedule("sched_1", "desk", "ann", spec, ScheduleState.ACTIVE, NINE, NINE, NINE)
    return replace(made, **fields)


def no_run(_: Principal, run_id: str) -> Run:
    raise NotFound(run_id)


def moved(made: Schedule, now: datetime, state: RunState | None = None) -> Move:
    def run(who: Principal, run_id: str) -> Run:
        assert state is not None
        request = made.spec.request
        return Run(run_id, who.workspace, who.id, request, Plan("toy", "1", ()), state, NINE, NINE)

    return plan_move(made, now, find_run=run if state else no_run)


def told(move: Move) -> list[tuple[int, str, int]]:
    """Return each fire's hour, state and how many it stands for."""
    return [(fire.planned_at.hour, fire.state.value, fire.missed) for fire in move.fires]


def test_a_time_that_has_come_is_fired_and_the_next_is_planned() -> None:
    move = moved(schedule(), NINE + timedelta(seconds=3))
    assert told(move) == [(9, "begun", 0)]
    assert (move.next_at, move.state) == (NINE + HOUR, ScheduleState.ACTIVE)
    (fire,) = move.fires
    assert (fire.principal, fire.workspace, fire.begun_at) == ("ann", "desk", NINE + timedelta(seconds=3))


def test_the_request_is_about_the_day_of_the_fire_and_carries_its_key() -> None:
    late = schedule(rule="cron: 30 0 * * * Europe/Zurich", next_at=datetime(2026, 3, 2, 23, 30, tzinfo=UTC))
    (fire,) = moved(late, datetime(2026, 3, 2, 23, 30, tzinfo=UTC)).fires
    assert fire.request.as_of == date(2026, 3, 3)
    assert fire.request.idempotency_key == "schedule:sched_1:2026-03-02T23:30:00+00:00"
    fixed = schedule(request=RunRequest("How?", as_of=date(2020, 1, 1)))
    assert moved(fixed, NINE).fires[0].request.as_of == date(2020, 1, 1)


def test_a_late_look_within_the_grace_fires_each_time_by_itself() -> None:
    grace = schedule(grace_s=7200)
    move = moved(grace, NINE + 2 * HOUR)
    assert (told(move), move.next_at) == ([(9, "begun", 0)], NINE + HOUR)


BEHIND = NINE + 3 * HOUR + timedelta(seconds=10)  # 9, 10 and 11 are missed, 12 is not


@pytest.mark.parametrize(
    ("policy", "fires", "next_hour"),
    [
        (Misfire.ONCE, [(12, "begun", 3)], 13),
        (Misfire.SKIP, [(11, "skipped", 2)], 12),
        (Misfire.ALL, [(9, "begun", 0), (10, "begun", 0), (11, "begun", 0)], 12),
    ],
)
def test_missed_times_go_by_the_policy(policy: Misfire, fires: list[tuple[int, str, int]], next_hour: int) -> None:
    move = moved(schedule(misfire=policy), BEHIND)
    assert told(move) == fires
    assert move.next_at == NINE.replace(hour=next_hour)


def test_all_makes_up_for_the_newest_times_and_tells_how_many_it_dropped() -> None:
    move = moved(schedule(misfire=Misfire.ALL, catch_up=2), NINE + 9 * HOUR)
    assert told(move) == [(9, "skipped", 6), (16, "begun", 0), (17, "begun", 0)]
    assert move.fires[1].request.as_of == date(2026, 3, 2)


@given(
    st.sampled_from(list(Misfire)),
    st.integers(0, 2_000_000),
    st.sampled_from([1, 60, 3_600, 40_000]),
    st.sampled_from([1, 3, 50, 1_000]),
)
@settings(max_examples=300, deadline=None)
def test_following_the_moves_accounts_for_every_planned_time_once(
    policy: Misfire, behind: int, grace: int, catch_up: int
) -> None:
    """Each planned time is fired, skipped, or stood for by one fire; no more are made up for than were wished."""
    made, now = schedule(misfire=policy, grace_s=float(grace), catch_up=catch_up), NINE + timedelta(seconds=behind)
    fires: list[Fire] = []
    while made.next_at is not None and made.next_at <= now:
        move = moved(made, now)
        assert move.next_at is not None
        assert move.next_at > made.next_at
        fires += move.fires
        made = replace(made, next_at=move.next_at)
    planned = [fire.planned_at for fire in fires]
    assert planned == sorted(set(planned))
    assert sum(1 + fire.missed for fire in fires) == behind // 3_600 + 1
    late = [
        fire for fire in fires if fire.state is FireState.BEGUN and now - fire.planned_at > timedelta(seconds=grace)
    ]
    assert len(late) <= {Misfire.SKIP: 0, Misfire.ONCE: 1, Misfire.ALL: catch_up}[policy]


@pytest.mark.parametrize("state", list(RunState))
def test_overlap_is_skipped_while_the_last_run_is_not_final(state: RunState) -> None:
    made = schedule(overlap=Overlap.SKIP, last_run_id="run_1")
    (fire,) = moved(made, NINE, state).fires
    assert fire.state is (FireState.BEGUN if state.final else FireState.SKIPPED)
    assert state.final or "run_1" in (fire.reason or "")
    assert moved(replace(made, spec=replace(made.spec, overlap=Overlap.ALLOW)), NINE, state).fires[0].reason is None


def test_overlap_counts_a_fire_that_is_still_being_started_and_forgets_a_removed_run() -> None:
    begun = moved(schedule(), NINE).fires[0]
    waiting = schedule(overlap=Overlap.SKIP, last_fire=begun, next_at=NINE + HOUR)
    assert moved(waiting, NINE + HOUR).fires[0].state is FireState.SKIPPED
    removed = schedule(overlap=Overlap.SKIP, last_run_id="run_gone")
    assert moved(removed, NINE).fires[0].state is FireState.BEGUN


def test_a_single_time_is_fired_and_the_schedule_finished() -> None:
    move = moved(schedule(rule="at 2026-03-02T09:00 UTC"), NINE)
    assert (told(move), move.next_at, move.state) == ([(9, "begun", 0)], None, ScheduleState.FINISHED)


def test_a_rule_that_cannot_be_computed_any_more_fails_with_a_reason_and_its_fire_too() -> None:
    move = moved(schedule(rule="cron: 0 9 * * * Europe/Atlantis"), NINE)
    assert (move.state, move.next_at) == (ScheduleState.FAILED, None)
    assert "Europe/Atlantis" in (move.reason or "")
    assert [fire.state for fire in move.fires] == [FireState.FAILED]


def test_a_calendar_that_ends_lets_what_is_due_fire() -> None:
    last = datetime(2199, 12, 31, 9, tzinfo=UTC)
    move = moved(schedule(rule="XBOM close", next_at=last), last)
    assert (told(move), move.state) == ([(9, "begun", 0)], ScheduleState.FAILED)
    assert "newer exchange-calendars" in (move.reason or "")


def test_a_fires_request_is_the_same_whenever_it_is_made() -> None:
    assert fire_request(schedule(), NINE, None) == fire_request(schedule(), NINE, None)
