"""Returns, risk and comparisons over a window of days."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

from pipelines.tools.market_display import fine_percent, number, percent, points
from pipelines.tools.market_history import words
from pipelines.tools.market_query import OTHER, OWN, Span, fact_query
from tieout.errors import InvalidInput
from tieout.ports import FactQuery

TRADING_DAYS = 252
_LEAST_RETURNS = 20  # fewer daily returns say nothing about risk
_JOINED = f"""WITH own AS (SELECT day, close FROM bars WHERE {OWN}),
  other AS (SELECT day, close FROM bars WHERE {OTHER}),
  returns AS (
    SELECT own.close / lag(own.close) OVER (ORDER BY day) - 1 AS y, other.close / lag(other.close) OVER (ORDER BY day) - 1 AS x
    FROM own JOIN other USING (day))
"""  # noqa: E501


def total_return(span: Span) -> list[FactQuery]:
    """Query last close / first close - 1; without dividends it is called a price return."""
    kind = "total return" if span.history.pays else "price return"
    method = f"{kind} ({_dividends(span)}): last close / first close - 1"
    sql = f"SELECT arg_max(close, day) / arg_min(close, day) - 1 FROM bars WHERE {OWN}"
    return [fact_query(span, kind.replace(" ", "_"), kind, "fraction", percent, method, sql)]


def day_change(span: Span) -> list[FactQuery]:
    """Query the simple return from the first to the last close of a span, which are those of two sessions in a row."""
    method = f"close / close of the session before ({words(span.start)}) - 1 ({_dividends(span)})"
    sql = f"SELECT arg_max(close, day) / arg_min(close, day) - 1 FROM bars WHERE {OWN}"
    return [fact_query(span, "day_change", "change of the close", "fraction", fine_percent, method, sql)]


def annualised_return(span: Span) -> list[FactQuery]:
    """Query the compound yearly rate by the calendar: (last / first) ^ (365.25 / days between) - 1.

    Raises InvalidInput for a window shorter than a year, whose return is not annualised.
    """
    if (span.end - span.start).days < 365:
        raise InvalidInput(f"{span.days} is shorter than a year: its return is not annualised")
    method = f"compound yearly return ({_dividends(span)}): (last close / first close) ^ (365.25 / calendar days) - 1"
    sql = (
        "SELECT pow(arg_max(close, day) / arg_min(close, day),"
        f" 365.25 / date_diff('day', min(day), max(day))) - 1 FROM bars WHERE {OWN}"
    )
    return [fact_query(span, "annualised_return", "annualised return", "fraction", percent, method, sql)]


def volatility(span: Span) -> list[FactQuery]:
    """Query the sample standard deviation of daily log returns × √252."""
    _enough(span)
    method = f"sample standard deviation of daily log returns × √{TRADING_DAYS} (trading days a year)"
    sql = (
        "WITH returns AS (SELECT ln(close / lag(close) OVER (ORDER BY day)) AS r"
        f" FROM bars WHERE {OWN}) SELECT stddev_samp(r) * sqrt({TRADING_DAYS}) FROM returns"
    )
    return [fact_query(span, "volatility", "annualised volatility", "fraction", percent, method, sql)]


def max_drawdown(span: Span) -> list[FactQuery]:
    """Query the largest fall of a close below the highest close before it, as a negative fraction."""
    peak, trough = _drawdown_days(span)
    fell = f" (from {words(peak)} to {words(trough)})" if peak < trough else ""
    method = f"smallest close / highest close so far - 1{fell}"
    sql = (
        "WITH path AS (SELECT close / max(close) OVER (ORDER BY day ROWS UNBOUNDED PRECEDING) - 1 AS fall"
        f" FROM bars WHERE {OWN}) SELECT min(fall) FROM path"
    )
    return [fact_query(span, "max_drawdown", "maximum drawdown", "fraction", percent, method, sql)]


def extremes(span: Span) -> list[FactQuery]:
    """Query the best and the worst daily return; the method names the day."""
    returns = [(late / early - 1, day) for (early, _), (late, day) in pairwise(_closes(span))]
    made = []
    for measure, name, pick in (("best_day", "best day", max), ("worst_day", "worst day", min)):
        day = pick(returns, key=lambda pair: pair[0])[1]
        extreme = {"best_day": "largest", "worst_day": "smallest"}[measure]
        method = f"{extreme} simple return from one close to the next (on {words(day)})"
        sql = (
            "WITH returns AS (SELECT close / lag(close) OVER (ORDER BY day) - 1 AS r"
            f" FROM bars WHERE {OWN}) SELECT {'max' if pick is max else 'min'}(r) FROM returns"
        )
        made.append(fact_query(span, measure, name, "fraction", percent, method, sql))
    return made


def beta(span: Span) -> list[FactQuery]:
    """Query the sample covariance with the benchmark over the benchmark's sample variance, of daily simple returns."""
    _enough(span)
    against = _against(span)
    method = f"sample covariance of daily simple returns with {against} / sample variance of {against}, on common days"
    sql = f"{_JOINED}SELECT covar_samp(y, x) / var_samp(x) FROM returns"
    return [fact_query(span, "beta", f"beta against {against}", "multiple", number, method, sql)]


def correlation(span: Span) -> list[FactQuery]:
    """Query Pearson's correlation of daily simple returns with the benchmark's, on common days."""
    _enough(span)
    against = _against(span)
    method = f"Pearson correlation of daily simple returns with {against}, on common days"
    sql = f"{_JOINED}SELECT corr(y, x) FROM returns"
    return [fact_query(span, "correlation", f"correlation with {against}", "multiple", number, method, sql)]


def relative_return(span: Span) -> list[FactQuery]:
    """Query the difference of the two total returns in points, and the ratio of the two growths less one."""
    against = _against(span)
    both = (
        f"WITH own AS (SELECT arg_max(close, day) / arg_min(close, day) AS growth FROM bars WHERE {OWN}),"
        f" other AS (SELECT arg_max(close, day) / arg_min(close, day) AS growth FROM bars WHERE {OTHER})"
    )
    return [
        fact_query(
            span,
            "relative_return",
            f"return over {against}",
            "points",
            points,
            f"return of {span.ticker} - return of {against} ({_dividends(span)}), in percentage points",
            f"{both} SELECT own.growth - other.growth FROM own, other",
        ),
        fact_query(
            span,
            "relative_growth",
            f"growth relative to {against}",
            "fraction",
            percent,
            f"(1 + return of {span.ticker}) / (1 + return of {against}) - 1 ({_dividends(span)})",
            f"{both} SELECT own.growth / other.growth - 1 FROM own, other",
        ),
    ]


def _against(span: Span) -> str:
    if span.other is None:
        raise InvalidInput(f"{span.ticker} must be compared with a benchmark: name one whose prices are there")
    return span.other.key.ticker


def _dividends(span: Span) -> str:
    return "dividends reinvested" if span.history.pays else "dividends not included"


def _enough(span: Span) -> None:
    returns = span.history.sessions(span.start, span.end) - 1
    if returns < _LEAST_RETURNS:
        raise InvalidInput(
            f"{span.ticker} has {returns} daily returns {span.days}: a risk measure needs at least {_LEAST_RETURNS}"
        )


def _closes(span: Span) -> list[tuple[float, date]]:
    pairs = zip(span.history.closes, span.history.days, strict=True)
    return [(close, day) for close, day in pairs if span.start <= day <= span.end]


def _drawdown_days(span: Span) -> tuple[date, date]:
    closes = _closes(span)
    highest, top = closes[0]
    worst, peak, trough = 0.0, top, top
    for close, day in closes:
        if close > highest:
            highest, top = close, day
        if close / highest - 1 < worst:
            worst, peak, trough = close / highest - 1, top, day
    return peak, trough
