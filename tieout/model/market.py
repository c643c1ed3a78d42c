"""Price series and the contracts that say what their numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SeriesKey:
    """Names one price series. Series of different keys are never mixed in one computation."""

    ticker: str
    vendor: str
    adjustment: str  # none | splits | splits_dividends

    def __str__(self) -> str:
        return f"{self.ticker}/{self.vendor}/{self.adjustment}"


@dataclass(frozen=True)
class Series:
    """The price contract of a series: what its numbers are and how far they reach."""

    key: SeriesKey
    currency: str
    time_zone: str
    first: date
    last: date
    rows: int
    has_ohlc: bool
    has_volume: bool
    source: str  # the imported file's name
