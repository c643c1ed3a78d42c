"""The lake: price series, imports, and facts computed at one version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tieout.model import Fact, Figure, Period, Principal, Series, SeriesKey

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class RefusedRow:
    """A bad row of an import: where it stands and what is wrong with it. `line` counts from 1."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True)
class ImportPreview:
    """What an import would do: the columns as understood, the series, the first rows, and what is refused."""

    layout: str  # wide | long | ohlcv
    columns: Mapping[str, str]  # role → column name in the file
    series: tuple[Series, ...]
    head: tuple[Mapping[str, Any], ...]
    refused: tuple[RefusedRow, ...] = ()
    new: int = 0  # rows that the lake does not hold
    same: int = 0  # rows that it holds with the same values
    changed: int = 0  # rows that it holds with other values: refused unless `replace`


@dataclass(frozen=True)
class ImportOptions:
    """What the file itself does not say. None means: detect, else the default named in the price contract."""

    ticker: str | None = None
    vendor: str | None = None  # default: the file's name without its ending, lower case
    adjustment: str | None = None
    currency: str = "USD"
    time_zone: str = "America/New_York"
    known_on: date | None = None  # default: each bar's own day
    replace: bool = False  # let the file's values take the place of stored ones


DEFAULT_OPTIONS = ImportOptions()


@dataclass(frozen=True)
class FactQuery:
    """A computation that gives one Fact: SQL over `bars` and `figures` with `$name` parameters."""

    name: str
    measure: str
    unit: str
    method: str
    sql: str
    parameters: Mapping[str, Any]
    as_of: date
    series: tuple[SeriesKey, ...] = ()
    figures: tuple[Figure, ...] = ()
    instrument: str | None = None
    currency: str | None = None
    period: Period | None = None
    display: Callable[[Decimal], str] | None = None
    spans: tuple[str, ...] = ()


@dataclass(frozen=True)
class BarFilter:
    """Which bars to show, both days included; what is left out means any."""

    tickers: tuple[str, ...] = ()
    vendor: str | None = None
    adjustment: str | None = None
    start: date | None = None
    end: date | None = None
    least_volume: float | None = None
    sort: str = "day"
    descending: bool = True


@dataclass(frozen=True)
class ScreenFilter:
    """Which series to show by what their closes did from `start` to `end`; what is left out means any.

    Returns, volatility (a year's) and drawdown (0 or below) are fractions.
    """

    vendor: str | None = None
    adjustment: str | None = None
    start: date | None = None
    end: date | None = None
    least_return: float | None = None
    most_volatility: float | None = None
    most_drawdown: float | None = None  # -0.2: series that fell by more are left out
    sort: str = "total_return"
    descending: bool = True


class Lake(Protocol):
    """Price series and run facts in versioned tables; every read is of one version.

    SQL sees `bars(ticker, vendor, adjustment, day DATE, open, high, low, close, volume DOUBLE, currency,
    time_zone, known_on DATE, source)` and `figures(id, document_id, page, start_offset, end_offset, text,
    value DECIMAL(30,8), unit, scale, decimals, row_label, path, column_label, table_title, concept, dimension,
    period_kind, fiscal_year, fiscal_quarter, period_months, period_start DATE, period_end DATE, period_label,
    row_start, row_end, known_on DATE)`. Parameters are JSON values: a date is an ISO string that the SQL casts.
    """

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Read a CSV or Parquet file and say what an import would do; writes nothing. Raises RefusedFile."""
        ...

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import whole or not at all; importing the same rows again changes nothing. Raises RefusedFile."""
        ...

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts, by ticker, vendor, adjustment."""
        ...

    def bars(
        self,
        principal: Principal,
        key: SeriesKey,
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> pa.Table:
        """Return day, open, high, low, close, volume of one series, ordered by day, none known after `as_of`."""
        ...

    def find_bars(
        self, principal: Principal, where: BarFilter, *, limit: int = 100, offset: int = 0
    ) -> tuple[pa.Table, int]:
        """Return a page of the bars that fit, and how many fit in all. Raises InvalidInput for an unknown column."""
        ...

    def screen(self, principal: Principal, where: ScreenFilter, *, limit: int = 100) -> pa.Table:
        """Return one line a series that fits: ticker, vendor, adjustment, currency, first, last, sessions, close,
        total_return, volatility, max_drawdown. Raises InvalidInput for an unknown column.
        """
        ...

    def last_day(self, principal: Principal, tickers: Sequence[str] = ()) -> date | None:
        """Return the last bar's day over the given tickers (all, when empty)."""
        ...

    def snapshot(self, principal: Principal, table: str) -> str:
        """Return "table@version" of the newest version; that version is never vacuumed once a fact cites it."""
        ...

    def compute(self, principal: Principal, queries: Sequence[FactQuery]) -> list[Fact]:
        """Compute facts. One that has no value (no rows, division by zero) is left out, never guessed."""
        ...

    def rows(self, principal: Principal, facts: Sequence[Fact]) -> Mapping[str, pa.Table]:
        """Return the rows that the facts read, by table name (`bars`, `figures`), for the notebook and charts."""
        ...

    def query(
        self, principal: Principal, sql: str, parameters: Mapping[str, Any], tables: Mapping[str, pa.Table]
    ) -> pa.Table:
        """Run one SELECT from outside in the sandbox, over the given tables only. Raises InvalidInput."""
        ...


class Measurer(Protocol):
    """Knows which price measures there are, and how each is computed."""

    def __call__(
        self,
        lake: Lake,
        principal: Principal,
        ticker: str,
        names: Sequence[str],
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> list[FactQuery]:
        """Return the queries of the named measures of a ticker, of all when none is named. Raises InvalidInput."""
        ...
