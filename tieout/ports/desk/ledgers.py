"""The use cases of ledgers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from tieout.model import Correction, Fact, Principal

if TYPE_CHECKING:
    import pyarrow as pa


class LedgerDesk(Protocol):
    """What a report's numbers rest on."""

    def ledger(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return claims, numbers, facts, spans and figures as `ledger.json` has them."""
        ...

    def fact(self, principal: Principal, run_id: str, fact_id: str) -> Fact:
        """Return one computed number of the report."""
        ...

    def fact_rows(self, principal: Principal, run_id: str, fact_id: str) -> Mapping[str, pa.Table]:
        """Return the rows that a fact was computed from, by table."""
        ...

    def corrections(self, principal: Principal, run_id: str) -> list[Correction]:
        """Return what people found about the report's numbers, oldest first."""
        ...

    def correct(self, principal: Principal, run_id: str, correction: Correction) -> Correction:
        """Keep what a person found about a number."""
        ...
