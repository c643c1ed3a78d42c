"""Chooses the days over which prices are measured, from the words of a question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.agents.question import LAST, Reading, dates_named
from tieout.errors import InvalidInput

_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "twelve": 12}
_YEAR_TO_DATE = re.compile(r"\b(?:ytd|year[- ]to[- ]date|(?:so far )?this year)\b", re.I)
_FROM_THE_START = re.compile(
    r"\b(?:ipo|inception|all[- ]time|ever|since (?:it (?:went public|listed)|listing))\b", re.I
)


_FISCAL_NAMED = re.compile(r"\b(?:fiscal|FY\s*'?\d|years? ended)", re.I)


@dataclass(frozen=True)
class Window:
    """A span of days for prices; `note` says in words how it was chosen."""

    start: date
    end: date
    note: str


def price_window(reading: Reading, as_of: date, first: date, year_end: date | None) -> Window:
    """Return the days over which to measure prices, from the words of the question.

    `first` is the first bar, `year_end` the end of the fiscal year in question. Order of rules: two dates;
    one date (since it, or on it for a price or an average); the year to date; "last N months"; "since" with a fiscal
    year (then from the year's end); years named (calendar years); else the twelve months to `as_of`.
    """
    text = reading.text
    dates = sorted({day for day in dates_named(text) if day <= as_of})
    if len(dates) >= 2:
        return Window(dates[0], dates[-1], f"from {dates[0]:%-d %B %Y} to {dates[-1]:%-d %B %Y}, as asked")
    if dates and reading.of_one_day:
        return Window(max(_years_before(dates[0], 1), first), dates[0], f"on {dates[0]:%-d %B %Y}, the date named")
    if dates:
        return Window(dates[0], as_of, f"since {dates[0]:%-d %B %Y}, the date named in the question")
    if _YEAR_TO_DATE.search(text):
        return Window(date(as_of.year - 1, 12, 31), as_of, f"since the last close before {as_of.year}")
    if _FROM_THE_START.search(text):
        return Window(first, as_of, f"since the first bar at hand, {first:%-d %B %Y}")
    if match := LAST.search(text):
        start = _back(as_of, match)
        return Window(max(start, first), as_of, f"over the {match[0].lower().strip()} to {as_of:%-d %B %Y}")
    after = reading.since and (reading.topics or reading.measures or _FISCAL_NAMED.search(text))
    if year_end and (after or (reading.since and not reading.fiscal_years)):
        return Window(year_end, as_of, f"“since” is taken from the fiscal year's end, {year_end:%-d %B %Y}")
    if reading.fiscal_years:
        return _calendar(reading, as_of)
    start = _years_before(as_of, 1)
    return Window(max(start, first), as_of, f"no period was named, so the twelve months to {as_of:%-d %B %Y} are used")


def price_windows(reading: Reading, as_of: date, first: date, year_end: date | None) -> list[Window]:
    """Return one window, or one for each calendar year when the question wants them one by one."""
    whole = price_window(reading, as_of, first, year_end)
    if not (reading.intent.yearly and whole.end.year - whole.start.year > 1):
        return [whole]
    begin = whole.start.year + (whole.start >= date(whole.start.year, 12, 25))
    years = [year for year in range(begin, whole.end.year + 1) if date(year - 1, 12, 31) >= first]
    return [Window(date(y - 1, 12, 31), min(date(y, 12, 31), as_of), f"calendar {y}") for y in years] or [whole]


def _calendar(reading: Reading, as_of: date) -> Window:
    start = date(min(reading.fiscal_years) - 1, 12, 31)
    end = min(date(max(reading.fiscal_years), 12, 31), as_of)
    named = f"{min(reading.fiscal_years)}"
    if reading.since:
        return Window(start, as_of, f"since the last close before {min(reading.fiscal_years)}")
    if len(reading.fiscal_years) > 1:
        named += f" to {max(reading.fiscal_years)}"
    if start >= as_of:
        raise InvalidInput(f"the prices end on {as_of:%-d %B %Y}: none is known of {named}")
    return Window(start, end, f"over calendar {named}")


def _back(day: date, match: re.Match[str]) -> date:
    amount = match["n"] or "1"
    n = int(amount) if amount.isdigit() else _NUMBERS[amount.lower()]
    unit = match["unit"].lower()
    if unit.startswith("decade"):
        return _years_before(day, 10 * n)
    if unit.startswith("year"):
        return _years_before(day, n)
    if unit.startswith("month"):
        months = day.year * 12 + day.month - 1 - n
        return date(months // 12, months % 12 + 1, min(day.day, 28))
    if unit.startswith("week"):
        return day - timedelta(weeks=n)
    return day - timedelta(days=n if "trading" not in unit else n * 7 // 5 + 3)


def _years_before(day: date, n: int) -> date:
    return day.replace(year=day.year - n, day=min(day.day, 28) if day.month == 2 else day.day)
