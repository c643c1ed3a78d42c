"""Documents, their pages, chunks and quotations, the companies they are of, and the figures they print."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from tieout.model.who import Principal


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
    audiences: tuple[str, ...] = ()  # the circles that may read it; none: all of the workspace

    def open_to(self, principal: Principal) -> bool:
        """Return whether all who read what the principal is answered may read this document."""
        return not self.audiences or principal.audience in self.audiences

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
    why: tuple[str, ...] = ()  # what speaks for it, for people


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
