"""The use cases of market data: importing prices, reading series, resolving instruments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.errors import InvalidInput, NotAvailable
from tieout.model import Fact, Instrument, Principal, Role, Series, SeriesKey
from tieout.ports import DEFAULT_OPTIONS, BarFilter, ImportOptions, ImportPreview, ScreenFilter
from tieout.use_cases.common import UseCases, readable, require

if TYPE_CHECKING:
    import pyarrow as pa


MAX_ROWS = 10_000  # of one answer
MAX_OFFSET = 1_000_000_000


class MarketUseCases(UseCases):
    """Prices and instruments of a workspace: viewers read, members also import."""

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing. Raises RefusedFile, PermissionDenied."""
        require(principal, Role.MEMBER, "read files of this machine")
        return self.parts.lake.preview_bars(principal, readable([path])[0], options)

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file whole or not at all. Raises RefusedFile."""
        require(principal, Role.MEMBER, "import prices")
        return self.parts.lake.import_bars(principal, readable([path])[0], options)

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts, by ticker, vendor, adjustment."""
        return self.parts.lake.series(principal, ticker.upper() if ticker else None)

    def bars(
        self,
        principal: Principal,
        key: SeriesKey,
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> pa.Table:
        """Return day, open, high, low, close, volume of one series, ordered by day."""
        return self.parts.lake.bars(principal, key, start=start, end=end, as_of=as_of)

    def find_bars(
        self, principal: Principal, where: BarFilter, *, limit: int = 100, offset: int = 0
    ) -> tuple[pa.Table, int]:
        """Return a page of the bars of all series that fit, and how many fit in all. Raises InvalidInput."""
        _check_limit(limit)
        if not 0 <= offset <= MAX_OFFSET:
            raise InvalidInput(f"The offset is {offset}; it must be from 0 to {MAX_OFFSET:,}.")
        return self.parts.lake.find_bars(principal, where, limit=limit, offset=offset)

    def screen(self, principal: Principal, where: ScreenFilter, *, limit: int = 100) -> pa.Table:
        """Return one line for each series that fits, with what its closes did in the window. Raises InvalidInput."""
        _check_limit(limit)
        return self.parts.lake.screen(principal, where, limit=limit)

    def measure(
        self,
        principal: Principal,
        ticker: str,
        names: Sequence[str] = (),
        *,
        start: date | None = None,
        end: date | None = None,
        as_of: date | None = None,
    ) -> list[Fact]:
        """Compute price measures of a ticker (all, when none is named) as facts, each with its SQL and snapshot.

        Windows are from the last bar on or before each day. Raises InvalidInput, NotFound.
        """
        if self.measurer is None:
            raise NotAvailable("No price measures are installed here.")
        queries = self.measurer(self.parts.lake, principal, ticker, names, start=start, end=end, as_of=as_of)
        return self.parts.lake.compute(principal, queries)

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        return self.parts.registry.get(principal, reference)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_ROWS:
        raise InvalidInput(f"The number of rows must be from 1 to {MAX_ROWS:,}, not {limit}.")
