"""Gathers everything that a number may tie to: documents, pages, figures, and the companies they are of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from hashlib import sha256
from typing import Any

from pipelines.ledger.concepts import concept
from pipelines.ledger.match_words import content, label_words, tokens
from pipelines.ledger.numbers import COUNT_NOUNS, SCALES
from pipelines.ledger.periods import Calendar
from tieout.model import Document, Fact, Figure, Instrument, Page, Span
from tieout.ports import FactQuery

_LEGAL = re.compile(
    r"[\s,]+(?:inc|incorporated|corp|corporation|co|company|companies|ltd|limited|llc|plc|l\.?p|n\.?v|s\.?a|ag|se|holdings?|group|"
    r"stores|wholesale|\.com)\.?$",
    re.IGNORECASE,
)
_ROW_SCALE = re.compile(r"\((?:in\s+)?(thousands?|millions?|billions?)\b", re.IGNORECASE)
_CHANGE = re.compile(r"\b(?:change|growth|increase|decrease|variance|inc|dec)\b|%\s*chg", re.IGNORECASE)


@dataclass(frozen=True)
class Entry:
    """A figure prepared for matching: the stems of its label, and of all that stands around it."""

    figure: Figure
    document: Document
    digits: frozenset[str]  # numbers in the row's label ("2.300% Senior Notes")
    core: frozenset[str]  # the row's own words, without remarks in parentheses
    row: frozenset[str]  # all words of the row
    dims: frozenset[str]  # the words of its segment, product or region
    path: frozenset[str]  # the headings' words
    known: frozenset[str]  # all words that explain it
    change: bool  # a column of changes
    short: frozenset[str] = frozenset()  # its part's short name: "Europe, Middle East, and Africa (EMEA)"

    def part_said(self, stems: frozenset[str]) -> bool:
        """Say whether words name the part that this figure is of, in full or by its short name."""
        return self.dims <= stems or bool(self.short and self.short <= stems)


@dataclass(frozen=True)
class Entity:
    """A company of the book: its key, the names that texts give it, its documents (newest first)."""

    key: str
    names: tuple[str, ...]
    documents: tuple[Document, ...]


@dataclass
class SourceBook:
    """Documents with their pages and figures, the instruments known, and how to compute from the lake.

    `pages` and `figures` are by document id. `foreign` returns the names of companies in a text, so that a
    number of a company outside the book is not tied to another's.
    """

    documents: Sequence[Document]
    pages: Mapping[str, Sequence[Page]]
    figures: Mapping[str, Sequence[Figure]]
    instruments: Sequence[Instrument] = ()
    compute: Callable[[Sequence[FactQuery]], list[Fact]] | None = None
    mentioned: Callable[[str], list[Instrument]] | None = None
    read: dict[tuple[str, str], Any] = field(default_factory=dict)  # what matching read of a company, kept
    _spans: dict[str, Span] = field(default_factory=dict)

    @cached_property
    def entities(self) -> tuple[Entity, ...]:
        """The companies whose documents are here."""
        groups: dict[str, list[Document]] = defaultdict(list)
        for document in self.documents:
            groups[self._key(document)].append(document)
        known = {i.id: i for i in self.instruments} | {i.ticker: i for i in self.instruments if i.ticker}
        result = []
        for key, group in groups.items():
            names: set[str] = set()
            for document in group:
                instrument = known.get(document.instrument_id or "") or known.get(document.ticker or "")
                names |= {n for n in (document.company, document.ticker) if n} or self._own_names(document)
                if instrument is not None:
                    names |= {instrument.name, *instrument.names} | (
                        {instrument.ticker} if instrument.ticker else set()
                    )
            group.sort(
                key=lambda d: (d.fiscal_year or 0, (d.period_end is not None and d.period_end.toordinal()) or 0),
                reverse=True,
            )
            result.append(Entity(key, tuple(sorted(_aliases(names), key=len, reverse=True)), tuple(group)))
        return tuple(result)

    def _key(self, document: Document) -> str:
        known = document.ticker or document.instrument_id or document.company
        return (known or next(iter(sorted(self._own_names(document))), document.id)).upper()

    def _own_names(self, document: Document) -> set[str]:
        """Return what a document of no known company calls its own: the name that opens it, and its file's."""
        pages = self.pages.get(document.id, ())
        opening = next((line for p in pages[:1] for line in p.text.split("\n") if line.strip(" #|*")), "")
        match = re.match(
            r"[\s#*|]*((?:[A-Z][\w&.’'-]*,?\s+){0,3}?(?:Inc|Corp|Corporation|Co|Company|Ltd|LLC|PLC|plc|AG|SE)\b\.?)",
            opening,
        )
        names = {match[1].strip()} if match else set()
        if not match and (first := re.match(r"[\s#*|]*([A-Z][\w&-]+)", opening)):
            names.add(first[1])
        stem = re.split(r"[\s_.-]", document.name)[0]
        if stem.isalpha() and len(stem) > 2 and any(stem.lower() in p.text.lower() for p in pages[:3]):
            names |= {stem.capitalize(), stem.upper()}
        return names

    @cached_property
    def calendars(self) -> dict[str, Calendar]:
        """The fiscal calendar of each company, from its newest annual report."""
        found: dict[str, Calendar] = {}
        for entity in self.entities:
            annual = [d for d in entity.documents if not d.fiscal_quarter or d.form == "10-K"] or list(entity.documents)
            found[entity.key] = Calendar.of(annual[0], [p.text for p in self.pages.get(annual[0].id, ())])
        return found

    @cached_property
    def entries(self) -> dict[str, list[Entry]]:
        """The figures of each company, prepared for matching."""
        return {
            entity.key: [_entry(f, d) for d in entity.documents for f in self.figures.get(d.id, ())]
            for entity in self.entities
        }

    @cached_property
    def vocabulary(self) -> dict[str, frozenset[str]]:
        """The words of each company's row labels: in a claim, each of them must be accounted for."""
        return {
            key: frozenset(w for e in entries if len(e.core) <= 8 for w in e.core | e.dims | e.path | e.short)
            for key, entries in self.entries.items()
        }

    @cached_property
    def joined_labels(self) -> dict[str, tuple[str, ...]]:
        """Row labels and dimensions that hold a comma or "and", longest first: a sentence is not cut inside."""
        result = {}
        for key, entries in self.entries.items():
            found = set()
            for entry in entries:
                for label in (entry.figure.row, entry.figure.dimension or "", *entry.figure.path):
                    bare = re.sub(r"\s*\([^()]*\)|:$", "", label).strip()
                    if re.search(r",|\band\b|&", bare) and 2 < len(bare.split()) <= 10:
                        found.add(bare.lower())
            result[key] = tuple(sorted(found, key=len, reverse=True))
        return result

    @cached_property
    def repeated(self) -> dict[str, dict[frozenset[str], int]]:
        """How many headings each label without a concept stands under; over one, the heading must be said too."""
        result: dict[str, dict[frozenset[str], int]] = {}
        for key, entries in self.entries.items():
            seen: dict[frozenset[str], set[frozenset[str]]] = defaultdict(set)
            for entry in entries:
                seen[entry.core].add(entry.path)
            result[key] = {core: len(paths) for core, paths in seen.items()}
        return result

    def page(self, document_id: str, number: int) -> Page | None:
        """Return a page of a document of the book."""
        return next((p for p in self.pages.get(document_id, ()) if p.number == number), None)

    def document(self, document_id: str) -> Document | None:
        """Return a document of the book."""
        return next((d for d in self.documents if d.id == document_id), None)

    def span(self, document: Document, number: int, start: int, end: int) -> Span:
        """Return the quotation at a place, with an id that the same place always gets."""
        page = self.page(document.id, number)
        text = page.text if page is not None else ""
        mark = sha256(f"{document.sha256}:{number}:{start}:{end}".encode()).hexdigest()[:24]
        span = Span(
            f"spn_{mark}", document.id, document.title, document.sha256, number, start, end, text[start:end],
            page.label if page is not None else None,
        )  # fmt: skip
        self._spans[span.id] = span
        return span

    def spans_used(self) -> dict[str, Span]:
        """Return every span that was made, by id."""
        return dict(self._spans)


EXPENSE = frozenset({"expens", "cost", "expenditure", "charge"})
_EXPENSES = frozenset(
    {
        "sales_and_marketing",
        "general_and_administrative",
        "r_and_d",
        "sg_and_a",
        "operating_expenses",
        "interest_expense",
    }
)


def _aliases(names: set[str]) -> set[str]:
    found = set()
    for name in names:
        found.add(name.strip())
        short = name.strip()
        for _ in range(3):
            shorter = _LEGAL.sub("", short).strip(" ,")
            if shorter == short or len(shorter) < 3:
                break
            short = shorter
            found.add(short)
    return {name for name in found if len(name) > 1}


def _entry(figure: Figure, document: Document) -> Entry:
    scale = _ROW_SCALE.search(figure.row)
    if scale and figure.scale == 1:  # "Warehouse space (thousand sq ft)"
        factor = SCALES[scale[1].lower()]
        figure = replace(figure, value=figure.value * factor, scale=factor)
    core = label_words(figure.row)
    dims = label_words(figure.dimension or "")
    path = frozenset(w for part in figure.path for w in content(part))
    around = frozenset(t.stem for part in (*figure.path, figure.column, figure.row) for t in tokens(part))
    if around & EXPENSE or figure.concept in _EXPENSES or EXPENSE & content(figure.table):
        around |= EXPENSE  # "fulfillment costs" is the row "Fulfillment" among the operating expenses
    change = bool(_CHANGE.search(figure.column)) or bool(_CHANGE.search(figure.row) and figure.unit == "fraction")
    if figure.unit == "fraction" and any(_CHANGE.search(part) for part in figure.path):
        change = True
    row = frozenset(t.stem for t in tokens(figure.row))
    digits = frozenset(re.findall(r"\d[\d.,]*", re.sub(r"\([^()]*\)", " ", figure.row)))
    found = re.findall(r"\(([A-Z]{2,6})\)", figure.dimension or "")
    short = frozenset(t.stem for part in found for t in tokens(part))
    return Entry(figure, document, digits, core, row, dims, path, core | dims | around | short, change, short)


def unit_fits(stated: str, unit: str) -> bool:
    """Say whether a number's stated unit may be a figure's: a bare number may be money, shares or a count."""
    if stated == unit:
        return True
    if stated == "number":
        return unit not in ("fraction", "points")
    if stated == "count":
        return unit in ("count", "shares", "number")
    if stated == "multiple":
        return unit in ("multiple", "number", "count")
    if len(stated) == 3 and stated.isupper():  # "$6.11" without "per share"
        return unit == f"{stated}/share"
    return stated == "points" and unit == "fraction"


def fits(stated: str, figure: Figure) -> bool:
    """Say whether a number's stated unit may be this figure's.

    A table "in thousands" that prints no currency may be of money: then a count of thousands passes for money
    unless its row names things that are counted.
    """
    if unit_fits(stated, figure.unit):
        return True
    money = len(stated) == 3 and stated.isupper()
    counted = re.search(rf"\b(?:{COUNT_NOUNS}|shares?|stock|number)\b", figure.row, re.IGNORECASE)
    return money and figure.unit == "count" and figure.scale >= 1000 and not counted


_OUTFLOW = re.compile(
    r"payment|paid|purchase|repurchase|used|expense|cost|loss|dividend|acqui|tax|treasury|repayment|capital expend|"
    r"allowance|accumulated|less|deficit|withh|charge|amortiz|redempt|settle|credit|deduct",
    re.IGNORECASE,
)


def outflow(figure: Figure) -> bool:
    """Say whether a figure is printed negative only because money goes out: people speak of it as an amount."""
    if figure.value >= 0 or figure.unit == "fraction":
        return False
    entry = concept(figure.concept) if figure.concept else None
    if entry is not None:
        return entry.outflow or bool(re.search(r"cost|expense|tax", entry.name))
    if re.search(r"/\s?\(|\((?:loss|expense|benefit|income|used)", figure.row, re.IGNORECASE):
        return False  # "Other income/(expense), net": here the sign is the meaning
    return bool(_OUTFLOW.search(figure.row))


def amount(figure: Figure) -> Decimal:
    """Return a figure's value as people speak of it: what was spent is positive."""
    return -figure.value if outflow(figure) else figure.value


ZERO = Decimal(0)
