"""Finds what the documents say in words: a few sentences each, quoted exactly, with their page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.ledger.sentences import split_sentences
from tieout.model import Hit, Principal
from tieout.ports import Library, SearchFilter

_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_STOP = frozenset(
    """the and for are was were has have had how what which who why when does did with from that this than then their
    they its our into about over under between since company companies fiscal year years much many tell describe
    explain say says name named main see also any all been being can could would should will more most other such
    these those due""".split()
)
_REASONS = re.compile(
    r"\b(?:due (?:primarily |mainly )?to|driven|primarily|because|as a result of|reflect(?:s|ing|ed)?|attributable"
    r"|offset)\b",
    re.I,
)
_CHANGED = re.compile(r"(?:in|de)creas|gr[eo]w|rose|fell|declin", re.I)
_COUNTING = re.compile(r"\b(?:how (?:many|much|large|big)|number of|costs?)\b", re.I)
_A_NUMBER = re.compile(r"\b(?!(?:19|20)\d\d\b)\d[\d,.]*\d\b")
_LONGEST = 700  # characters of a quotation
_SHORTEST = 25
_ENOUGH = 0.6  # of the most telling page's weight; less is beside the point


@dataclass(frozen=True)
class _Cut:
    """Sentences of one page that speak of the query, and how much they tell."""

    hit: Hit
    start: int
    end: int
    weight: float


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

    The search chooses the pages, each quoted once; a sentence must share telling words with the query besides
    `names` (the companies').
    """
    hits = library.search(principal, query, limit=limit * 5, where=where)
    pages = {(hit.span.document_id, hit.span.page): hit for hit in reversed(hits)}
    texts = {place: _page_text(library, principal, hit) for place, hit in pages.items()}
    weights = _weights(telling_words(query) - telling_words(" ".join(names)), list(texts.values()))
    counting = _COUNTING.search(query) is not None
    cuts = [
        cut
        for place, hit in pages.items()
        if (cut := _best_cut(hit, texts[place], weights, longest, counting=counting)) is not None
    ]
    enough = _ENOUGH * max((cut.weight for cut in cuts), default=0.0)
    cuts = sorted(
        (cut for cut in cuts if cut.weight >= enough), key=lambda cut: cut.weight * cut.hit.score, reverse=True
    )
    return [_quoted(library, principal, cut.hit, cut.start, cut.end) for cut in cuts[:limit]]


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


def _weights(words: set[str], texts: Sequence[str]) -> dict[str, float]:
    """Weigh each word by how few of the pages hold it: among risks "risk" tells nothing, "competition" much."""
    said = [telling_words(text) for text in texts]
    return {word: math.log((1 + len(said)) / (1 + sum(word in one for one in said))) + 0.05 for word in words}


def _weight(text: str, weights: Mapping[str, float]) -> float:
    words = telling_words(text)
    return sum(weight for word, weight in weights.items() if word in words)


def _best_cut(hit: Hit, text: str, weights: Mapping[str, float], longest: int, *, counting: bool) -> _Cut | None:
    """Return the most telling run of sentences of a page; prose before rows of numbers, a number where one counts."""
    best: _Cut | None = None
    sentences = [(start, end) for start, end in _sentences(text) if _SHORTEST <= end - start <= 2 * longest]
    scores = [
        _weight(text[start:end], weights) * _prose(text[start:end]) * _counts(text[start:end], counting)
        for start, end in sentences
    ]
    for at, (start, end) in enumerate(sentences):
        total, last = scores[at], end
        for following in range(at + 1, len(sentences)):
            if scores[following] == 0 or sentences[following][1] - start > longest:
                break
            total, last = total + scores[following] / 2, sentences[following][1]
        if scores[at] and (best is None or total > best.weight):
            best = _Cut(hit, start, last, total)
    return best


def _counts(sentence: str, counting: bool) -> float:
    """Return the weight of a sentence for a question that counts: one without a number is beside the point."""
    if not counting:
        return 1.0
    return 2.0 if _A_NUMBER.search(sentence) else 0.3


def _prose(text: str) -> float:
    """Return 1 for words, less for rows of numbers."""
    return max(0.0, 1 - 4 * sum(c.isdigit() for c in text) / len(text))


def _sentences(text: str) -> list[tuple[int, int]]:
    return [(_past_heading(text, start, end), end) for start, end in split_sentences(text)]


def _past_heading(text: str, start: int, end: int) -> int:
    """Return where the sentence begins after the headings and bullets that the page's text runs into it."""
    while (line_end := text.find("\n", start, end)) >= 0:
        line = text[start:line_end].strip()
        rest = text[line_end:end].lstrip()
        if len(line) > 60 or not rest[:1].isupper() or line.endswith((",", "and", "of", "the")):
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


def telling_words(text: str) -> set[str]:
    """Return the words of a text that carry its meaning, cut to their beginnings."""
    return {_stem(word) for word in _WORD.findall(text.lower().replace("’", "'")) if word not in _STOP}


def _stem(word: str) -> str:
    """Cut a word to its first six letters: "compete" and "competition" are one, "fee" and "fees", too."""
    return word.removesuffix("'s").removesuffix("s")[:6]
