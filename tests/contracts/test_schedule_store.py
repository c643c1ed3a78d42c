"""One suite for every ScheduleStore: SQLite in memory and in a file, PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from store.database import open_database, open_in_memory
from store.schedules import SqlScheduleStore
from tieout.errors import Conflict, NeedsAnswer, NotFound
from tieout.model import (
    Fire,
    FireState,
    Misfire,
    Overlap,
    Principal,
    RunRequest,
    Schedule,
    ScheduleSpec,
    ScheduleState,
)
from tieout.ports import ScheduleStore
from tieout.ports.schedules import fire_request

NOW = datetime(2026, 3, 1, 9, 30, 0, 123456, tzinfo=UTC)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
TEN = NINE + timedelta(hours=1)
LEASE = timedelta(seconds=10)
ANN = Principal("ann", "desk")
EVE = Principal("eve", "elsewhere")
REQUEST = RunRequest(
    "What of Zürich\x00 \ud800?",
    tickers=("AAPL",),
    as_of=date(2025, 1, 2),
    params={"deep": [1, {"er": None}]},
    token_budget=5,
    money_budget=Decimal("1.50"),
    door="schedule",
)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ScheduleStore]:
    if request.param == "memory":
        database = open_in_memory()
    elif request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
    yield SqlScheduleStore(database)
    database.close()


def add(
    store: ScheduleStore, name: str = "daily", who: Principal = ANN, at: datetime = NINE, **fields: Any
) -> Schedule:
    spec = ScheduleSpec(name, "every 1h from 2026-03-02T09:00:00Z", fields.pop("request", REQUEST), **fields)
    return store.add_schedule(who, spec, next_at=at, now=NOW)


def fire(schedule: Schedule, at: datetime = NINE, **fields: Any) -> Fire:
    made = Fire(
        schedule.id, schedule.workspace, at, FireState.BEGUN, NOW, fire_request(schedule, at, None), schedule.principal
    )
    return replace(made, **fields)


def move(
    store: ScheduleStore, schedule: Schedule, to: datetime | None = TEN, *fires: Fire, **fields: Any
) -> list[Fire]:
    return store.advance(
        schedule, next_at=to, fires=fires or (fire(schedule),), retry_at=NINE + LEASE, now=NINE, **fields
    )


# ---------------------------------------------------------------- for people


def test_a_schedule_comes_back_as_it_was_added(store: ScheduleStore) -> None:
    added = add(store, misfire=Misfire.ALL, grace_s=7.5, catch_up=3, overlap=Overlap.SKIP)
    assert store.get_schedule(ANN, "daily") == added
    assert store.list_schedules(ANN) == [added]
    assert (added.spec.request, added.spec.misfire, added.spec.overlap) == (REQUEST, Misfire.ALL, Overlap.SKIP)
    assert (added.spec.grace_s, added.spec.catch_up) == (7.5, 3)
    assert (added.state, added.next_at, added.created_at) == (ScheduleState.ACTIVE, NINE, NOW)
    assert (added.principal, added.workspace, added.last_fire, added.last_run_id) == ("ann", "desk", None, None)


def test_a_name_is_taken_once_per_workspace(store: ScheduleStore) -> None:
    add(store)
    add(store, who=EVE)
    with pytest.raises(Conflict, match="'daily'"):
        add(store)
    assert len(store.list_schedules(ANN)) == 1


def test_a_schedule_is_found_by_name_id_and_beginning_of_its_id(store: ScheduleStore) -> None:
    daily, weekly = add(store), add(store, "Weekly report")
    for reference in ("daily", " daily ", "DAILY", daily.id, daily.id.removeprefix("sched_"), daily.id[:-1]):
        assert store.get_schedule(ANN, reference).id == daily.id
    assert store.get_schedule(ANN, "weekly report").id == weekly.id
    with pytest.raises(NotFound, match="Did you mean daily"):
        store.get_schedule(ANN, "dayly")
    for reference in ("", "\x00", "\ud800", "x' OR 1=1", "%"):
        with pytest.raises(NotFound):
            store.get_schedule(ANN, reference)
    with pytest.raises(NeedsAnswer, match="which one"):
        store.get_schedule(ANN, daily.id[:12])


def test_another_workspace_sees_and_changes_nothing(store: ScheduleStore) -> None:
    daily = add(store)
    move(store, daily)
    assert store.list_schedules(EVE) == []
    assert store.fires(EVE, daily.id) == []
    with pytest.raises(NotFound):
        store.get_schedule(EVE, daily.id)
    for change in (
        lambda: store.pause_schedule(EVE, daily.id, now=NOW),
        lambda: store.resume_schedule(EVE, daily.id, next_at=NINE, now=NOW),
        lambda: store.remove_schedule(EVE, daily.id),
    ):
        with pytest.raises(NotFound):
            change()
    assert store.get_schedule(ANN, daily.id).state is ScheduleState.ACTIVE


def test_schedules_are_listed_by_name_and_by_state(store: ScheduleStore) -> None:
    for name in ("b", "c", "a"):
        add(store, name)
    store.pause_schedule(ANN, store.get_schedule(ANN, "c").id, now=NOW)
    assert [one.spec.name for one in store.list_schedules(ANN)] == ["a", "b", "c"]
    assert [one.spec.name for one in store.list_schedules(ANN, states=[ScheduleState.PAUSED])] == ["c"]


def test_a_paused_schedule_is_not_due_until_it_is_resumed(store: ScheduleStore) -> None:
    daily = add(store)
    paused = store.pause_schedule(ANN, daily.id, now=NINE)
    assert (paused.state, paused.next_at, paused.updated_at) == (ScheduleState.PAUSED, None, NINE)
    assert store.pause_schedule(ANN, daily.id, now=TEN) == paused
    assert store.due_schedules(now=TEN, limit=9) == []
    assert store.next_due() is None
    resumed = store.resume_schedule(ANN, daily.id, next_at=TEN, now=NINE)
    assert (resumed.state, resumed.next_at) == (ScheduleState.ACTIVE, TEN)
    assert store.resume_schedule(ANN, daily.id, next_at=NINE, now=NINE).next_at == TEN
    assert store.next_due() == TEN


def test_a_removed_schedule_takes_its_fires_along_and_frees_its_name(store: ScheduleStore) -> None:
    daily = add(store)
    (begun,) = move(store, daily)
    assert store.remove_schedule(ANN, daily.id).id == daily.id
    assert store.fires(ANN, daily.id) == []
    assert store.next_due() is None
    store.finish_fire(begun, run_id="run_1")  # whoever was about to start it finds nothing to record
    with pytest.raises(NotFound):
        store.remove_schedule(ANN, daily.id)
    with pytest.raises(NotFound):
        store.add_fire(daily, fire(daily), retry_at=TEN)
    assert add(store).id != daily.id


# ---------------------------------------------------------------- planning


def test_what_is_due_is_what_has_come_the_longest_due_first(store: ScheduleStore) -> None:
    late = add(store, "late", at=TEN)
    early = add(store, "early", who=EVE, at=NINE)
    add(store, "to come", at=TEN + timedelta(microseconds=1))
    assert [one.id for one in store.due_schedules(now=TEN, limit=9)] == [early.id, late.id]
    assert [one.id for one in store.due_schedules(now=TEN, limit=1)] == [early.id]
    assert store.due_schedules(now=NINE - timedelta(microseconds=1), limit=9) == []
    assert store.next_due() == NINE


def test_advancing_moves_the_plan_and_begins_the_fire_at_once(store: ScheduleStore) -> None:
    daily = add(store)
    begun = move(store, daily)
    assert begun == [fire(daily)]
    now = store.get_schedule(ANN, daily.id)
    assert (now.next_at, now.last_fire) == (TEN, begun[0])
    assert store.fires(ANN, daily.id) == begun
    assert store.next_due() == NINE + LEASE  # the begun fire is tried again, should nobody finish it


def test_a_plan_is_advanced_once_whoever_tries(store: ScheduleStore) -> None:
    daily = add(store)
    assert move(store, daily) != []
    assert move(store, daily) == []  # from what was read before
    assert move(store, daily, TEN + timedelta(hours=1)) == []
    assert store.get_schedule(ANN, daily.id).next_at == TEN
    assert len(store.fires(ANN, daily.id)) == 1


def test_a_paused_plan_is_not_advanced(store: ScheduleStore) -> None:
    daily = add(store)
    store.pause_schedule(ANN, daily.id, now=NOW)
    assert move(store, daily) == []
    assert store.fires(ANN, daily.id) == []


def test_a_time_that_is_planned_twice_is_fired_once(store: ScheduleStore) -> None:
    """Paused and resumed by somebody whose clock is behind: the key of the fires guards."""
    daily = add(store)
    move(store, daily)
    store.pause_schedule(ANN, daily.id, now=NINE)
    again = store.resume_schedule(ANN, daily.id, next_at=NINE, now=NINE)
    assert move(store, again) == []
    assert store.get_schedule(ANN, daily.id).next_at == TEN
    assert len(store.fires(ANN, daily.id)) == 1


def test_a_plan_can_end(store: ScheduleStore) -> None:
    done, lost = add(store, "done"), add(store, "lost")
    move(store, done, None, state=ScheduleState.FINISHED)
    move(store, lost, None, state=ScheduleState.FAILED, reason="no calendar")
    ended = store.get_schedule(ANN, "lost")
    assert (ended.state, ended.reason, ended.next_at) == (ScheduleState.FAILED, "no calendar", None)
    assert store.get_schedule(ANN, "done").state is ScheduleState.FINISHED
    assert store.due_schedules(now=TEN, limit=9) == []
    assert store.resume_schedule(ANN, ended.id, next_at=TEN, now=NOW).reason is None


def test_many_threads_advance_a_plan_once(store: ScheduleStore) -> None:
    schedules = [add(store, f"s{number}") for number in range(5)]
    barrier = threading.Barrier(8)

    def race(_: int) -> list[Fire]:
        barrier.wait()
        return [one for schedule in schedules for one in move(store, schedule)]

    with ThreadPoolExecutor(8) as pool:
        won = [one for fires in pool.map(race, range(8)) for one in fires]
    assert sorted(one.schedule_id for one in won) == sorted(one.id for one in schedules)


# ---------------------------------------------------------------- fires


def test_fires_are_told_newest_first(store: ScheduleStore) -> None:
    daily = add(store)
    skipped = fire(daily, state=FireState.SKIPPED, reason="missed", missed=4)
    newest = fire(daily, TEN)
    assert move(store, daily, TEN + timedelta(hours=1), skipped, newest) == [skipped, newest]
    assert store.fires(ANN, daily.id) == [newest, skipped]
    assert store.fires(ANN, daily.id, limit=1) == [newest]
    last = store.get_schedule(ANN, daily.id).last_fire
    assert last == newest


def test_a_started_fire_names_its_run_and_is_not_tried_again(store: ScheduleStore) -> None:
    daily = add(store)
    (begun,) = move(store, daily)
    store.finish_fire(begun, run_id="run_1")
    store.finish_fire(begun, reason="a late second opinion")
    (found,) = store.fires(ANN, daily.id)
    assert (found.state, found.run_id, found.reason) == (FireState.STARTED, "run_1", None)
    assert store.get_schedule(ANN, daily.id).last_run_id == "run_1"
    assert store.take_stranded(now=TEN + LEASE, retry_at=TEN, limit=9) == []
    assert store.next_due() == TEN


def test_a_failed_fire_says_why_and_the_last_run_stays(store: ScheduleStore) -> None:
    daily = add(store)
    (first,) = move(store, daily)
    store.finish_fire(first, run_id="run_1")
    daily = store.get_schedule(ANN, daily.id)
    (second,) = move(store, daily, None, fire(daily, TEN))
    store.finish_fire(second, reason="no such company")
    assert store.fires(ANN, daily.id)[0].reason == "no such company"
    assert store.get_schedule(ANN, daily.id).last_run_id == "run_1"


def test_a_begun_fire_that_nobody_finishes_is_taken_once_per_lease(store: ScheduleStore) -> None:
    daily = add(store)
    (begun,) = move(store, daily)
    assert store.take_stranded(now=NINE + LEASE - timedelta(microseconds=1), retry_at=TEN, limit=9) == []
    (taken,) = store.take_stranded(now=NINE + LEASE, retry_at=TEN, limit=9)
    assert taken == replace(begun, attempt=2)
    assert taken.request == fire_request(daily, NINE, None)
    assert store.take_stranded(now=NINE + LEASE, retry_at=TEN, limit=9) == []
    assert len(store.take_stranded(now=TEN, retry_at=TEN + LEASE, limit=9)) == 1


def test_a_fire_can_be_put_off(store: ScheduleStore) -> None:
    daily = add(store)
    (begun,) = move(store, daily)
    store.postpone_fire(begun, retry_at=TEN, reason="the disk is full")
    assert store.take_stranded(now=TEN - timedelta(seconds=1), retry_at=TEN, limit=9) == []
    (taken,) = store.take_stranded(now=TEN, retry_at=TEN + LEASE, limit=9)
    assert (taken.reason, taken.attempt) == ("the disk is full", 2)


def test_many_threads_take_a_stranded_fire_once(store: ScheduleStore) -> None:
    for number in range(5):
        move(store, add(store, f"s{number}"))
    barrier = threading.Barrier(8)

    def race(_: int) -> int:
        barrier.wait()
        return len(store.take_stranded(now=TEN, retry_at=TEN + LEASE, limit=9))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 5


def test_old_fires_are_forgotten_except_the_last_and_what_has_only_begun(store: ScheduleStore) -> None:
    daily, other = add(store), add(store, "other")
    times = [NINE - timedelta(days=day) for day in (5, 4, 3, 2)]
    begun = move(store, daily, TEN, *(fire(daily, at) for at in times))
    for one in begun[1:]:
        store.finish_fire(one, run_id="run_1")
    store.finish_fire(move(store, other, TEN, fire(other, times[0]))[0], run_id="run_2")
    assert store.forget_fires(before=NINE, limit=1) == 1
    assert store.forget_fires(before=NINE, limit=9) == 1
    assert store.forget_fires(before=NINE, limit=9) == 0
    assert [one.planned_at for one in store.fires(ANN, daily.id)] == [times[3], times[0]]
    assert len(store.fires(ANN, other.id)) == 1


def test_a_fire_beside_the_plan_leaves_the_plan_alone(store: ScheduleStore) -> None:
    daily = add(store)
    by_hand = fire(daily, NOW, manual=True)
    store.add_fire(daily, by_hand, retry_at=NOW + LEASE)
    now = store.get_schedule(ANN, daily.id)
    assert (now.next_at, now.last_fire) == (NINE, by_hand)
    with pytest.raises(Conflict):
        store.add_fire(daily, by_hand, retry_at=NOW + LEASE)
    assert move(store, daily) != []
