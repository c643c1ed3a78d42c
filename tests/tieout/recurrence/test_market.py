"""Rules by a market's calendar: after each session, half days too, never on a holiday."""

from __future__ import annotations

import importlib.util
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tieout.recurrence.oracle import moments
from tieout.errors import InvalidInput, NotAvailable
from tieout.model import MarketRule
from tieout.recurrence import check_rule, day_of, format_rule, next_after, parse_rule, upcoming, zone_of

NEW_YORK = ZoneInfo("America/New_York")
# As the exchange announced them: sessions that end early, and days without one.
HALF_DAYS_2025 = {date(2025, 7, 3), date(2025, 11, 28), date(2025, 12, 24)}
HOLIDAYS_2025 = {
    date(2025, *day)
    for day in [(1, 1), (1, 9), (1, 20), (2, 17), (4, 18), (5, 26), (6, 19), (7, 4), (9, 1), (11, 27), (12, 25)]
}


def closes_of_2025() -> list[datetime]:
    """Return when New York's sessions of 2025 end (UTC), from the exchange's announcements alone."""
    days = [date(2025, 1, 1) + timedelta(days=number) for number in range(365)]
    return [
        datetime(day.year, day.month, day.day, 13 if day in HALF_DAYS_2025 else 16, tzinfo=NEW_YORK).astimezone(UTC)
        for day in days
        if day.weekday() < 5 and day not in HOLIDAYS_2025
    ]


def test_a_year_of_closes_is_what_the_exchange_announced() -> None:
    half_an_hour = timedelta(minutes=30)
    rule = MarketRule("XNYS", "close", half_an_hour)
    expected = [at + half_an_hour for at in closes_of_2025()]
    assert upcoming(rule, datetime(2025, 1, 1, tzinfo=UTC), len(expected)) == expected


@given(
    st.sampled_from(["XNYS", "XLON", "XTKS", "CMES"]),
    st.sampled_from(["open", "close"]),
    st.integers(-7 * 86_400, 7 * 86_400),
    moments("2024-12-01", "2026-03-01"),
)
@settings(max_examples=100, deadline=None)
def test_times_are_strictly_later_and_in_order(calendar: str, moment: str, offset: int, after: datetime) -> None:
    rule = MarketRule(calendar, moment, timedelta(seconds=offset))
    at = after
    for _ in range(8):
        found = next_after(rule, at)
        assert found is not None
        assert at < found < at + timedelta(days=12)
        assert next_after(rule, found - timedelta(microseconds=1)) == found
        at = found


def test_a_calendar_goes_by_any_of_its_names_and_is_kept_under_its_own() -> None:
    now = datetime(2025, 11, 26, 12, tzinfo=UTC)
    rule = check_rule(parse_rule("30 minutes after the nyse close"), now)
    assert format_rule(rule) == "XNYS close + 30m"
    times = upcoming(rule, now, 2)
    assert [f"{at.astimezone(NEW_YORK):%a %H:%M}" for at in times] == ["Wed 16:30", "Fri 13:30"]  # Thanksgiving between
    assert (zone_of(rule, now), day_of(rule, times[1])) == ("America/New_York", date(2025, 11, 28))


def test_an_unknown_calendar_is_refused_with_near_names() -> None:
    with pytest.raises(InvalidInput, match=r"Did you mean .*XNYS"):
        check_rule(parse_rule("XNYZ close"), datetime(2026, 1, 1, tzinfo=UTC))


def test_the_end_of_what_a_calendar_knows_is_said_and_not_silent() -> None:
    far = datetime(2199, 12, 31, tzinfo=UTC)
    with pytest.raises(NotAvailable, match="newer exchange-calendars"):
        next_after(MarketRule("XBOM", "close"), far)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec

    def without(name: str, *rest: Any) -> Any:
        return None if name == "exchange_calendars" else found(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(NotAvailable, match=r"tieout\[market\]"):
        check_rule(parse_rule("XPAR close"), datetime(2026, 1, 1, tzinfo=UTC))
