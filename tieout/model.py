"""The vocabulary: frozen records that every layer speaks in (docs/glossary.md defines each word).

Times are timezone-aware UTC. Money and counts are `Decimal` or `int` in base units (dollars, not
millions); a percentage is a fraction (7.79 % = 0.0779). Page numbers count from 1 in the file.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(prefix: str) -> str:
    """Return an identifier that sorts by the time it was made: `run_01jd…` (26 characters after the prefix)."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    text = "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -5, -5))
    return f"{prefix}_{text}"


# ---------------------------------------------------------------- who asks


class Role(StrEnum):
    """What a member may do in a workspace; each includes the one before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"


@dataclass(frozen=True)
class Principal:
    """Who is asking, and in which workspace. Each use case takes one first."""

    id: str
    workspace: str
    role: Role = Role.MEMBER


# ---------------------------------------------------------------- runs


class RunState(StrEnum):
    """Where a run is. The last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    NEEDS_REVIEW = "needs_review"
    NEEDS_ANSWER = "needs_answer"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the run by itself."""
        return self not in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)


class StepState(StrEnum):
    """blocked → ready → running → done; waiting → ready; retry → ready; dead; cancelled."""

    BLOCKED = "blocked"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    RETRY = "retry"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class StepSpec:
    """One node of a plan: `action` is looked up in the agent, `after` names the keys it waits for."""

    key: str
    action: str
    after: tuple[str, ...] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    max_attempts: int = 3
    timeout_s: float = 600.0


@dataclass(frozen=True)
class Plan:
    """The DAG of steps of a run, pinned when the run starts."""

    agent: str
    version: str
    steps: tuple[StepSpec, ...]


@dataclass(frozen=True)
class RunRequest:
    """What a door hands in. `idempotency_key` makes a repeated request the same run."""

    question: str
    agent: str = "research"
    tickers: tuple[str, ...] = ()
    as_of: date | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    door: str = "cli"
    token_budget: int | None = None
    money_budget: Decimal | None = None


@dataclass(frozen=True)
class Usage:
    """What model calls cost. `cost` is in the currency of the configured prices (default USD)."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )


@dataclass(frozen=True)
class Run:
    """One piece of work asked for by a principal."""

    id: str
    workspace: str
    principal: str
    request: RunRequest
    plan: Plan
    state: RunState
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    usage: Usage = Usage()


@dataclass(frozen=True)
class Step:
    """One step of a run as it stands in the state of record."""

    id: str
    run_id: str
    workspace: str
    key: str
    action: str
    input: Mapping[str, Any]
    state: StepState
    pending: int
    attempt: int
    max_attempts: int
    fence: int
    timeout_s: float
    output: Mapping[str, Any] | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. `seq` has no gaps within the run; `kind` is past tense."""

    run_id: str
    seq: int
    kind: str
    at: datetime
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Artifact:
    """A file that a run made, kept in the blob store under its SHA-256."""

    run_id: str
    name: str
    media_type: str
    sha256: str
    size: int


# ---------------------------------------------------------------- documents


@dataclass(frozen=True)
class Period:
    """The time that a number is about.

    `kind` is 'year' (a fiscal year), 'quarter', 'months' (any other duration; `months` says how many)
    or 'instant' (a balance at `end`). `fiscal_year` is the company's own name for the year.
    """

    kind: str
    fiscal_year: int | None = None
    fiscal_quarter: int | None = None
    months: int | None = None
    start: date | None = None
    end: date | None = None
    label: str = ""


@dataclass(frozen=True)
class Instrument:
    """A company or security of the registry. `ticker` is upper case; `names` holds aliases and former names."""

    id: str
    name: str
    ticker: str | None = None
    names: tuple[str, ...] = ()
    cik: str | None = None
    currency: str = "USD"
    fiscal_year_end: str | None = None  # "MM-DD"
    kind: str = "company"  # company | fund | index
    country: str | None = None


@dataclass(frozen=True)
class Document:
    """A file of the library. `document_title` is set when the text gives a better title than the file's name."""

    id: str
    workspace: str
    name: str  # the file's name with its ending, never a path
    sha256: str
    media_type: str
    size: int
    page_count: int
    ingested_at: datetime
    document_title: str | None = None
    instrument_id: str | None = None
    company: str | None = None
    ticker: str | None = None
    form: str | None = None  # 10-K, 10-Q, 8-K, …
    fiscal_year: int | None = None
    fiscal_quarter: int | None = None
    period_end: date | None = None
    filed_on: date | None = None  # when its numbers were known

    @property
    def title(self) -> str:
        """The better title, else the file's name without its ending."""
        return self.document_title or self.name.rsplit(".", 1)[0]


@dataclass(frozen=True)
class Page:
    """One page's text exactly as stored: every offset of a Span counts characters of `text`."""

    document_id: str
    number: int
    text: str
    label: str | None = None


@dataclass(frozen=True)
class Chunk:
    """A piece of a page for retrieval; `text == page.text[start:end]`."""

    id: str
    document_id: str
    page: int
    start: int
    end: int
    text: str
    heading: str = ""
    kind: str = "prose"  # prose | table


@dataclass(frozen=True)
class Span:
    """A quotation: `quote == page.text[start:end]` on page `page` of the document with that hash."""

    id: str
    document_id: str
    document: str  # the document's title, for people
    sha256: str
    page: int
    start: int
    end: int
    quote: str
    page_label: str | None = None


@dataclass(frozen=True)
class Hit:
    """A span that a search found. `score` grows with relevance and compares only within one search."""

    span: Span
    score: float
    heading: str = ""
    kind: str = "prose"


@dataclass(frozen=True)
class Figure:
    """A reported number: one cell of a filing's table, normalised, with the place it stands in.

    `value` is in base units (scale applied, parentheses made a sign); `unit` is a currency code,
    'CUR/share', 'shares', 'fraction' or 'count'. `row` is the row's label, `path` the headings above it
    (outermost first), `column` the column's heading as printed.
    """

    id: str
    document_id: str
    page: int
    start: int  # of the number itself on the page
    end: int
    text: str  # as printed
    value: Decimal
    unit: str
    scale: int  # 1_000_000 for "in millions"
    decimals: int  # printed decimal places, for rounding
    row: str
    path: tuple[str, ...] = ()
    column: str = ""
    table: str = ""  # the table's title or statement name
    period: Period | None = None
    row_start: int = 0  # the whole row on the page, for the quote
    row_end: int = 0
    concept: str | None = None  # canonical measure ('revenue') when the row is that measure
    dimension: str | None = None  # segment, product or region when the row or column is a part of a whole
    known_on: date | None = None


# ---------------------------------------------------------------- market


@dataclass(frozen=True)
class SeriesKey:
    """Names one price series. Series of different keys are never mixed in one computation."""

    ticker: str
    vendor: str
    adjustment: str  # none | splits | splits_dividends

    def __str__(self) -> str:
        return f"{self.ticker}/{self.vendor}/{self.adjustment}"


@dataclass(frozen=True)
class Series:
    """The price contract of a series: what its numbers are and how far they reach."""

    key: SeriesKey
    currency: str
    time_zone: str
    first: date
    last: date
    rows: int
    has_ohlc: bool
    has_volume: bool
    source: str  # the imported file's name


# ---------------------------------------------------------------- facts and ledger


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
class Table:
    """A table of a report; each cell is a claim so that its numbers tie like any other."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Claim, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A chart of a report: series of points drawn from lake rows.

    `sql` over `bars` or `figures` returns columns x, then one numeric column per line or bar group.
    """

    id: str
    title: str
    kind: str  # line | bar
    sql: str
    unit: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A headed part of a report, in reading order: sentences, then tables, then charts."""

    title: str
    claims: tuple[Claim, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Draft:
    """What a writer makes: the answer in a few sentences, sections, and what could not be answered."""

    title: str
    answer: tuple[Claim, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()  # conventions used, what was not found
    writer: str = "extractive"


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
class Report:
    """A finished draft: its `draft` has no placeholders left and each claim carries its numbers."""

    run_id: str
    question: str
    as_of: date
    draft: Draft
    ledger: Ledger
    figures: tuple[Figure, ...] = ()  # rows behind the computed facts
    usage: Usage = Usage()


# ---------------------------------------------------------------- models


@dataclass(frozen=True)
class ModelMessage:
    """One message to a model. Text from outside is put in `user` messages, marked as data."""

    role: str  # system | user | assistant
    content: str


@dataclass(frozen=True)
class ModelAnswer:
    """What a model said, and what it cost."""

    text: str
    usage: Usage
    model: str
    finish_reason: str = "stop"
