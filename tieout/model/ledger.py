"""Facts, claims and the ledger that ties their numbers out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tieout.model.documents import Period, Span


@dataclass(frozen=True)
class Fact:
    """A computed number that can be computed again from `sql`, `parameters` and `snapshot`.

    `sql` is one SELECT that returns one value, over the tables `bars` and/or `figures`, with `$name`
    parameters. `snapshot` names each table's version: "bars@3". `display` is how a report prints it.
    """

    id: str
    name: str  # "AAPL total return"
    value: Decimal
    unit: str  # as Figure.unit, also 'multiple', 'days', 'points', 'index'
    display: str
    method: str  # formula and convention, in words
    sql: str
    snapshot: str
    as_of: date
    parameters: Mapping[str, Any] = field(default_factory=dict)
    currency: str | None = None
    scale: int = 1
    period: Period | None = None
    instrument: str | None = None  # ticker
    measure: str = ""  # 'total_return', 'gross_margin', …
    series: tuple[str, ...] = ()  # keys of the series it reads
    figures: tuple[str, ...] = ()  # ids of the figures it reads
    spans: tuple[str, ...] = ()  # spans behind those figures


class NumberStatus(StrEnum):
    """What the ledger found for a number."""

    TIED = "tied"
    OPEN = "open"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True)
class Source:
    """Where a number comes from: a fact (then `sql` and `snapshot`) or a span (then `quote` and page)."""

    kind: str  # fact | span
    id: str
    document: str | None = None
    page: int | None = None
    page_label: str | None = None
    start: int | None = None
    end: int | None = None
    quote: str | None = None
    sql: str | None = None
    snapshot: str | None = None


@dataclass(frozen=True)
class Number:
    """One number of a claim: `start:end` is its place in the claim's text."""

    text: str
    value: Decimal
    unit: str
    status: NumberStatus
    source: Source | None = None
    start: int = 0
    end: int = 0
    reason: str = ""  # why it is open or contradicted, for people


@dataclass(frozen=True)
class Claim:
    """A sentence of a report with what it rests on. In a draft, `text` may hold `{fact:ID}` placeholders."""

    section: str
    text: str
    facts: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    numbers: tuple[Number, ...] = ()
    instrument: str | None = None  # ticker of the company it is about, when the writer knows
    kind: str = "sentence"  # sentence | cell | quote


@dataclass(frozen=True)
class LedgerCounts:
    """How many numbers a report holds and how they stand."""

    numbers: int
    tied: int
    open: int
    contradicted: int


@dataclass(frozen=True)
class Ledger:
    """All claims of a report, their numbers resolved, with the facts and spans they rest on."""

    claims: tuple[Claim, ...]
    facts: tuple[Fact, ...]
    spans: tuple[Span, ...]

    @property
    def counts(self) -> LedgerCounts:
        """Counts over all claims."""
        statuses = [n.status for c in self.claims for n in c.numbers]
        return LedgerCounts(
            len(statuses),
            statuses.count(NumberStatus.TIED),
            statuses.count(NumberStatus.OPEN),
            statuses.count(NumberStatus.CONTRADICTED),
        )


@dataclass(frozen=True)
class Correction:
    """What a person found about a number of a report whose tie was wrong or missing. The report stays as it was.

    `number` is its place in the report, in the ledger's order from 1; `source` the id of a fact or span of the ledger,
    empty when there is none.
    """

    number: int
    status: NumberStatus
    reason: str
    source: str = ""
    by: str = ""
    at: datetime | None = None
