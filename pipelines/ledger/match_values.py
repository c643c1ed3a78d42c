"""Finds a number's row by its value where a label alone is not sure: the words must leave one row, and only that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from pipelines.ledger.match_book import Entry, SourceBook
from pipelines.ledger.match_figures import Measures, same_time
from pipelines.ledger.match_names import concepts_of, named_spans
from pipelines.ledger.match_sentence import Phrase, Scope, Sentence
from pipelines.ledger.match_words import STOP, content, is_neutral, is_qualifier, tokens
from pipelines.ledger.tables import statement_of
from tieout.model import Period

CAPTION = 500  # characters above a row in which its table is introduced
_LOOSE = frozenset({"total", "consolidat", "net", "company", "worldwid", "aggregat", "balanc"})
_ORDINARY = frozenset({"expens", "cost", "segment", "business", "divis", "region", "categori", "operation"})


class Rows:
    """The rows that a phrase may name, judged by every word around them: label, part, headings and caption."""

    def __init__(self, book: SourceBook, measures: Measures) -> None:
        self.book, self.measures = book, measures
        self._captions: dict[tuple[str, int, int], tuple[frozenset[str], frozenset[str]]] = {}
        self.parts = frozenset(w for e in measures.entries for w in e.dims | e.short if not is_qualifier(w))

    def alone(
        self, phrase: Phrase, period: Period, keep: Callable[[Entry], bool], agrees: Callable[[Entry], bool]
    ) -> Entry | None:
        """Return the row of a period whose value agrees, when no row that the phrase names as well has another."""
        if not phrase.words and not phrase.concepts:
            return None
        ranked: list[tuple[int, Entry]] = []
        for entry in self.measures.entries:
            if keep(entry) and same_time(period, entry.figure.period, self.measures.calendar):
                rank = self._rank(phrase, entry)
                if rank is not None:
                    ranked.append((rank, entry))
        best = max((rank for rank, _ in ranked), default=0)
        mine = [entry for rank, entry in ranked if rank == best]
        return mine[0] if mine and all(agrees(entry) for entry in mine) else None

    def _rank(self, phrase: Phrase, entry: Entry) -> int | None:
        figure, stems = entry.figure, phrase.inside
        needed = (entry.core & content(figure.row)) - _LOOSE
        if not needed or not needed <= stems or not entry.digits <= stems or not entry.part_said(stems):
            return None
        stated = statement_of(figure.table) is not None and " by " not in figure.table
        if stated and figure.concept is None and phrase.concepts:
            return None  # a statement's rows are found by their names
        known = entry.known | _ORDINARY
        own = known | _words(figure.table)
        words, measures = self._caption(entry)
        if figure.concept is None and measures <= {c for name in phrase.concepts for c in concepts_of(name)}:
            known |= words  # a table that is said to be of one measure
        for concept in phrase.concepts:
            if figure.concept != concept and not phrase.concept_words(concept) <= known:
                return None
        for token in phrase.words:
            if token.stem not in own and not _light(token.stem, token.capital, token.start in phrase.heads, self):
                return None
        return 4 * len(entry.core & stems) + 2 * len(entry.dims) + len((entry.path | entry.known) & stems)

    def _caption(self, entry: Entry) -> tuple[frozenset[str], frozenset[str]]:
        """Return the words that introduce a row's table on its page, and the measures that they name."""
        figure = entry.figure
        key = (entry.document.id, figure.page, figure.row_start)
        if key not in self._captions:
            page = self.book.page(entry.document.id, figure.page)
            text = page.text[max(0, figure.row_start - CAPTION) : figure.row_start] if page is not None else ""
            text = figure.table if named_spans(figure.table) else f"{text} {figure.table}"
            named = (concepts_of(name) for _, _, name in named_spans(text))
            self._captions[key] = (_words(text), frozenset(name for names in named for name in names))
        return self._captions[key]

    def subject(self, sentence: Sentence, start: int, end: int) -> Phrase:
        """Return the words that name a part of the company ("AWS") between two offsets, the last such group."""
        group: list[int] = []
        for index, token in enumerate(sentence.words):
            if not start <= token.start < end or token.stem not in self.parts:
                continue
            if group and sentence.words[group[-1]].end + 6 < token.start:
                group = []
            group.append(index)
        if not group:
            return Phrase(frozenset(), (), frozenset())
        words = tuple(sentence.words[index] for index in group)
        return Phrase(frozenset(), words, frozenset(t.stem for t in words))


def readings(scope: Scope, earlier: Sequence[Scope], subject: Phrase) -> Iterator[Phrase]:
    """Return the phrases that a number may be of: its own words, with what the sentence spoke of before."""
    for phrase in scope.phrases[:1]:
        if subject.words and not subject.inside <= phrase.inside:
            yield subject | phrase
            continue
        yield phrase
        if not phrase.concepts:
            for before in reversed(earlier):
                if before.phrases and before.phrases[0].concepts:
                    lead = before.phrases[0]
                    yield phrase | Phrase(lead.concepts, (), lead.inside, spelled=lead.spelled)
                    break


def _light(stem: str, capital: bool, head: bool, rows: Rows) -> bool:
    """Say whether a word may be left over: it narrows nothing and is of no label."""
    return not (capital or head or is_qualifier(stem) or stem in rows.measures.vocabulary)


@lru_cache(maxsize=65536)
def _words(text: str) -> frozenset[str]:
    return frozenset(t.stem for t in tokens(text) if t.word.lower() not in STOP and not is_neutral(t))
