"""The use cases of ledgers over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tieout import codec
from tieout.client.http import HttpTransport, segment
from tieout.model import Correction, Fact, Principal

if TYPE_CHECKING:
    import pyarrow as pa


class HttpLedgers(HttpTransport):
    """A `LedgerDesk` behind a service's URL."""

    def ledger(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return claims, numbers, facts, spans and figures as `ledger.json` has them."""
        found: Mapping[str, Any] = self._json("GET", f"runs/{segment(run_id)}/ledger", principal)
        return found

    def fact(self, principal: Principal, run_id: str, fact_id: str) -> Fact:
        """Return one computed number of the report."""
        return codec.load(Fact, self._json("GET", f"runs/{segment(run_id)}/facts/{segment(fact_id)}", principal))

    def fact_rows(self, principal: Principal, run_id: str, fact_id: str) -> Mapping[str, pa.Table]:
        """Return the rows that a fact was computed from, by table."""
        import pyarrow.ipc

        path = f"runs/{segment(run_id)}/facts/{segment(fact_id)}/rows"
        names = self._json("GET", path, principal)
        contents = {name: self._send("GET", f"{path}/{segment(name)}", principal).content for name in names}
        return {name: pyarrow.ipc.open_stream(content).read_all() for name, content in contents.items()}

    def corrections(self, principal: Principal, run_id: str) -> list[Correction]:
        """Return what people found about the report's numbers, oldest first."""
        return codec.load(list[Correction], self._json("GET", f"runs/{segment(run_id)}/corrections", principal))

    def correct(self, principal: Principal, run_id: str, correction: Correction) -> Correction:
        """Keep what a person found about a number."""
        body = {name: value for name, value in codec.dump(correction).items() if name not in ("by", "at")}
        return codec.load(Correction, self._json("POST", f"runs/{segment(run_id)}/corrections", principal, json=body))
