"""The use cases of market data as the doors see them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tieout.model import Instrument, Principal, Series, SeriesKey
from tieout.ports.lake import DEFAULT_OPTIONS, ImportOptions, ImportPreview

if TYPE_CHECKING:
    import pyarrow as pa


class MarketDesk(Protocol):
    """Imports prices, gives series and resolves instruments."""

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing."""
        ...

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file whole or not at all."""
        ...

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts."""
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
        """Return day, open, high, low, close, volume of one series, ordered by day."""
        ...

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        ...
