"""Cron rules fire when a clock on the wall says so, in ordinary weeks and where clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.tieout.recurrence.oracle import Fields, moments, watched
from tieout.errors import InvalidInput
from tieout.model import CronRule
from tieout.recurrence import next_after, parse_rule
from tieout.recurrence.times import times_after

# A day or so before each change of the clocks.
CHANGES = [
    ("Europe/Zurich", datetime(2026, 3, 28, 3, tzinfo=UTC)),
    ("Europe/Zurich", datetime(2026, 10, 24, 3, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 7, 9, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 31, 9, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, 17, tzinfo=UTC)),  # by half an hour
    ("Australia/Lord_Howe", datetime(2026, 10, 2, 17, tzinfo=UTC)),
    ("America/St_Johns", datetime(2006, 10, 28, 5, tzinfo=UTC)),  # put back at one past midnight
    ("America/Havana", datetime(2026, 3, 7, 6, tzinfo=UTC)),  # midnight is skipped
    ("America/Havana", datetime(2026, 10, 31, 6, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 29, 3, tzinfo=UTC)),  # a whole day is skipped
    ("Africa/Casablanca", datetime(2026, 2, 14, 3, tzinfo=UTC)),
    ("UTC", datetime(2026, 2, 27, 3, tzinfo=UTC)),
]
SPAN = timedelta(days=3)


def some(highest: int, most: int) -> st.SearchStrategy[frozenset[int]]:
    return st.frozensets(st.integers(0, highest), min_size=1, max_size=most)


FIELDS = st.builds(
    Fields,
    minutes=some(59, 4),
    hours=some(3, 3) | some(23, 4),  # most changes are in the small hours
    weekdays=st.just(frozenset(range(7))) | some(6, 5),
    any_hour=st.booleans(),
)


@given(FIELDS, st.sampled_from(CHANGES), st.integers(0, 86_400 * 2))
@settings(max_examples=120, deadline=None)
def test_a_rule_fires_when_the_clock_on_the_wall_says_so(
    fields: Fields, change: tuple[str, datetime], later: int
) -> None:
    name, start = change
    zone, after = ZoneInfo(name), start + timedelta(seconds=later)
    expected = [at for at in watched(fields, zone, start, start + SPAN) if at > after]
    found = takewhile(lambda at: at <= start + SPAN, times_after(CronRule(fields.expression, name), after))
    assert list(found) == expected


@given(FIELDS, st.sampled_from(CHANGES), st.integers(0, 86_400 * 3), st.integers(0, 999_999))
@settings(max_examples=200, deadline=None)
def test_the_next_time_is_always_later_whole_minutes_and_in_order(
    fields: Fields, change: tuple[str, datetime], later: int, fraction: int
) -> None:
    name, start = change
    rule, at = CronRule(fields.expression, name), start + timedelta(seconds=later, microseconds=fraction)
    for _ in range(6):
        found = next_after(rule, at)
        assert found is not None
        assert found > at
        assert (found.second, found.microsecond, found.tzinfo) == (0, 0, UTC)
        assert next_after(rule, found - timedelta(microseconds=1)) == found
        at = found


DAY_FIELDS = st.sampled_from(["*", "1", "15", "31", "L", "LW", "1-7", "*/10", "13,29"])
MONTH_FIELDS = st.sampled_from(["*", "2", "JAN,DEC", "*/5", "6-8"])
WEEKDAY_FIELDS = st.sampled_from(["*", "1-5", "MON", "SUN", "7", "5L", "2#3", "*/2"])


@given(DAY_FIELDS, MONTH_FIELDS, WEEKDAY_FIELDS, moments("2000-01-01", "2050-01-01"))
@settings(max_examples=200, deadline=None)
def test_days_are_those_of_cronsim(day: str, month: str, weekday: str, after: datetime) -> None:
    """In UTC nothing is skipped or repeated, so that the library itself can be asked."""
    assume((day, month, weekday[:1]) != ("31", "2", "*"))
    expression = f"30 6 {day} {month} {weekday}"
    expected = next(CronSim(expression, after), None)
    assert next_after(CronRule(expression, "UTC"), after) == expected


def local(rule: str, after: str, count: int) -> list[str]:
    """Return the next times as the rule's clocks show them."""
    parsed = parse_rule(rule)
    assert isinstance(parsed, CronRule)
    times = times_after(parsed, datetime.fromisoformat(after))
    return [f"{next(times).astimezone(ZoneInfo(parsed.zone)):%d %H:%M %z}" for _ in range(count)]


def test_a_skipped_time_fires_once_right_after_the_gap() -> None:
    assert local("cron: 30 2 * * * Europe/Zurich", "2026-03-28T12:00Z", 2) == ["29 03:00 +0200", "30 02:30 +0200"]
    assert local("cron: 0,15,30 2 * * * Europe/Zurich", "2026-03-28T12:00Z", 2) == ["29 03:00 +0200", "30 02:00 +0200"]
    assert local("cron: 0 2,3 * * * Europe/Zurich", "2026-03-28T12:00Z", 2) == ["29 03:00 +0200", "30 02:00 +0200"]
    assert local("cron: 15 2 * * * Australia/Lord_Howe", "2026-10-03T12:00Z", 1) == ["04 02:30 +1100"]


def test_a_repeated_time_fires_the_first_time_only() -> None:
    assert local("cron: 30 2 * * * Europe/Zurich", "2026-10-24T12:00Z", 2) == ["25 02:30 +0200", "26 02:30 +0100"]
    between = "2026-10-25T00:45Z"  # 02:45 for the first time; 02:30 is still to come for the second
    assert local("cron: 30 2 * * * Europe/Zurich", between, 1) == ["26 02:30 +0100"]


def test_rules_for_any_hour_follow_elapsed_time() -> None:
    repeated = local("cron: 0 * * * * Europe/Zurich", "2026-10-24T23:30Z", 4)
    assert repeated == ["25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100", "25 04:00 +0100"]
    assert local("cron: 0 */2 * * * Europe/Zurich", "2026-03-29T00:30Z", 1) == ["29 04:00 +0200"]
    assert local("cron: 30 * * * * Australia/Lord_Howe", "2026-04-04T14:00Z", 2) == ["05 01:30 +1100", "05 01:30 +1030"]


def test_a_rare_day_is_found_and_an_impossible_one_is_refused() -> None:
    assert local("cron: 0 0 29 2 * UTC", "2096-03-01T00:00Z", 1) == ["29 00:00 +0000"]
    assert next_after(CronRule("0 0 */28 2 1", "UTC"), datetime(2026, 1, 1, tzinfo=UTC)) is not None
    with pytest.raises(InvalidInput, match="day-of-month"):
        parse_rule("cron: 0 0 30 2 * UTC")


def test_the_end_of_time_is_no_error() -> None:
    assert next_after(CronRule("0 0 1 1 *", "UTC"), datetime(9990, 6, 1, tzinfo=UTC)) is None
