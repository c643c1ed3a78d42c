"""The use cases of market data over HTTP."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from tieout import codec
from tieout.client.http import HttpTransport, absolute
from tieout.model import Instrument, Principal, Series, SeriesKey
from tieout.ports import DEFAULT_OPTIONS, ImportOptions, ImportPreview

if TYPE_CHECKING:
    import pyarrow as pa


class HttpMarket(HttpTransport):
    """A `MarketDesk` behind a service's URL; paths are of this machine."""

    def preview_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Say what an import would do; writes nothing."""
        body = {"path": absolute([path])[0], "options": codec.dump(options)}
        return codec.load(ImportPreview, self._json("POST", "market/preview", principal, json=body))

    def import_bars(self, principal: Principal, path: Path, options: ImportOptions = DEFAULT_OPTIONS) -> ImportPreview:
        """Import a price file of this machine whole or not at all."""
        body = {"path": absolute([path])[0], "options": codec.dump(options)}
        return codec.load(ImportPreview, self._json("POST", "market/import", principal, json=body))

    def series(self, principal: Principal, ticker: str | None = None) -> list[Series]:
        """Return the price contracts."""
        params = {"ticker": ticker} if ticker else {}
        return codec.load(list[Series], self._json("GET", "market/series", principal, params=params))

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
        import pyarrow.ipc

        limits = {"start": start, "end": end, "as_of": as_of}
        params = codec.dump(key) | {name: day.isoformat() for name, day in limits.items() if day is not None}
        content = self._send("GET", "market/bars", principal, params=params).content
        return pyarrow.ipc.open_stream(content).read_all()

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier."""
        data = self._json("GET", "instruments", principal, params={"reference": reference})
        return codec.load(Instrument, data)
