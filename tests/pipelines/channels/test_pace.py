"""Whoever is refused for a while gets a turn of their own, and keeps it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.channels.pace import Pace
from tieout.errors import RateLimited


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(1.0, clock, clock.sleep)


def waits(pace: Pace, place: str, turn: str) -> float:
    try:
        pace.before(place, turn)
    except RateLimited as error:
        return round(error.after_s, 3)
    return 0.0


def test_nobody_waits_before_a_refusal_or_elsewhere(pace: Pace) -> None:
    assert [waits(pace, "c", name) for name in "abc"] == [0, 0, 0]
    assert pace.limited("c", 2.0, "d").after_s == 2.0
    assert waits(pace, "other", "e") == 0


def test_each_has_a_turn_after_the_one_before_and_comes_in_it(pace: Pace, clock: Clock) -> None:
    pace.limited("c", 2.0, "a")
    assert [waits(pace, "c", name) for name in "bcb"] == [3, 4, 3]
    clock.now += 2
    assert [waits(pace, "c", name) for name in "acb"] == [0, 2, 1]
    clock.now += 1
    assert waits(pace, "c", "b") == 0


def test_what_is_optional_takes_no_turn(pace: Pace, clock: Clock) -> None:
    pace.limited("c", 2.0)
    assert [waits(pace, "c", "") for _ in range(3)] == [2, 2, 2]
    assert waits(pace, "c", "a") == 2


def test_a_place_that_was_quiet_for_long_is_not_slow_any_more(pace: Pace, clock: Clock) -> None:
    pace.limited("c", 1.0, "a")
    clock.now += 60
    assert [waits(pace, "c", name) for name in "abcd"] == [0, 0, 0, 0]


@given(st.integers(1, 30), st.floats(0.1, 5.0))
def test_who_comes_again_when_told_gets_through_at_the_places_rate(count: int, pause_s: float) -> None:
    clock = Clock()
    pace = Pace(1.0, clock, clock.sleep)
    pace.limited("c", pause_s, "0")
    due = {str(number): clock.now + waits(pace, "c", str(number)) for number in range(count)}
    through = []
    for turn, at in sorted(due.items(), key=lambda one: one[1]):
        clock.now = at
        assert waits(pace, "c", turn) == 0
        through.append(clock.now)
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(through))
