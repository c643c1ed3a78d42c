"""Decides whether a reported figure is what a phrase speaks of: same measure, same part, same period."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from pipelines.ledger.match_book import EXPENSE, Entity, Entry, SourceBook
from pipelines.ledger.match_names import concepts_of
from pipelines.ledger.match_scope import Phrase, Scope
from pipelines.ledger.match_words import is_qualifier, label_words
from pipelines.ledger.periods import Calendar, same_period
from pipelines.ledger.tables import statement_of
from tieout.model import Figure, Period

_LOOSE = frozenset({"total", "consolidat", "net", "company", "worldwid", "aggregat"})  # may be missing from a phrase
_RATE = frozenset({"percentag", "percentage", "percent"})  # the unit says it
_PERCENTAGE_OF = re.compile(r"^\s*(?:as an?\s+)?(?:percent|percentage|%)\s+(?:of|change)\b", re.IGNORECASE)
_PLAIN = frozenset({"total", "other", "net", "gros", "gross", "product", "amount", "all"})  # never enough by themselves


def same_time(claimed: Period | None, figure: Period | None, calendar: Calendar) -> bool:
    """Say whether a figure is of the time that a text names.

    "In 2022" covers the fiscal year and the balance at its end; a date covers the balance of that day and
    the year that ends then; a quarter covers the balance at its end.
    """
    if claimed is None or figure is None:
        return False
    if same_period(claimed, figure):
        return True
    if figure.kind == "instant":
        if claimed.kind == "instant" or (claimed.end is not None and figure.end is not None and claimed.kind != "year"):
            return claimed.end is not None and claimed.end == figure.end
        if claimed.kind == "year" and figure.fiscal_year == claimed.fiscal_year:
            end = calendar.end_of(claimed.fiscal_year) if claimed.fiscal_year else None
            if end is not None and figure.end is not None:
                return abs(figure.end - end) <= timedelta(days=8)
            return figure.fiscal_quarter in (None, 4)
        if claimed.kind == "quarter":
            return (claimed.fiscal_year, claimed.fiscal_quarter) == (figure.fiscal_year, figure.fiscal_quarter)
        return False
    if claimed.kind == "instant":
        return claimed.end is not None and claimed.end == figure.end and figure.kind == "year"
    if claimed.kind == figure.kind == "months" and claimed.end is None:  # "the first nine months of 2023"
        return claimed.months == figure.months and claimed.fiscal_year == figure.fiscal_year is not None
    if claimed.kind == figure.kind in ("year", "quarter"):
        return claimed.fiscal_year is not None and (
            (claimed.fiscal_year, claimed.fiscal_quarter if claimed.kind == "quarter" else None)
            == (figure.fiscal_year, figure.fiscal_quarter if figure.kind == "quarter" else None)
        )
    return False


def shifted(period: Period, years: int) -> Period:
    """Return the same stretch of time some years earlier, known by its fiscal year only."""
    if period.fiscal_year is None or years == 0:
        return period
    return replace(period, fiscal_year=period.fiscal_year - years, start=None, end=None, label="")


def _single_word(entry: Entry) -> bool:
    """Say whether a row's one word does not tell what its number is of."""
    return entry.figure.concept is None and entry.figure.unit == "count" and len(entry.core) < 2


class Measures:
    """Finds the figures of one company that a phrase names."""

    def __init__(self, book: SourceBook, entity: Entity) -> None:
        self.book, self.entity = book, entity
        self.entries = book.entries[entity.key]
        self.vocabulary = book.vocabulary[entity.key]
        self.repeated = book.repeated[entity.key]
        self.calendar = book.calendars[entity.key]
        self._own = frozenset(w for name in entity.names for w in label_words(name))
        self._concepts = {e.figure.concept for e in self.entries if e.figure.concept and not e.figure.dimension}
        self._cache: dict[Phrase, list[tuple[int, Entry]]] = {}

    def named_by(self, phrase: Phrase, period: Period | None, keep: Callable[[Entry], bool]) -> list[Entry]:
        """Return the entries of a period that the phrase names best, of those to keep; empty when none surely."""
        if phrase not in self._cache:
            self._cache[phrase] = [
                (rank, entry) for entry in self.entries if (rank := self._rank(phrase, entry)) is not None
            ]
        ranked = [
            (rank, entry)
            for rank, entry in self._cache[phrase]
            if keep(entry) and same_time(period, entry.figure.period, self.calendar)
        ]
        best = max((rank for rank, _ in ranked), default=0)
        return [entry for rank, entry in ranked if rank == best]

    def all_named_by(self, phrase: Phrase, period: Period | None, keep: Callable[[Entry], bool]) -> list[Entry]:
        """Return every entry of a period that the phrase may name, not only the best."""
        self.named_by(phrase, period, keep)
        return [
            entry
            for _, entry in self._cache[phrase]
            if keep(entry) and same_time(period, entry.figure.period, self.calendar)
        ]

    def any_time(self, phrase: Phrase) -> list[Entry]:
        """Return every entry that the phrase may name, of whatever period."""
        self.named_by(phrase, None, lambda _: False)
        return [entry for _, entry in self._cache[phrase]]

    def certain(self, phrase: Phrase, entries: Sequence[Entry]) -> bool:
        """Say whether the phrase can mean no row but these: every word is of their names, and they agree."""
        newest = max((entry.document.fiscal_year or 0 for entry in entries), default=0)
        values = {abs(e.figure.value) for e in entries if (e.document.fiscal_year or 0) == newest}
        entry = entries[0]
        meant = [
            c for c in phrase.concepts
            if entry.figure.concept in self._meant(c) or phrase.concept_words(c) - _LOOSE <= entry.core
        ]  # fmt: skip
        if phrase.concepts and not meant:
            return False
        if not phrase.concepts and _single_word(entry):
            return False  # "International": of what, the row does not say
        return len(values) == 1 and all(token.stem in entry.known | entry.core | entry.dims for token in phrase.words)

    def _rank(self, phrase: Phrase, entry: Entry) -> int | None:
        """Return how closely the entry's label is the phrase's (higher is closer), None when it is another's."""
        figure = entry.figure
        if phrase.empty:
            return None
        by_concept = next((c for c in phrase.concepts if figure.concept in self._meant(c)), None)
        stems = phrase.inside
        if by_concept is None:
            needed = entry.core - (_LOOSE | _RATE if figure.unit == "fraction" else _LOOSE)
            if not needed or not needed <= stems or not entry.digits <= stems or not self._heading_said(phrase, entry):
                return None
            if _PERCENTAGE_OF.match(figure.row):
                return None  # the row says of what, not what: see the shares
            if needed <= _PLAIN and not (entry.path - _LOOSE and entry.path - _LOOSE <= stems):
                return None
        if entry.dims and not (entry.part_said(stems) or (entry.dims - self._own and entry.dims - self._own <= stems)):
            return None
        for concept in phrase.concepts:
            if concept != by_concept and not self._explains(concept, phrase, entry):
                return None
        for token in phrase.words:
            if token.stem in entry.known:
                continue
            if (
                token.stem in self.vocabulary
                or is_qualifier(token.stem)
                or token.capital
                or token.start in phrase.heads
            ):
                return None
        # closest: concept named, every word of the row said, fewest words left over
        if by_concept is not None:
            return 20 + 4 * len(entry.dims)
        primary = statement_of(figure.table) is not None
        return 8 * len(entry.dims) + 2 * len((entry.core | entry.path) & stems) + 3 * primary

    def _meant(self, name: str) -> tuple[str, ...]:
        """Return the concepts a name stands for with this company: "net sales" is its revenue if it prints no other."""
        for candidate in concepts_of(name):
            if candidate in self._concepts:
                return (candidate,)
        return (name,)

    def _heading_said(self, phrase: Phrase, entry: Entry) -> bool:
        """Say whether a label that stands under several headings is told apart by the phrase."""
        if self.repeated.get(entry.core, 0) <= 1:
            return True
        heading = entry.path - _LOOSE
        if heading and statement_of(entry.figure.table) == "income":
            return True  # unless another table is named, an expense is the statement's
        if heading <= EXPENSE | {"operat"} and phrase.inside & EXPENSE:
            return True  # "fulfillment costs" are under "Operating expenses"
        return not entry.path or (bool(entry.path - entry.core) and heading <= (phrase.inside | entry.core))

    def _explains(self, concept: str, phrase: Phrase, entry: Entry) -> bool:
        """Say whether the words of another concept in the phrase are words of the entry's own label."""
        return phrase.concept_words(concept) <= entry.known


def at_period(entries: Iterable[Entry], scope_period: Period | None, calendar: Calendar) -> list[Entry]:
    """Return the entries of a period."""
    return [entry for entry in entries if same_time(scope_period, entry.figure.period, calendar)]


def preferred(entries: Sequence[Entry], period: Period | None) -> list[Entry]:
    """Order entries: the report of that very period first, then newer ones, then by place."""

    def order(entry: Entry) -> tuple[bool, int, int, int]:
        document = entry.document
        own = period is not None and document.fiscal_year == period.fiscal_year and not document.fiscal_quarter
        return (not own, -(document.fiscal_year or 0), entry.figure.page, entry.figure.start)

    return sorted(entries, key=order)


def period_of(figure: Figure) -> str:
    """Return the words for a figure's period in a reason."""
    period = figure.period
    if period is None:
        return ""
    if period.kind == "year" and period.fiscal_year:
        return f"fiscal {period.fiscal_year}"
    if period.kind == "quarter" and period.fiscal_year and period.fiscal_quarter:
        return f"Q{period.fiscal_quarter} {period.fiscal_year}"
    return f"at {period.end}" if period.end else period.label


def default_period(entity: Entity) -> Period | None:
    """Return the period of the newest annual report, else of the newest quarterly one."""
    for document in entity.documents:
        if document.fiscal_year and (document.form == "10-K" or not document.fiscal_quarter):
            return Period("year", document.fiscal_year, end=document.period_end, months=12)
    for document in entity.documents:
        if document.fiscal_year and document.fiscal_quarter:
            return Period("quarter", document.fiscal_year, document.fiscal_quarter, 3, None, document.period_end)
    return None


__all__ = ["Measures", "Scope", "at_period", "default_period", "period_of", "preferred", "same_time", "shifted"]
