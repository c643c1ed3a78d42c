"""Finds what the documents say in words: a few sentences each, quoted exactly, with their page."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.agents.telling import telling_words
from pipelines.agents.wanted import NUMBER, Wanted, read_wanted
from pipelines.ledger.sentences import split_sentences
from tieout.model import Hit, Page, Principal
from tieout.ports import Library, SearchFilter

_REASONS = re.compile(
    r"\b(?:due (?:primarily |mainly )?to|driven|primarily|because|as a result of|reflect(?:s|ing|ed)?|attributable"
    r"|offset)\b",
    re.I,
)
_CHANGED = re.compile(r"(?:in|de)creas|gr[eo]w|rose|fell|declin|higher|lower|loss", re.I)
_MAYBE = re.compile(r"\b(?:may|could|might|would|if we|no assurance|forward-looking|there can be)\b", re.I)
_LIST = re.compile(
    r"\b\d{1,2}/\d{1,2}/\d{2}\b|incorporated (?:herein )?by reference|^\(\d+\)\s", re.I
)  # exhibits, footnotes
_FITS: Mapping[str, re.Pattern[str]] = {  # what a sentence that answers a form of question holds
    "amount": re.compile(r"\$\s?\d"),
    "count": re.compile(NUMBER),
    "share": re.compile(r"\d\s?%|\bpercent\b"),
    "place": re.compile(r"\b(?:located|based|in|at)\s+(?:\w+\s+){0,2}[A-Z][a-z]+"),
    "time": re.compile(r"\b(?:19|20)\d\d\b"),
    "name": re.compile(r"(?<=\s)[A-Z][a-z]+|\bLLP\b"),
    "reason": _REASONS,
}
_LONGEST = 700  # characters of a quotation
_SHORTEST = 25
_ENOUGH = 0.7  # of the best sentence's score; less is beside the point
_COVERED = 0.6  # of the weight of the question's words that a sentence must hold
_COVERED_IN_FORM = 0.4  # the same for a sentence of the form in which filings say what is asked
_PAGES = 15  # that the search ranks


@dataclass(frozen=True)
class _Unit:
    """A sentence of a page, or a line of what has no sentences."""

    page: Page
    start: int
    end: int
    words: frozenset[str]

    @property
    def text(self) -> str:
        """The words as printed."""
        return self.page.text[self.start : self.end]


def find_passages(
    library: Library,
    principal: Principal,
    query: str,
    *,
    where: SearchFilter,
    limit: int,
    names: Sequence[str] = (),
    longest: int = _LONGEST,
) -> list[Hit]:
    """Return up to `limit` quotations for `query`, best first, each cut down to the sentences that answer it.

    All sentences of the documents of `where` are weighed: by the telling words that they share with the query
    besides `names` (the companies'), by the form in which filings say what is asked, and by how the search ranks
    their pages. None is returned that holds too little of what was asked.
    """
    wanted = read_wanted(query, names)
    words = f"{query} {wanted.subject.query}" if wanted.subject else query
    hits = library.search(principal, words, limit=_PAGES, where=where)
    ranks = {(hit.span.document_id, hit.span.page): rank for rank, hit in reversed(list(enumerate(hits)))}
    documents = where.document_ids or tuple(dict.fromkeys(hit.span.document_id for hit in hits))
    units = [
        unit for document in documents for page in library.pages(principal, document) for unit in _units(page, longest)
    ]
    rarity = _rarity(wanted.words, units)
    scored: list[tuple[float, _Unit]] = []
    for unit in units:
        score = _score(unit, wanted, rarity)
        if score > 0:
            rank = ranks.get((unit.page.document_id, unit.page.number), _PAGES)
            scored.append((score + 0.25 * (1 - rank / _PAGES), unit))
    scored.sort(key=lambda one: one[0], reverse=True)
    chosen: list[Hit] = []
    places: set[tuple[str, int]] = set()
    said: set[frozenset[str]] = set()
    for score, unit in scored:
        place = (unit.page.document_id, unit.page.number)
        if len(chosen) == limit or score < _ENOUGH * scored[0][0]:
            break
        if place in places or unit.words in said:
            continue
        places.add(place)
        said.add(unit.words)
        start, end = _with_following(unit, units, wanted, rarity, longest)
        span = library.span(principal, unit.page.document_id, unit.page.number, start, end)
        chosen.append(Hit(span, round(score, 6), "", "prose"))
    return chosen


def _units(page: Page, longest: int) -> list[_Unit]:
    """Return the sentences of a page; what is longer than a quotation may be is cut at its lines."""
    found = []
    for start, end in _sentences(page.text):
        pieces = [(start, end)] if end - start <= longest else _lines(page.text, start, end)
        for first, last in pieces:
            if last - first >= _SHORTEST:
                found.append(_Unit(page, first, last, frozenset(telling_words(page.text[first:last]))))
    return found


def _lines(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut what has no full stops into runs of three lines, each beginning with the next line."""
    cuts = [start, *(match.end() for match in re.finditer(r"\n", text[start:end]) if match)]
    cuts = [cuts[0], *(start + cut for cut in cuts[1:])]
    runs = []
    for at, first in enumerate(cuts):
        last = cuts[at + 3] - 1 if at + 3 < len(cuts) else end
        if first < last:
            runs.append((first, last))
    return runs


def _rarity(words: frozenset[str], units: Sequence[_Unit]) -> dict[str, float]:
    """Weigh each word by how few sentences hold it: in a filing "company" tells nothing, "Rivian" much."""
    held = Counter(word for unit in units for word in words & unit.words)
    return {word: math.log((2 + len(units)) / (1 + held[word])) for word in words}


def _score(unit: _Unit, wanted: Wanted, rarity: Mapping[str, float]) -> float:
    """Return how well a sentence answers, 0 when it does not hold enough of what was asked."""
    total = sum(rarity.values())
    covered = sum(rarity[word] for word in wanted.words & unit.words) / total if total else 0.0
    said = _said(unit, wanted)
    in_form = bool(said) or _counted(unit.text, wanted)
    if (total or not said) and covered < (_COVERED_IN_FORM if in_form else _COVERED):
        return 0.0
    if wanted.form == "count" and not in_form:
        return 0.0
    score = covered + said + _fit(unit.text, wanted) + _newness(unit.text)
    if _MAYBE.search(unit.text) and not said:
        score -= 0.5
    if _LIST.search(unit.text) and not said:
        score -= 0.8
    score *= _prose(unit.text) if not said else 1.0
    if wanted.years and any(year in unit.text for year in wanted.years):
        score += 0.3
    return score - len(unit.text) / 5000


def _said(unit: _Unit, wanted: Wanted) -> float:
    """Return how surely a sentence has the form in which filings say what is asked."""
    if wanted.subject is None:
        return 0.0
    text = " ".join(unit.text.split())
    for at, form in enumerate(wanted.subject.says):
        if form.search(text):
            cover = 0.6 if wanted.subject.on_cover and unit.page.number <= 3 else 0.0
            return 1.2 - 0.15 * at + cover
    return 0.0


def _fit(text: str, wanted: Wanted) -> float:
    """Return what the kind of answer adds: a count wants a number beside the noun counted, a reason its words."""
    pattern = _FITS.get(wanted.form)
    if pattern is None:
        return 0.0
    if not pattern.search(text) or (wanted.form == "reason" and not _CHANGED.search(text)):
        return -0.7
    if wanted.form == "count" and not wanted.subject:
        return 0.6 if _counted(text, wanted) else 0.0
    return 0.6 if wanted.form == "reason" else 0.3


def _counted(text: str, wanted: Wanted) -> bool:
    """Whether a number stands beside the noun that is counted."""
    if wanted.form != "count" or not wanted.counted:
        return False
    scale = r"(?:\s+(?:million|billion|thousand))?"
    beside = rf"{NUMBER}{scale}(?:[\s-]+[\w-]+){{0,3}}[\s-]+{re.escape(wanted.counted)}"
    return re.search(beside, text, re.I) is not None


def _newness(text: str) -> float:
    """Return a little more for what was said of later years."""
    years = [int(year) for year in re.findall(r"\b20[0-3]\d\b", text)]
    return 0.015 * (max(years, default=2020) - 2020)


def _with_following(
    unit: _Unit, units: Sequence[_Unit], wanted: Wanted, rarity: Mapping[str, float], longest: int
) -> tuple[int, int]:
    """Return the place of a sentence, and of the one after it when that answers, too."""
    start, end = unit.start, unit.end
    at = units.index(unit)
    for following in units[at + 1 : at + 2]:
        near = following.page is unit.page and 0 <= following.start - end <= 3
        if near and following.end - start <= longest and _score(following, wanted, rarity) > 0.5:
            end = following.end
    return start, end


def find_reason(
    library: Library, principal: Principal, label: str, years: Sequence[int], *, where: SearchFilter
) -> Hit | None:
    """Return the sentence with which management explains how a measure changed, or None.

    It must name the measure and the first of `years` and give a reason in words.
    """
    query = f"{label} increased decreased compared to prior year due to driven by {' '.join(map(str, years))}"
    wanted = telling_words(label)
    best: tuple[float, Hit, int, int] | None = None
    for hit in library.search(principal, query, limit=12, where=where):
        text = _page_text(library, principal, hit)
        for start, end in _sentences(text):
            score = _reason_score(text[start:end], wanted, label, years)
            if score and (best is None or score > best[0]):
                best = (score, hit, start, end)
    return _quoted(library, principal, *best[1:]) if best else None


def _reason_score(sentence: str, wanted: set[str], label: str, years: Sequence[int]) -> float:
    if not 40 < len(sentence) < 420 or not _REASONS.search(sentence) or not _CHANGED.search(sentence):
        return 0.0
    shared = wanted & telling_words(sentence)
    if len(shared) < len(wanted) or str(years[0]) not in sentence or not sentence[:1].isupper():
        return 0.0
    leads = sentence.lower().startswith(label.lower())
    return len(shared) + 3.0 * leads - len(sentence) / 1000 + 0.5 * (str(years[-1]) in sentence)


def _prose(text: str) -> float:
    """Return 1 for words, less for rows of numbers."""
    return max(0.0, 1 - 2 * max(0.0, sum(c.isdigit() for c in text) / len(text) - 0.1))


def _sentences(text: str) -> list[tuple[int, int]]:
    return [(_past_heading(text, start, end), end) for start, end in split_sentences(text)]


def _past_heading(text: str, start: int, end: int) -> int:
    """Return where the sentence begins after the headings and bullets that the page's text runs into it."""
    while (line_end := text.find("\n", start, end)) >= 0:
        line = text[start:line_end].strip()
        rest = text[line_end:end].lstrip()
        kept = len(line) > 60 or not rest[:1].isupper() or line.endswith((",", "and", "of", "the", "LLP"))
        if kept or rest.startswith("(Address") or "\n(Address" in rest:
            break
        start = end - len(rest)
    while start < end and text[start] in "•●▪-– ":
        start += 1
    return start


def _page_text(library: Library, principal: Principal, hit: Hit) -> str:
    pages = library.pages(principal, hit.span.document_id)
    return next((page.text for page in pages if page.number == hit.span.page), hit.span.quote)


def _quoted(library: Library, principal: Principal, hit: Hit, start: int, end: int) -> Hit:
    return replace(hit, span=library.span(principal, hit.span.document_id, hit.span.page, start, end))
