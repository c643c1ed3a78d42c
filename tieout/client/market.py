"""The use cases of market data over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieout import codec
from tieout.client.http import HttpTransport, absolute
from tieout.model import Fact, Instrument, Principal, Series, SeriesKey
from tieout.ports import DEFAULT_OPTIONS, BarFilter, ImportOptions, ImportPreview, ScreenFilter

if TYPE_CHECKING:
    import pyarrow as pa


_ARROW = {"Accept": "application/vnd.apache.arrow.stream"}


def _given(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that are given: what is None is left out."""
    return {name: value for name, value in params.items() if value is not None}


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

    def find_bars(
        self, principal: Principal, where: BarFilter, *, limit: int = 100, offset: int = 0
    ) -> tuple[pa.Table, int]:
        """Return a page of the bars of all series that fit, and how many fit in all."""
        import pyarrow.ipc

        params = _given(codec.dump(where)) | {"limit": limit, "offset": offset}
        found = self._send("GET", "market/rows", principal, params=params, headers=_ARROW)
        return pyarrow.ipc.open_stream(found.content).read_all(), int(found.headers["X-Total-Count"])

    def screen(self, principal: Principal, where: ScreenFilter, *, limit: int = 100) -> pa.Table:
        """Return one line for each series that fits, with what its closes did in the window."""
        import pyarrow.ipc

        params = _given(codec.dump(where)) | {"limit": limit}
        content = self._send("GET", "market/screen", principal, params=params, headers=_ARROW).content
        return pyarrow.ipc.open_stream(content).read_all()

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
        limits = {"start": start, "end": end, "as_of": as_of}
        params = {"ticker": ticker, "name": list(names)} | _given(
            {name: day.isoformat() for name, day in limits.items() if day is not None}
        )
        return codec.load(list[Fact], self._json("GET", "market/measures", principal, params=params))

    def instrument(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier."""
        data = self._json("GET", "instruments", principal, params={"reference": reference})
        return codec.load(Instrument, data)
