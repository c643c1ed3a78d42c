"""Levels, moving averages and oscillators as of one day."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from pipelines.tools.market_display import Money, count, index, percent
from pipelines.tools.market_query import OWN, Span, fact_query
from tieout.errors import InvalidInput
from tieout.ports import FactQuery

_RUN_IN = 500  # sessions: what came before them weighs less than 1e-15 in a 26-day average
_LEAST_RUN_IN = 100
_VOLUME_SESSIONS = 63  # about three months
_RSI_DAYS = 14
_FAST, _SLOW, _SIGNAL = 12, 26, 9

_RSI = f"""WITH moves AS (SELECT day, close - lag(close) OVER (ORDER BY day) AS move FROM bars WHERE {OWN}),
  lists AS (
    SELECT list(greatest(move, 0) ORDER BY day) AS ups, list(greatest(-move, 0) ORDER BY day) AS downs
    FROM moves WHERE move IS NOT NULL),
  smoothed AS (
    SELECT list_reduce(list_prepend(list_avg(ups[1:$n]), ups[$n + 1:]), lambda a, x: (a * ($n - 1) + x) / $n) AS up,
      list_reduce(list_prepend(list_avg(downs[1:$n]), downs[$n + 1:]), lambda a, x: (a * ($n - 1) + x) / $n) AS down
    FROM lists)
SELECT CASE WHEN up + down > 0 THEN 100 * up / (up + down) END FROM smoothed"""

# One pass: each element becomes (close, fast average, slow average, signal); the first starts all of them.
_MACD = f"""WITH steps AS (
    SELECT list_reduce(
      list({{'c': close, 'f': close, 's': close, 'g': 0.0::DOUBLE}} ORDER BY day),
      lambda a, x: {{'c': x.c,
        'f': a.f + (x.c - a.f) * 2 / ($fast + 1),
        's': a.s + (x.c - a.s) * 2 / ($slow + 1),
        'g': a.g + ((a.f + (x.c - a.f) * 2 / ($fast + 1)) / (a.s + (x.c - a.s) * 2 / ($slow + 1)) - 1 - a.g)
          * 2 / ($signal + 1)}}) AS last
    FROM bars WHERE {OWN})
"""


def level(span: Span) -> list[FactQuery]:
    """Query the close of the last day. Raises InvalidInput for prices that embed dividends: they are no levels."""
    _refuse_adjusted(span)
    currency = span.history.series.currency
    method = "last close on or before the day" + _split_basis(span)
    sql = f"SELECT arg_max(close, day) FROM bars WHERE {OWN}"
    one = Span(span.history, span.end, span.end)
    unit = f"{currency}/share"
    return [fact_query(one, "level", "close", unit, Money(currency), method, sql, currency=currency, instant=True)]


def range_52_weeks(span: Span) -> list[FactQuery]:
    """Query the close against the highest and lowest close of the 52 weeks before (364 days)."""
    start = span.history.on_or_before(span.end - timedelta(weeks=52))
    year = Span(span.history, start, span.end)
    made = []
    for measure, name, pick in (("below_high_52w", "high", "max"), ("above_low_52w", "low", "min")):
        sql = f"SELECT arg_max(close, day) / {pick}(close) - 1 FROM bars WHERE {OWN}"
        method = f"last close / {'highest' if pick == 'max' else 'lowest'} close of 52 weeks - 1"
        made.append(fact_query(year, measure, f"close against the 52-week {name}", "fraction", percent, method, sql))
    if not span.history.pays:
        currency = span.history.series.currency
        for measure, name, pick in (("high_52w", "high", "max"), ("low_52w", "low", "min")):
            method = f"{'highest' if pick == 'max' else 'lowest'} close of 52 weeks{_split_basis(span)}"
            sql = f"SELECT {pick}(close) FROM bars WHERE {OWN}"
            made.append(
                fact_query(
                    year, measure, f"52-week {name}", f"{currency}/share", Money(currency), method, sql,
                    currency=currency,
                )
            )  # fmt: skip
    return made


def sma(span: Span) -> list[FactQuery]:
    """Query the close against its simple moving averages of 50 and 200 sessions; their levels from unadjusted prices.

    An average for which there are too few bars is left out. Raises InvalidInput when that is true of both.
    """
    made = []
    reasons = []
    for sessions in (50, 200):
        try:
            made.extend(average(span, sessions))
        except InvalidInput as error:
            reasons.append(error)
    if not made:
        raise reasons[0]
    return made


def average(span: Span, sessions: int) -> list[FactQuery]:
    """Query the last close against the simple mean of the last `sessions` closes, and that mean where it is a level.

    Raises InvalidInput when there are fewer bars.
    """
    start, _ = span.history.back(sessions, span.end)
    span = Span(span.history, start, span.end)
    made = [
        fact_query(
            span,
            f"above_sma_{sessions}",
            f"close against its {sessions}-day average",
            "fraction",
            percent,
            f"last close / simple mean of the last {sessions} closes - 1",
            f"SELECT arg_max(close, day) / avg(close) - 1 FROM bars WHERE {OWN}",
        )
    ]
    if not span.history.pays:
        currency = span.history.series.currency
        method = f"simple mean of the last {sessions} closes{_split_basis(span)}"
        made.append(
            fact_query(
                span, f"sma_{sessions}", f"{sessions}-day average", f"{currency}/share", Money(currency), method,
                f"SELECT avg(close) FROM bars WHERE {OWN}", currency=currency,
            )
        )  # fmt: skip
    return made


def rsi(span: Span, length: int = _RSI_DAYS) -> list[FactQuery]:
    """Query Wilder's relative strength index of `length` sessions, from 0 to 100.

    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978.
    """
    start, sessions = span.history.back(_RUN_IN, span.end, at_least=_LEAST_RUN_IN)
    run = Span(span.history, start, span.end)
    method = (
        f"Wilder's RSI of {length} sessions: 100 × average gain / (average gain + average loss), the averages "
        f"smoothed by 1/{length} after a first simple mean, run in over {sessions} sessions"
    )
    return [fact_query(run, "rsi", f"RSI ({length})", "index", index, method, _RSI, {"n": length})]


def macd(span: Span) -> list[FactQuery]:
    """Query MACD (12, 26, 9) as a share of the slow average, its signal line and the difference of the two.

    In percent of price (the PPO form) because adjusted closes have no meaningful level in money.
    """
    start, sessions = span.history.back(_RUN_IN, span.end, at_least=_LEAST_RUN_IN)
    run = Span(span.history, start, span.end)
    line = f"{_FAST}-session exponential average of the close / {_SLOW}-session one - 1 (PPO form)"
    average = f"{_SIGNAL}-session exponential average of it"
    tail = f"; averages started at the first close and run in over {sessions} sessions"
    parameters = {"fast": _FAST, "slow": _SLOW}
    with_signal = parameters | {"signal": _SIGNAL}
    made = []
    for measure, name, method, value in (
        ("macd", "MACD", line, "last.f / last.s - 1"),
        ("macd_signal", "MACD signal", f"{average}, of: {line}", "last.g"),
        ("macd_histogram", "MACD less signal", f"{line}, less the {average}", "last.f / last.s - 1 - last.g"),
    ):
        title = f"{name} ({_FAST}, {_SLOW}, {_SIGNAL})"
        sql = f"{_MACD}SELECT {value} FROM steps"
        made.append(fact_query(run, measure, title, "fraction", _fine_percent, method + tail, sql, with_signal))
    return made


def average_volume(span: Span) -> list[FactQuery]:
    """Query the mean volume of the last 63 sessions (about three months). Raises InvalidInput without volumes."""
    if not span.history.series.has_volume:
        raise InvalidInput(f"{span.history.key} has no volumes: import bars that have them")
    start, sessions = span.history.back(_VOLUME_SESSIONS, span.end)
    part = Span(span.history, start, span.end)
    method = f"mean volume of {sessions} sessions{_split_basis(span)}"
    sql = f"SELECT avg(volume) FROM bars WHERE {OWN}"
    return [fact_query(part, "average_volume", "average daily volume", "shares", count, method, sql)]


def _refuse_adjusted(span: Span) -> None:
    if span.history.pays:
        raise InvalidInput(
            f"{span.history.key} embeds later dividends and gives no price levels: import unadjusted prices of "
            f"{span.ticker}"
        )


def _split_basis(span: Span) -> str:
    if span.history.key.adjustment != "splits":
        return ""
    return f" (in shares as split by {span.history.series.last.isoformat()})"


def _fine_percent(value: Decimal) -> str:
    return f"{(value * 100).quantize(Decimal('0.01'))}%"
