"""The use cases of ledgers: what a report's numbers rest on, down to the rows, and what people found wrong in it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tieout import codec
from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import Correction, Event, Fact, NumberStatus, Principal, Role
from tieout.use_cases.common import require, valid_text
from tieout.use_cases.runs import RunUseCases

if TYPE_CHECKING:
    import pyarrow as pa

LEDGER = "ledger.json"
_SIGNAL = "correction/"
_LONGEST = 2_000  # characters of a reason
_TOLD = 8_000  # characters of JSON that a run's event tells of an outside one
_EVENTS = 10_000  # of a run; more than any run has


class LedgerUseCases(RunUseCases):
    """The ledger of a run's report: viewers read, members also correct."""

    def ledger(self, principal: Principal, run_id: str) -> Mapping[str, Any]:
        """Return claims, numbers, facts, spans and figures as `ledger.json` has them.

        Raises NotFound for a run without a report.
        """
        if not any(artifact.name == LEDGER for artifact in self.artifacts(principal, run_id)):
            raise NotFound(f"The run {run_id} has no ledger: it has not ended, or its agent writes no report.")
        found: Mapping[str, Any] = json.loads(self.artifact_bytes(principal, run_id, LEDGER))
        return found

    def fact(self, principal: Principal, run_id: str, fact_id: str) -> Fact:
        """Return one computed number of the report. Raises NotFound."""
        for fact in self.ledger(principal, run_id)["facts"]:
            if fact["id"] == fact_id:
                return codec.load(Fact, fact)
        raise NotFound(f"The ledger of {run_id} has no fact {fact_id!r}.")

    def fact_rows(self, principal: Principal, run_id: str, fact_id: str) -> Mapping[str, pa.Table]:
        """Return the rows that a fact was computed from, by table (`bars`, `figures`), at its snapshot.

        The fact's SQL with its parameters gives its value again over them, in any DuckDB. Raises NotFound.
        """
        return self.parts.lake.rows(principal, [self.fact(principal, run_id, fact_id)])

    def corrections(self, principal: Principal, run_id: str) -> list[Correction]:
        """Return what people found about the report's numbers, oldest first; of one number, the last counts."""
        events = self.events(principal, run_id, limit=_EVENTS)
        return [found for event in events if (found := _correction(event)) is not None]

    def correct(self, principal: Principal, run_id: str, correction: Correction) -> Correction:
        """Keep what a person found about a number; the report and its ledger stay as they were.

        A number that is `tied` needs the fact or span it ties to, one that is not must have none. Raises InvalidInput,
        NotFound, and Conflict when somebody corrects the same number at the same time.
        """
        require(principal, Role.MEMBER, "correct reports")
        run = self.run(principal, run_id)
        checked = _checked(correction, self.ledger(principal, run.id))
        before = [one for one in self.corrections(principal, run.id) if one.number == checked.number]
        name = f"{_SIGNAL}{checked.number}/{len(before) + 1}"
        payload = {"status": checked.status.value, "reason": checked.reason, "source": checked.source}
        if len(json.dumps(payload)) > _TOLD:
            raise InvalidInput("The reason is too long for the run's events to tell: write it in fewer words.")
        first, _ = self.store.signal_run(principal, run.id, name, payload, now=self.clock())
        if not first:
            raise Conflict(f"Number {checked.number} was corrected at the same time: look at that first.")
        return self.corrections(principal, run.id)[-1]


def numbers_of(ledger: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return each number of a ledger with its claim, in the ledger's order: the first is number 1."""
    return [(claim, number) for claim in ledger["claims"] for number in claim["numbers"]]


def _checked(correction: Correction, ledger: Mapping[str, Any]) -> Correction:
    count = len(numbers_of(ledger))
    if not 1 <= correction.number <= count:
        raise InvalidInput(f"The report has {count} numbers; there is no number {correction.number}.")
    reason = valid_text(correction.reason.strip(), "The reason")
    if not reason:
        raise InvalidInput("Say why: a correction keeps its reason.")
    if len(reason) > _LONGEST:
        raise InvalidInput(f"The reason has {len(reason)} characters; at most {_LONGEST} are kept.")
    tied = correction.status is NumberStatus.TIED
    if tied != bool(correction.source):
        raise InvalidInput(
            "Name the fact or quotation that the number ties to." if tied else "Only a tie has a source."
        )
    there = {one["id"] for one in (*ledger["facts"], *ledger["spans"])}
    if tied and correction.source not in there:
        raise NotFound(f"The ledger has no fact or quotation {correction.source!r}.")
    return replace(correction, reason=reason)


def _correction(event: Event) -> Correction | None:
    name = str(event.data.get("name", ""))
    if event.kind != "signal_arrived" or not name.startswith(_SIGNAL):
        return None
    number, payload = name.removeprefix(_SIGNAL).partition("/")[0], event.data.get("payload") or {}
    try:
        status = NumberStatus(payload.get("status", ""))
        about = int(number), status, str(payload.get("reason", "")), str(payload.get("source", ""))
    except ValueError:
        return None  # an outside event of this name that no door of ours sent
    return Correction(*about, by=str(event.data.get("by", "")), at=event.at)


def latest(corrections: Sequence[Correction]) -> dict[int, Correction]:
    """Return the correction that counts of each number."""
    return {one.number: one for one in corrections}
