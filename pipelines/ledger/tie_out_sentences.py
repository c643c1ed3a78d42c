"""Reads the sentences of drafts and documents alike: what numbers, measures, periods and companies they hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pipelines.ledger.draft_scales import scale_of, scaled
from pipelines.ledger.match_book import Entity, SourceBook
from pipelines.ledger.match_entities import Companies
from pipelines.ledger.match_names import named_spans
from pipelines.ledger.match_periods import spans_of_report
from pipelines.ledger.match_scope import Scope, Sentence, read_scopes
from pipelines.ledger.numbers import find_numbers
from pipelines.ledger.periods import periods_in, yearless_periods
from tieout.model import Period

_ASIDES = re.compile(  # they lead nowhere, and their commas cut a subject from its verb
    r",\s*(?:on the other hand|by contrast|in contrast|meanwhile|however|in turn|for its part|though|too|of course|"
    r"for example|for instance|in fact|in total|in all|at the same time|once again|as expected)\s*,",
    re.IGNORECASE,
)


class Reader:
    """Reads sentences as ones about a company of the book."""

    def __init__(self, book: SourceBook, companies: Companies) -> None:
        self.book, self.companies = book, companies

    def parse(self, text: str, entity: Entity, year: int | None = None) -> tuple[Sentence, list[Scope]]:
        """Read a sentence as one about `entity`; `year` is the fiscal year of a quarter that names none."""
        flat = _ASIDES.sub(lambda match: " " * len(match[0]), text.replace("\n", " "))
        mentions = find_numbers(flat)
        scale = scale_of(flat)
        if scale > 1:
            mentions = [scaled(m, scale) for m in mentions]
        sentence = Sentence(
            flat, mentions, named_spans(flat), self._times(flat, entity, year), self.companies.hidden(flat),
            self._joined(flat, entity),
        )  # fmt: skip
        return sentence, read_scopes(sentence)

    def words(self, text: str, entity: Entity) -> Sentence:
        """Read the words around a table's cell, which hold no number."""
        times = periods_in(text, self.book.calendars[entity.key])
        return Sentence(text, [], named_spans(text), times, self.companies.hidden(text), self._joined(text, entity))

    def _times(self, text: str, entity: Entity, year: int | None) -> list[tuple[int, int, Period]]:
        """Return the periods of a sentence, those of quarters without a year among them."""
        found = periods_in(text, self.book.calendars[entity.key])
        found += [item for item in spans_of_report(text, entity) if not _overlaps(item, found)]
        found.sort(key=lambda item: item[0])
        if year is None:
            return found
        for start, end, period in yearless_periods(text, year):
            if any(s < end and start < e and p.kind != "year" for s, e, p in found):
                continue
            inside = [(s, e, p) for s, e, p in found if p.kind == "year" and (start <= s < end or _of(text[end:s]))]
            if inside:
                period = replace(period, fiscal_year=inside[0][2].fiscal_year)
                end = max(end, inside[0][1])
                found.remove(inside[0])
            found.append((start, end, period))
        return sorted(found, key=lambda item: item[0])

    def _joined(self, text: str, entity: Entity) -> list[tuple[int, int]]:
        low = text.lower()
        found = []
        for label in self.book.joined_labels[entity.key]:
            at = low.find(label)
            while at >= 0:
                found.append((at, at + len(label)))
                at = low.find(label, at + 1)
        return found


def _overlaps(item: tuple[int, int, Period], found: Sequence[tuple[int, int, Period]]) -> bool:
    return any(start < item[1] and item[0] < end for start, end, _ in found)


def _of(gap: str) -> bool:
    """Say whether a year that follows a quarter after these words is the quarter's."""
    return bool(re.fullmatch(r"\s*(?:of|in|for)?\s*(?:the\s+)?", gap, re.IGNORECASE))
