"""Resolves companies and securities: the built-in list, then the workspace's own instruments over it."""

from __future__ import annotations

import difflib
import threading
import time
from collections.abc import Iterable, Sequence

from pipelines.registry.catalog import built_in, read_sec_companies
from pipelines.registry.lookup import Lookup
from tieout.errors import InvalidInput, NeedsAnswer, UnknownInstrument
from tieout.model import Instrument, Principal
from tieout.ports import ContentStore

_FRESH_S = 30.0  # what another process adds is seen this late at the most
_CHOICES = 8


class CompanyRegistry:
    """A Registry over a ContentStore. Safe to use from many threads."""

    def __init__(self, content: ContentStore, instruments: Sequence[Instrument] | None = None) -> None:
        """`instruments` replaces the built-in list."""
        self._content = content
        self._base = instruments
        self._lookups: dict[str, tuple[float, Lookup]] = {}
        self._lock = threading.Lock()

    def get(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name, CIK or id.

        Raises UnknownInstrument with close matches, NeedsAnswer with the choices when several fit.
        """
        if not reference.strip():
            raise InvalidInput("name a company or a ticker")
        lookup = self.lookup(principal)
        found = lookup.exact(reference) or lookup.beginning(reference)
        if len(found) == 1:
            return found[0]
        if found:
            choices = sorted(_shown(one) for one in found)
            more = f" and {len(choices) - _CHOICES} more" if len(choices) > _CHOICES else ""
            raise NeedsAnswer(
                f"Which company do you mean by {reference!r}: {', '.join(choices[:_CHOICES])}{more}?",
                choices=choices[:50],
            )
        close = difflib.get_close_matches(reference.casefold(), lookup.names(), n=3, cutoff=0.75)
        shown = sorted({_shown(one) for name in close for one in lookup.exact(name)})
        hint = f"; did you mean {' or '.join(shown)}?" if shown else "; give its ticker, or ingest one of its filings"
        raise UnknownInstrument(f"no company or ticker {reference!r} is known{hint}", close=shown)

    def mentioned(self, principal: Principal, text: str) -> list[Instrument]:
        """Return the instruments that a text names, in order of first mention, without doubt only."""
        return self.lookup(principal).mentioned(text)

    def add(self, principal: Principal, instruments: Iterable[Instrument]) -> None:
        """Add instruments to the workspace's own."""
        self._content.put_instruments(principal, instruments)
        with self._lock:
            self._lookups.pop(principal.workspace, None)

    def import_sec(self, principal: Principal, data: bytes) -> int:
        """Add the companies of the SEC's `company_tickers.json`; return how many. Raises InvalidInput."""
        instruments = read_sec_companies(data)
        self.add(principal, instruments)
        return len(instruments)

    def lookup(self, principal: Principal) -> Lookup:
        """Return the index over all instruments that the workspace knows."""
        now = time.monotonic()
        with self._lock:
            made, lookup = self._lookups.get(principal.workspace, (0.0, None))
            if lookup is not None and now - made < _FRESH_S:
                return lookup
        own = self._content.list_instruments(principal)
        lookup = Lookup((*(built_in() if self._base is None else self._base), *own))
        with self._lock:
            self._lookups[principal.workspace] = (now, lookup)
        return lookup


def _shown(instrument: Instrument) -> str:
    return f"{instrument.name} ({instrument.ticker})" if instrument.ticker else instrument.name
