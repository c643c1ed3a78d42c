"""What the gathering steps found, in the shape that a report is composed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tieout.model import Chart, Fact, Figure, Hit, Instrument, Period, Span


@dataclass(frozen=True)
class Line:
    """One measure of one company, in one period and the period before.

    A level is a reported figure (`now`, `before`, `change` = its growth); a ratio is a computed fact
    (`now_fact`, `before_fact`, `change` = the difference in points). Facts are named by id.
    """

    ticker: str
    measure: str
    label: str
    period: Period
    now: Figure | None = None
    before: Figure | None = None
    now_fact: str | None = None
    before_fact: str | None = None
    change: str | None = None
    outflow: bool = False  # printed negative in the source, worded as an amount spent
    before_period: Period | None = None
    level_fact: str | None = None  # the reported figure itself as a fact, where companies or parts are compared
    share: str | None = None  # a part's share of the whole
    group: str = ""  # parts of one group add up; parts of different groups do not

    @property
    def is_level(self) -> bool:
        """Whether the line is a reported figure."""
        return self.now is not None


@dataclass(frozen=True)
class Part:
    """The lines of one topic, over all companies."""

    key: str
    title: str
    lines: tuple[Line, ...] = ()
    quotes: tuple[Hit, ...] = ()  # what management says about it


@dataclass(frozen=True)
class Fundamental:
    """What the filings gave."""

    parts: tuple[Part, ...] = ()
    figures: tuple[Figure, ...] = ()
    spans: tuple[Span, ...] = ()
    figure_spans: tuple[tuple[str, str], ...] = ()  # figure id → span id
    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class PriceLine:
    """One price measure of one security; `against` names the benchmark."""

    ticker: str
    measure: str
    fact: str
    against: str | None = None


@dataclass(frozen=True)
class Prices:
    """What the lake gave."""

    lines: tuple[PriceLine, ...] = ()
    facts: tuple[Fact, ...] = ()
    charts: tuple[Chart, ...] = ()
    start: date | None = None
    end: date | None = None
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Passages:
    """What the documents say in words."""

    hits: tuple[Hit, ...] = ()
    missing: tuple[str, ...] = ()
    leads: bool = False  # the question is answered by the quotations, figures only stand beside them


@dataclass(frozen=True)
class Scope:
    """Whom and when the run is about, as the resolve step settled it."""

    instruments: tuple[Instrument, ...]
    document_ids: tuple[str, ...]
    fiscal_years: tuple[tuple[str, int], ...]  # ticker → the year in question
    as_of: date
    notes: tuple[str, ...] = ()
    declined: str = ""  # why the question is no research; then nothing is gathered

    def fiscal_year(self, ticker: str) -> int | None:
        """Return the fiscal year in question for a company."""
        return dict(self.fiscal_years).get(ticker)
