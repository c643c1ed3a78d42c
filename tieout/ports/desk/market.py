"""The use cases of market data as the doors see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tieout.model import Fact, Instrument, Principal, Series, SeriesKey
from tieout.ports.lake import DEFAULT_OPTIONS, BarFilter, ImportOptions, ImportPreview, ScreenFilter

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

    def find_bars(
        self, principal: Principal, where: BarFilter, *, limit: int = 100, offset: int = 0
    ) -> tuple[pa.Table, int]:
        """Return a page of the bars of all series that fit, and how many fit in all."""
        ...

    def screen(self, principal: Principal, where: ScreenFilter, *, limit: int = 100) -> pa.Table:
        """Return one line for each series that fits, with what its closes did in the window."""
        ...

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
        """Compute price measures of a ticker, all when none is named, as facts."""
        ...

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument, NeedsAnswer."""
        ...
