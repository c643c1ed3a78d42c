"""Schedulers begin each planned time once: alone, many together with clocks apart, killed anywhere, refused."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from pipelines.engine.scheduler import Scheduler
from store.database import open_database
from tests.support.scheduling import POINTS, WHO, Desk
from tieout.errors import InvalidInput, StorageFull
from tieout.model import Fire, FireState, Misfire, Principal, Run, RunRequest, Schedule, ScheduleSpec, ScheduleState
from tieout.recurrence import check_rule, format_rule, next_after, parse_rule
from tieout.recurrence.times import times_after

ROOT = Path(__file__).parents[3]
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOURLY = "every 1h from 2026-03-02T09:00:00Z"
SECOND = timedelta(seconds=1)


class Clock:
    """A clock that tests set."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Send logs nowhere: threads write them while tests end."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tieout.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def open_desk(url: str) -> Iterator[Callable[[Callable[[], datetime]], Desk]]:
    opened: list[Desk] = []

    def open_one(clock: Callable[[], datetime]) -> Desk:
        opened.append(Desk(open_database(url), clock))
        return opened[-1]

    yield open_one
    for desk in opened:
        desk.database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(NINE)


@pytest.fixture
def desk(open_desk: Callable[..., Desk], clock: Clock) -> Desk:
    return open_desk(clock)


def add(desk: Desk, rule: str, name: str = "one", *, now: datetime = NINE - SECOND, **fields: Any) -> Schedule:
    checked = check_rule(parse_rule(rule), now)
    next_at = next_after(checked, now)
    assert next_at is not None
    spec = ScheduleSpec(name, format_rule(checked), RunRequest(f"How is {name}?"), **fields)
    return desk.schedules.add_schedule(WHO, spec, next_at=next_at, now=now)


def fires(desk: Desk, schedule: Schedule) -> list[Fire]:
    """Return the fires in the order of their planned times."""
    return desk.schedules.fires(WHO, schedule.id, limit=10_000)[::-1]


def assert_each_started_one_run(desk: Desk, schedules: list[Schedule]) -> None:
    """Check that runs and started fires belong to each other, one to one."""
    started = [fire for schedule in schedules for fire in fires(desk, schedule)]
    assert {fire.state for fire in started} == {FireState.STARTED}
    runs = desk.runs.list_runs(WHO, limit=10_000)
    assert sorted(str(fire.run_id) for fire in started) == sorted(run.id for run in runs)
    assert {run.request.idempotency_key for run in runs} == {fire.request.idempotency_key for fire in started}


# ---------------------------------------------------------------- one scheduler


def test_a_time_that_comes_starts_a_run_as_the_schedules_principal(desk: Desk, clock: Clock) -> None:
    schedule = add(desk, HOURLY)
    scheduler = desk.scheduler()
    clock.now = NINE - 30 * SECOND
    assert scheduler.run_once() == 1.0  # no longer than the poll
    assert fires(desk, schedule) == []
    clock.now = NINE - SECOND / 4
    assert scheduler.run_once() == pytest.approx(0.25)
    clock.now = NINE
    scheduler.run_once()
    (fire,) = fires(desk, schedule)
    run = desk.runs.get_run(WHO, str(fire.run_id))
    assert (run.principal, run.workspace, run.request.question) == ("ann", "desk", "How is one?")
    assert (run.request.door, str(run.request.as_of)) == ("schedule", "2026-03-02")
    assert desk.schedules.get_schedule(WHO, "one").next_at == NINE + timedelta(hours=1)
    scheduler.run_once()
    assert len(fires(desk, schedule)) == 1


def test_the_thread_fires_in_time_is_woken_by_a_change_and_stops(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk(lambda: datetime.now(UTC))
    scheduler = desk.scheduler(poll_s=3_600.0)  # only the planned time and a wake-up count
    scheduler.start()
    try:
        soon = add(desk, "every 1s", now=datetime.now(UTC))
        scheduler.wake()
        until(lambda: len(fires(desk, soon)) >= 3)
    finally:
        scheduler.stop()
    assert "tieout-scheduler" not in {thread.name for thread in threading.enumerate()}
    assert_each_started_one_run(desk, [soon])


def test_times_missed_while_nothing_ran_are_made_up_for_once(desk: Desk, clock: Clock) -> None:
    once, all_of_them, none = (
        add(desk, HOURLY, name, misfire=name) for name in (Misfire.ONCE, Misfire.ALL, Misfire.SKIP)
    )
    clock.now = NINE + timedelta(hours=40, minutes=30)
    desk.scheduler().run_once()
    assert [(fire.state, fire.missed) for fire in fires(desk, once)] == [(FireState.STARTED, 40)]
    assert [fire.state for fire in fires(desk, all_of_them)] == [FireState.STARTED] * 41
    assert [(fire.state, fire.missed) for fire in fires(desk, none)] == [(FireState.SKIPPED, 40)]
    assert {one.next_at for one in desk.schedules.list_schedules(WHO)} == {NINE + timedelta(hours=41)}


def test_a_run_that_is_refused_is_recorded_with_its_reason_and_the_schedule_goes_on(desk: Desk, clock: Clock) -> None:
    schedule = add(desk, HOURLY)
    refusals = iter([InvalidInput("No company is called QQXZ\x00."), ZeroDivisionError("a bug"), None])

    def start(principal: Principal, request: RunRequest) -> Run:
        refused = next(refusals)
        if refused is not None:
            raise refused
        return desk.start_run(principal, request)

    scheduler = Scheduler(desk.schedules, start, desk.runs.get_run, clock=clock)
    for hour in range(3):
        clock.now = NINE + timedelta(hours=hour)
        scheduler.run_once()
    told = [(fire.state, fire.reason) for fire in fires(desk, schedule)]
    assert told == [
        (FireState.FAILED, "No company is called QQXZ."),
        (FireState.FAILED, "ZeroDivisionError: a bug"),
        (FireState.STARTED, None),
    ]


def test_a_full_disk_puts_a_fire_off_until_there_is_room(desk: Desk, clock: Clock) -> None:
    schedule = add(desk, HOURLY)
    full = True

    def start(principal: Principal, request: RunRequest) -> Run:
        if full:
            raise StorageFull("the disk is full")
        return desk.start_run(principal, request)

    scheduler = Scheduler(desk.schedules, start, desk.runs.get_run, clock=clock)
    for _ in range(4):
        scheduler.run_once()
        clock.now += timedelta(seconds=60)
    (fire,) = fires(desk, schedule)
    assert (fire.state, fire.reason) == (FireState.BEGUN, "the disk is full")
    full = False
    scheduler.run_once()
    assert_each_started_one_run(desk, [schedule])


def test_a_single_time_ends_its_schedule(desk: Desk) -> None:
    schedule = add(desk, "at 2026-03-02T09:00 UTC")
    desk.scheduler().run_once()
    assert desk.schedules.get_schedule(WHO, schedule.id).state is ScheduleState.FINISHED
    assert_each_started_one_run(desk, [schedule])


def test_one_broken_schedule_does_not_stand_in_the_way_of_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipelines.engine import due_fires

    broken, sound = add(desk, HOURLY, "broken"), add(desk, HOURLY, "sound")
    plan = due_fires._fires

    def fail_one(schedule: Schedule, *rest: Any) -> Any:
        if schedule.id == broken.id:
            raise ZeroDivisionError
        return plan(schedule, *rest)

    monkeypatch.setattr(due_fires, "_fires", fail_one)
    desk.scheduler().run_once()
    assert_each_started_one_run(desk, [sound])
    failed = desk.schedules.get_schedule(WHO, broken.id)
    assert failed.state is ScheduleState.FAILED
    assert "ZeroDivisionError" in (failed.reason or "")


# ---------------------------------------------------------------- several schedulers

CHANGES = [
    ("Europe/Zurich", datetime(2026, 3, 29, 0, 7, tzinfo=UTC)),
    ("Europe/Zurich", datetime(2026, 10, 25, 0, 7, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 14, 7, tzinfo=UTC)),
]
RULES = ("cron: */15 * * * * {}", "cron: 30 1,2,3 * * * {}", "cron: 0 * * * * {}", "every 7m")


@pytest.mark.parametrize(("zone", "start"), CHANGES)
def test_schedulers_with_clocks_apart_fire_each_time_once_across_a_change_of_clocks(
    open_desk: Callable[..., Desk], zone: str, start: datetime
) -> None:
    """Four schedulers, clocks up to five seconds apart, race through three hours around the change."""
    base = Clock(start)
    desk, span = open_desk(base), timedelta(hours=3)
    schedules = [add(desk, rule.format(zone), rule, now=start) for rule in RULES]
    desks = [
        open_desk(lambda ahead=ahead: base() + ahead * SECOND)  # type: ignore[misc]
        for ahead in (-2.5, -0.1, 0.1, 2.5)
    ]
    step = threading.Barrier(len(desks), action=lambda: setattr(base, "now", base.now + 30 * SECOND), timeout=120)

    def work(one: Desk) -> None:
        scheduler = one.scheduler()
        while base.now < start + span:
            scheduler.run_once()
            step.wait()
        scheduler.run_once()

    threads = [threading.Thread(target=work, args=(one,)) for one in desks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not any(thread.is_alive() for thread in threads)
    for schedule in schedules:
        planned = times_after(parse_rule(schedule.spec.rule), start)
        expected = list(itertools.takewhile(lambda at: at <= start + span, planned))
        assert [fire.planned_at for fire in fires(desk, schedule)] == expected, schedule.spec.rule
        assert expected
    assert_each_started_one_run(desk, schedules)


# ---------------------------------------------------------------- killed


def program(*arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.support.scheduling", *arguments]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_a_fire_is_neither_lost_nor_doubled(desk: Desk, clock: Clock, url: str, point: str) -> None:
    schedule = add(desk, HOURLY)
    assert program(url, point, NINE.isoformat()).wait(60) == -signal.SIGKILL
    left = [fire.state for fire in fires(desk, schedule)]
    assert left == ([FireState.BEGUN] if point.startswith("after") else [])
    assert len(desk.runs.list_runs(WHO)) == (1 if point == "after the run" else 0)
    clock.now = NINE + 10 * SECOND  # the lease of whoever began it is over
    survivors = [desk.scheduler(), desk.scheduler()]
    for survivor in survivors:
        survivor.run_once()
    assert [fire.planned_at for fire in fires(desk, schedule)] == [NINE]
    assert_each_started_one_run(desk, [schedule])
    assert desk.schedules.get_schedule(WHO, schedule.id).next_at == NINE + timedelta(hours=1)


def test_schedulers_that_are_killed_at_random_fire_every_second_once(open_desk: Callable[..., Desk], url: str) -> None:
    desk = open_desk(lambda: datetime.now(UTC))
    schedules = [add(desk, "every 1s", f"s{number}", now=datetime.now(UTC)) for number in range(3)]
    draw = random.Random(7)
    processes = [program(url), program(url)]
    try:
        for kills in range(1, 5):
            until(lambda: len(fires(desk, schedules[0])) >= 2 * kills)  # noqa: B023
            victim = draw.randrange(2)
            processes[victim].kill()
            processes[victim].wait()
            processes[victim] = program(url)
        until(lambda: len(fires(desk, schedules[0])) >= 12)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for schedule in schedules:
        desk.schedules.pause_schedule(WHO, schedule.id, now=datetime.now(UTC))
    scheduler = desk.scheduler()

    def settled() -> bool:
        scheduler.run_once()
        return all(fire.state is not FireState.BEGUN for schedule in schedules for fire in fires(desk, schedule))

    until(settled)
    for schedule in schedules:
        planned = [fire.planned_at for fire in fires(desk, schedule)]
        assert planned == [planned[0] + number * SECOND for number in range(len(planned))]
    assert_each_started_one_run(desk, schedules)


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait for a condition that other threads or processes bring about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
