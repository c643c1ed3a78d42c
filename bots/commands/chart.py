"""`chart`: how the stocks of companies did over a range of time, with a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import companies, start, suggest_tickers, ticker_of
from pipelines.tools.market import BENCHMARK
from tieout.errors import InvalidInput
from tieout.model import Principal
from tieout.ports import Desk

_YEAR = r"(?:19|20)\d\d"
_DAY = r"\d{4}-\d\d-\d\d"
_SPAN = re.compile(r"(\d{1,3})\s*(y|yrs?|years?|m|mos?|months?|w|wks?|weeks?|d|days?)", re.I)
_YEARS = re.compile(rf"({_YEAR})(?:\s*(?:-|–|\.\.|to)\s*({_YEAR}))?")
_DAYS = re.compile(rf"({_DAY})(?:\s*(?:\.\.|to|–)\s*({_DAY}))?")
_AT_THE_END = re.compile(
    rf"(?:^|\s)(\d{{1,3}}\s*[a-z]+|ytd|max|all|{_DAY}(?:\s*(?:\.\.|to|–)\s*{_DAY})?"
    rf"|{_YEAR}(?:\s*(?:-|–|\.\.|to)\s*{_YEAR})?|since\s+{_YEAR}|since\s+{_DAY})$",
    re.I,
)
_UNITS = {"y": "year", "m": "month", "w": "week", "d": "day"}
_RANGES = "`1y`, `6m`, `2w`, `ytd`, `max`, `2020`, `2020-2024` or `2020-01-02 to 2024-06-28`"
_WITHOUT_RANGE = "1y"


def chart(asked: Asked) -> StartRun:
    """Start a research run, which draws the chart, of what the stocks returned. Raises InvalidInput."""
    text = asked.text("tickers")
    given = asked.arguments.get("range", "")
    ending = None if given else _AT_THE_END.search(text)
    if ending and not text[: ending.start()].strip():  # 3M is a company, too
        ending = None
    span = given or (ending[1] if ending else _WITHOUT_RANGE)
    found = companies(asked, text[: ending.start()] if ending else text)
    names = [one.name for one in found]
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    tickers = [ticker_of(one) for one in found]
    range_ = _all_of(asked, tickers) if span.lower() in ("max", "all") else range_in_words(span)
    question = f"How did the stock{'s' * (len(found) > 1)} of {listed} perform {range_}?"
    return start(asked, "research", question, told="Drawing", tickers=tickers)


def _all_of(asked: Asked, tickers: Sequence[str]) -> str:
    """Return the range in which all have returns, and the market that they are drawn beside."""
    firsts: dict[str, date] = {}
    for one in asked.desk.series(asked.principal):
        if one.key.ticker in (*tickers, BENCHMARK) and one.key.adjustment != "none":
            firsts[one.key.ticker] = min(one.first, firsts.get(one.key.ticker, one.first))
    return f"since {max(firsts.values())}" if firsts else "since inception"


def range_in_words(text: str) -> str:
    """Return a range of time as a question says it: "over the last 5 years". Raises InvalidInput."""
    text = re.sub(r"^since\s+", "", plain := " ".join(text.lower().split()))
    since = text != plain
    if text == "ytd":
        return "in the year to date"
    if span := _SPAN.fullmatch(text):
        count, unit = int(span[1]), _UNITS[span[2][0]]
        return f"over the last {count} {unit}{'s' * (count != 1)}" if count else _refuse(text)
    if years := _YEARS.fullmatch(text):
        return _years(years[1], years[2], since=since)
    if days := _DAYS.fullmatch(text):
        return _days(days[1], days[2])
    return _refuse(text)


def _years(first: str, last: str | None, *, since: bool) -> str:
    if last is None or first == last:
        return f"since {first}" if since else f"in {first}"
    return f"from {first} to {last}" if first < last else _refuse(f"{first}-{last}")


def _days(first: str, last: str | None) -> str:
    try:
        days = [date.fromisoformat(day) for day in (first, last) if day]
    except ValueError as error:
        raise InvalidInput(f"{first if last is None else f'{first} to {last}'} is not in the calendar.") from error
    if days != sorted(set(days)):
        return _refuse(f"{first} to {last}")
    return f"from {first} to {last}" if last else f"since {first}"


def _refuse(text: str) -> str:
    raise InvalidInput(f"{text!r} is not a range of time: write {_RANGES}.")


def _suggest_range(desk: Desk, principal: Principal, typed: str) -> list[str]:  # noqa: ARG001
    return [one for one in ("1m", "6m", "ytd", "1y", "3y", "5y", "10y", "max") if one.startswith(typed.strip().lower())]


COMMAND = Command(
    "chart",
    "Draw the stocks of companies over a range of time.",
    chart,
    (
        Argument("tickers", "tickers or names; in text, a range may follow", rest=True, suggest=suggest_tickers),
        Argument("range", "1y, 6m, 2w, ytd, max, 2020, 2020-2024 or two days", required=False, suggest=_suggest_range),
    ),
)
