"""Evaluates a condition over the days of one price series, by facts that SQL computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from pipelines.tools.market_history import History, choose_series, words
from pipelines.tools.market_indicators import average, level, rsi
from pipelines.tools.market_query import Span
from pipelines.tools.market_returns import day_change
from pipelines.tools.price_condition import Average, Measure, PriceCondition
from tieout.errors import InvalidInput, NotFound
from tieout.model import Fact, Principal, Series
from tieout.ports import FactQuery, Lake

_RSI_BARS = 100  # as `rsi` needs them
_STALE = timedelta(days=7)
# The exchange of a security is taken from the time zone of its prices: no import names one.
_EXCHANGES = {
    "America/New_York": "XNYS",
    "America/Toronto": "XTSE",
    "America/Sao_Paulo": "BVMF",
    "Europe/London": "XLON",
    "Europe/Dublin": "XDUB",
    "Europe/Paris": "XPAR",
    "Europe/Amsterdam": "XAMS",
    "Europe/Brussels": "XBRU",
    "Europe/Lisbon": "XLIS",
    "Europe/Berlin": "XETR",
    "Europe/Zurich": "XSWX",
    "Europe/Vienna": "XWBO",
    "Europe/Madrid": "XMAD",
    "Europe/Rome": "XMIL",
    "Europe/Stockholm": "XSTO",
    "Europe/Oslo": "XOSL",
    "Europe/Copenhagen": "XCSE",
    "Europe/Helsinki": "XHEL",
    "Asia/Tokyo": "XTKS",
    "Asia/Hong_Kong": "XHKG",
    "Asia/Shanghai": "XSHG",
    "Asia/Seoul": "XKRX",
    "Asia/Singapore": "XSES",
    "Asia/Kolkata": "XBOM",
    "Australia/Sydney": "XASX",
    "Pacific/Auckland": "XNZE",
}
_AFTER_CLOSE = "30m"  # prices of a day are imported by then


@dataclass(frozen=True)
class Reading:
    """What a condition found on a day: the fact that decides, and those that tell it to people."""

    day: date
    true: bool
    deciding: Fact


def series_of(held: Sequence[Series], condition: PriceCondition, as_of: date | None = None) -> Series:
    """Return the one series that a condition is evaluated on, always the same for the same lake.

    A close is compared with a number on unadjusted (else split-adjusted) prices, a change and an RSI are of prices
    adjusted for splits and dividends (else for splits); an average takes the first kind that reaches the ticker's last
    day. One that ends earlier serves where no other does. Raises NotFound without any prices, InvalidInput with those
    of the wrong kind; both say what to do.
    """
    mine = [one for one in held if one.key.ticker == condition.ticker]
    if not mine:
        raise NotFound(
            f"The lake holds no prices of {condition.ticker}, so there is nothing to compare. Import some with "
            "`tieout market import FILE`; `market` lists those there are."
        )
    end = min(filter(None, (max(one.last for one in mine), as_of)))
    choices = [
        choose_series(mine, condition.ticker, one, end=last) for last in (end, None) for one in _kinds(condition)
    ]
    found = next((choice.series for choice in choices if choice.series is not None), None)
    if found is None:
        raise InvalidInput(
            f"{_capital(choices[-1].reason)}. Import such prices of {condition.ticker} with `tieout market import FILE "
            "--adjustment none`, or let the alert look at `change` or `rsi`."
        )
    return found


def check_bars(series: Series, condition: PriceCondition) -> None:
    """Raise InvalidInput when the series is too short for the condition to be evaluated on its last two days."""
    if series.rows < (needed := bars_needed(condition) + 1):
        raise InvalidInput(
            f"{condition.ticker} has {series.rows} days of prices; `{condition}` needs {needed} to see a change. "
            "Import earlier ones with `tieout market import FILE`, or choose fewer sessions."
        )


def bars_needed(condition: PriceCondition) -> int:
    """Return how many bars the value of one day is computed from, at least."""
    if isinstance(condition.level, Average):
        return condition.level.sessions
    return {Measure.CLOSE: 1, Measure.CHANGE: 2, Measure.RSI: _RSI_BARS}[condition.measure]


def is_stale(series: Series, today: date) -> bool:
    """Whether the last day is older than any weekend or holiday explains."""
    return series.last < today - _STALE


def rules_after_close(series: Series) -> tuple[str, ...]:
    """Return the rules by which a series may be looked at, the best first: after each session, else on weekdays."""
    exchange = _EXCHANGES.get(series.time_zone)
    weekdays = f"cron: 30 18 * * 1-5 {series.time_zone}"
    return (f"{exchange} close + {_AFTER_CLOSE}", weekdays) if exchange else (weekdays,)


def read_days(
    lake: Lake, principal: Principal, condition: PriceCondition, history: History, days: Sequence[date]
) -> dict[date, Reading]:
    """Return what the condition found on each of the days; one with too few bars before it is left out."""
    queries: dict[date, FactQuery] = {}
    for day in days:
        try:
            queries[day] = _deciding(condition, history, day)
        except InvalidInput:
            continue  # nothing is known of it: neither true nor false
    found = lake.compute(principal, list(queries.values()))
    by_end = {str(fact.parameters["end"]): fact for fact in found}
    return {
        day: Reading(day, condition.holds(fact.value), fact)
        for day in queries
        if (fact := by_end.get(day.isoformat())) is not None
    }


def became_true(readings: Mapping[date, Reading], days: Sequence[date]) -> list[date]:
    """Return the days on which it was true after a day, the one before of `days`, on which it was known not to be."""
    return [
        day
        for before, day in pairwise(days)
        if day in readings and before in readings and readings[day].true and not readings[before].true
    ]


def levels_queries(condition: PriceCondition, history: History, day: date) -> list[FactQuery]:
    """Return the close and the average as levels, for a condition on an average; none where prices are no levels."""
    if not isinstance(condition.level, Average) or history.pays:
        return []
    span = Span(history, day, day)
    return [*level(span), *(one for one in average(span, condition.level.sessions) if one.measure.startswith("sma_"))]


def convention(condition: PriceCondition, series: Series) -> str:
    """Say in words which prices are compared."""
    kind = {
        "none": "unadjusted closes",
        "splits": "closes adjusted for splits",
        "splits_dividends": "closes adjusted for splits and dividends",
    }[series.key.adjustment]
    what = {
        Measure.CLOSE: f"The close of a day, in {series.currency}",
        Measure.CHANGE: "The change from one close to the next",
        Measure.RSI: f"Wilder's RSI of {condition.sessions} sessions",
    }[condition.measure]
    if isinstance(condition.level, Average):
        what = f"The close of a day against the simple mean of the last {condition.level.sessions} closes"
    return f"{what}; {kind} (vendor {series.key.vendor}, from {series.source}), the last of {words(series.last)}"


def _kinds(condition: PriceCondition) -> tuple[str, ...]:
    if isinstance(condition.level, Average):
        return "levels", "returns"
    return ("levels",) if condition.measure is Measure.CLOSE else ("returns",)


def _deciding(condition: PriceCondition, history: History, day: date) -> FactQuery:
    span = Span(history, day, day)
    if isinstance(condition.level, Average):
        return average(span, condition.level.sessions)[0]
    if condition.measure is Measure.CLOSE:
        return level(span)[0]
    if condition.measure is Measure.RSI:
        return rsi(span, condition.sessions)[0]
    start, _ = history.back(2, day)
    return day_change(Span(history, start, day))[0]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
