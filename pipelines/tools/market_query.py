"""Builds the fact queries of price measures: each SQL names its series, days and `as_of` itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pipelines.tools.market_history import History, words
from tieout.model import Period
from tieout.ports import FactQuery

OWN = (
    "ticker = $ticker AND vendor = $vendor AND adjustment = $adjustment"
    " AND day BETWEEN CAST($start AS DATE) AND CAST($end AS DATE) AND known_on <= CAST($as_of AS DATE)"
)
OTHER = (
    "ticker = $other AND vendor = $other_vendor AND adjustment = $adjustment"
    " AND day BETWEEN CAST($start AS DATE) AND CAST($end AS DATE) AND known_on <= CAST($as_of AS DATE)"
)


@dataclass(frozen=True)
class Span:
    """A window of one history, and of the history that it is compared with: the days of its first and last bar."""

    history: History
    start: date
    end: date
    other: History | None = None

    @property
    def ticker(self) -> str:
        """Whose prices they are."""
        return self.history.key.ticker

    @property
    def days(self) -> str:
        """The window in words."""
        return f"from {words(self.start)} to {words(self.end)}"

    @property
    def basis(self) -> str:
        """What the prices are, in words, with their vendors."""
        kind = {
            "none": "unadjusted closes",
            "splits": "closes adjusted for splits",
            "splits_dividends": "closes adjusted for splits and dividends",
        }[self.history.key.adjustment]
        vendors = dict.fromkeys(one.key.vendor for one in (self.history, self.other) if one)
        return f"{kind} (vendor {' and '.join(vendors)})"


def fact_query(
    span: Span,
    measure: str,
    name: str,
    unit: str,
    display: Callable[[Decimal], str],
    method: str,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    currency: str | None = None,
    instant: bool = False,
) -> FactQuery:
    """Return the query of one measure over a span; `method` is completed by the days and the prices' basis."""
    key = span.history.key
    own: dict[str, Any] = {
        "ticker": key.ticker,
        "vendor": key.vendor,
        "adjustment": key.adjustment,
        "start": span.start.isoformat(),
        "end": span.end.isoformat(),
        "as_of": span.history.as_of.isoformat(),
    }
    series = [key]
    if span.other is not None:
        own |= {"other": span.other.key.ticker, "other_vendor": span.other.key.vendor}
        series.append(span.other.key)
    when = f"on {words(span.end)}" if instant else span.days
    period = Period("instant", end=span.end) if instant else Period("months", start=span.start, end=span.end)
    return FactQuery(
        name=f"{span.ticker} {name}",
        measure=measure,
        unit=unit,
        method=f"{method}, {when}; {span.basis}",
        sql=sql,
        parameters=own | dict(parameters or {}),
        as_of=span.history.as_of,
        series=tuple(series),
        instrument=span.ticker,
        currency=currency,
        period=period,
        display=display,
    )
