"""Intervals, single times, and what is the same for all rules: strictly later, in order, checked before use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tieout.recurrence.oracle import moments
from tieout.errors import InvalidInput
from tieout.model import IntervalRule, OnceRule
from tieout.recurrence import check_rule, day_of, format_rule, next_after, parse_rule, upcoming, zone_of

NOW = datetime(2026, 3, 2, 9, 30, 15, 250_000, tzinfo=UTC)
MOMENTS = moments("1990-01-01", "2090-01-01")


@given(st.integers(1, 10_000_000), MOMENTS.map(lambda at: at.replace(microsecond=0)), MOMENTS)
@settings(max_examples=300, deadline=None)
def test_an_interval_fires_at_whole_multiples_from_its_anchor(seconds: int, anchor: datetime, after: datetime) -> None:
    every = timedelta(seconds=seconds)
    found = next_after(IntervalRule(every, anchor), after)
    assert found is not None
    assert found > after
    assert found >= anchor
    assert (found - anchor) % every == timedelta(0)
    assert found == anchor or found - every <= after  # none in between was left out


def test_an_interval_follows_elapsed_time_across_a_change_of_clocks() -> None:
    rule = parse_rule("every 1d from 2026-03-28T09:00 Europe/Zurich")
    after = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert upcoming(rule, after, 1) == [datetime(2026, 3, 29, 8, tzinfo=UTC)]  # 10:00 in Zurich


def test_an_interval_without_an_anchor_begins_when_it_is_checked() -> None:
    rule = check_rule(parse_rule("every 15m"), NOW)
    assert format_rule(rule) == "every 15m from 2026-03-02T09:30:15Z"
    assert upcoming(rule, NOW, 2) == [
        datetime(2026, 3, 2, 9, 45, 15, tzinfo=UTC),
        datetime(2026, 3, 2, 10, 0, 15, tzinfo=UTC),
    ]
    with pytest.raises(ValueError, match="anchor"):
        next_after(parse_rule("every 15m"), NOW)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("at 2026-12-01T09:00 America/New_York", datetime(2026, 12, 1, 14, tzinfo=UTC)),
        ("at 2026-03-29T02:30 Europe/Zurich", datetime(2026, 3, 29, 1, tzinfo=UTC)),  # skipped: right after the gap
        ("at 2026-10-25T02:30 Europe/Zurich", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),  # repeated: the first
    ],
)
def test_a_single_time_comes_once(text: str, at: datetime) -> None:
    rule = parse_rule(text)
    assert isinstance(rule, OnceRule)
    assert upcoming(rule, NOW, 5) == [at]
    assert next_after(rule, at) is None
    assert next_after(rule, at - timedelta(microseconds=1)) == at


def test_a_rule_that_plans_nothing_any_more_is_refused() -> None:
    with pytest.raises(InvalidInput, match="in the past"):
        check_rule(parse_rule("at 2026-03-02T09:30 UTC"), NOW)


def test_a_time_belongs_to_the_day_of_the_rules_own_zone() -> None:
    at = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    assert day_of(parse_rule("cron: 30 0 * * * Europe/Zurich"), at) == date(2026, 3, 3)
    assert day_of(parse_rule("every 1d"), at) == date(2026, 3, 2)
    assert zone_of(parse_rule("every 1d"), at) == "UTC"


@pytest.mark.parametrize("count", [0, -1, 1_001])
def test_the_number_of_times_to_preview_has_limits(count: int) -> None:
    with pytest.raises(InvalidInput, match="from 1 to 1000"):
        upcoming(check_rule(parse_rule("every 1s"), NOW), NOW, count)
