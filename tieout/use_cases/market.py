"""The use cases of market data: importing prices, reading series, resolving instruments."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tieout.model import Instrument, Principal, Role, Series, SeriesKey
from tieout.ports import DEFAULT_OPTIONS, ImportOptions, ImportPreview
from tieout.use_cases.common import UseCases, readable, require

if TYPE_CHECKING:
    import pyarrow as pa


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

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        return self.parts.registry.get(principal, reference)
