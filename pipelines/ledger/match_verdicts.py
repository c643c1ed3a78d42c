"""Compares a number with the figures that it may be, and says what came of it: tied, contradicted or open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipelines.ledger.derive import Derived
from pipelines.ledger.match_book import Entry, SourceBook, outflow
from pipelines.ledger.match_figures import Measures, period_of, preferred
from pipelines.ledger.match_scope import Phrase, Scope
from pipelines.ledger.numbers import NumberMention
from tieout.model import Number, NumberStatus, Period, Source, Span


@dataclass(frozen=True)
class Verdict:
    """What was found for one number: its status, where it stands, and why not."""

    status: NumberStatus
    source: Source | None = None
    reason: str = ""
    unit: str = ""  # of the figure, for a number that a text gives none


OPEN = NumberStatus.OPEN
TIED = NumberStatus.TIED
CONTRADICTED = NumberStatus.CONTRADICTED


class Comparison:
    """Compares numbers with figures of one company, of the cited spans only when a claim cites any."""

    def __init__(self, book: SourceBook, measures: Measures, cited: Sequence[Span] = ()) -> None:
        self.book, self.measures, self.cited = book, measures, cited

    def printed(
        self, mention: NumberMention, scope: Scope, phrase: Phrase, entries: Sequence[Entry], period: Period
    ) -> Verdict | None:
        """Compare with printed figures: None when there are none, else tied, contradicted or open when in doubt."""
        entries = preferred(self.allowed(entries), period)
        if not entries:
            return None
        for entry in entries:
            free = (outflow(entry.figure) and not _other_side(entry.figure.row, scope)) or _of_losses(entry)
            if _other_side(entry.figure.row, scope) and entry.figure.value > 0:
                continue  # "a tax benefit of $513 million" is no provision of that size
            value = abs(entry.figure.value) if _other_side(entry.figure.row, scope) else entry.figure.value
            if self.agrees(mention, scope, value, free):
                return Verdict(TIED, self.source(entry), unit=entry.figure.unit)
        entry = entries[0]
        if not self.measures.certain(phrase, entries):
            return Verdict(OPEN, reason=f"{entry.figure.row} is {entry.figure.text}, but more may be meant here")
        return Verdict(
            CONTRADICTED,
            self.source(entry),
            f"{entry.document.title}, page {entry.figure.page}, gives {entry.figure.text} for "
            f"{entry.figure.row} {period_of(entry.figure)}".rstrip(),
        )

    def recomputed(self, mention: NumberMention, scope: Scope, computed: Sequence[Derived]) -> Verdict:
        """Compare with recomputed values: tied, contradicted, or open when there are none or in doubt."""
        computed = [d for d in computed if len(self.allowed(d.entries)) == len(d.entries)]
        if not computed:
            return Verdict(OPEN, reason="no source gives this measure for this period")
        for derived in computed:
            if self.agrees(mention, scope, derived.value, free=False):
                return Verdict(TIED, self.source(derived.entries[0]), f"{derived.method}")
        first = computed[0]
        near = abs(mention.value) / 10
        if mention.unit == "points" and any(abs(abs(d.value) - abs(mention.value)) <= near for d in computed):
            return Verdict(OPEN, reason="it is near what the sources give, but not it")  # other bases, other rounding
        shown = first.value * 100 if mention.unit in ("fraction", "points") else first.value
        unit = {"fraction": "%", "points": " percentage points"}.get(mention.unit, "")
        return Verdict(
            CONTRADICTED,
            self.source(first.entries[0]),
            f"recomputed from {first.entries[0].document.title}, page {first.entries[0].figure.page}: "
            f"{first.method} = {shown:,.2f}{unit}",
        )

    def agrees(self, mention: NumberMention, scope: Scope, value: Decimal, free: bool) -> bool:
        """Say whether a source's value may be stated as this number, its direction and sign included."""
        if scope.kind in ("growth", "change", "points") and scope.direction:
            if mention.signed:  # "fell (8)%", "decreased -8%"
                return mention.allows(value)
            return mention.allows(value * scope.direction)
        if mention.aside:
            return mention.allows(value, any_sign=True)
        used = any("used" in p.inside or "outflow" in p.inside for p in scope.phrases)
        if (scope.loss or (used and value < 0)) and not mention.signed and not free:
            return mention.allows(-value)
        return mention.allows(value, any_sign=free)

    def allowed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Keep the entries that lie in the cited spans, when the claim cites any."""
        if not self.cited:
            return list(entries)
        return [
            e
            for e in entries
            if any(
                s.document_id == e.document.id
                and s.page == e.figure.page
                and (s.start <= e.figure.start < s.end or e.figure.row_start <= s.start < e.figure.row_end)
                for s in self.cited
            )
        ]

    def source(self, entry: Entry) -> Source:
        """Return the quotation of an entry's row."""
        figure = entry.figure
        span = self.book.span(entry.document, figure.page, figure.row_start, max(figure.row_end, figure.end))
        return source_of(span)


def _other_side(row: str, scope: Scope) -> bool:
    """Say whether the words are the side that a label prints in parentheses: a benefit of "provision (benefit)"."""
    pair = re.search(r"\b(provision|expense|benefit)s?\s*/?\s*\((provision|expense|benefit)s?\)", row, re.IGNORECASE)
    if pair is None:
        return False
    said = {word for phrase in scope.phrases for word in phrase.inside}
    return pair[2].lower()[:6] in {w[:6] for w in said} and pair[1].lower()[:6] not in {w[:6] for w in said}


def _of_losses(entry: Entry) -> bool:
    """Say whether a positive row is itself named by losses ("Provision for credit losses"): the word is no minus."""
    row = entry.figure.row.lower()
    return entry.figure.value > 0 and "loss" in row and "(loss" not in row and "/ (loss" not in row


def source_of(span: Span) -> Source:
    """Return the ledger's source for a quotation."""
    return Source("span", span.id, span.document, span.page, span.page_label, span.start, span.end, span.quote)


def _plain(value: Decimal) -> Decimal:
    """Return the value without a trailing fraction of zeros and without an exponent."""
    return Decimal(f"{value.normalize():f}")


def number_of(mention: NumberMention, verdict: Verdict) -> Number:
    """Return the ledger's record of a mention; a bare number has the unit of the figure that it is tied to."""
    unit = verdict.unit if mention.unit == "number" and verdict.unit and verdict.status is TIED else mention.unit
    return Number(
        mention.text, _plain(mention.value), unit, verdict.status, verdict.source, mention.start, mention.end,
        "" if verdict.status is TIED else verdict.reason,
    )  # fmt: skip
