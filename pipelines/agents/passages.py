"""Finds what the documents say in words: a few sentences each, quoted exactly, with their page."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipelines.ledger.sentences import split_sentences
from tieout.model import Hit, Principal
from tieout.ports import Library, SearchFilter

_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_STOP = frozenset(
    [
        "the",
        "and",
        "for",
        "are",
        "was",
        "were",
        "has",
        "have",
        "had",
        "how",
        "what",
        "which",
        "who",
        "why",
        "when",
        "does",
        "did",
        "with",
        "from",
        "that",
        "this",
        "than",
        "then",
        "their",
        "they",
        "its",
        "our",
        "into",
        "about",
        "over",
        "under",
        "between",
        "since",
        "company",
        "companies",
        "fiscal",
        "year",
        "years",
        "much",
        "many",
        "tell",
        "describe",
        "explain",
        "say",
        "says",
        "name",
        "named",
        "main",
        "see",
        "also",
        "any",
        "all",
        "been",
        "being",
        "can",
        "could",
        "would",
        "should",
        "will",
        "more",
        "most",
        "other",
        "such",
        "these",
        "those",
        "due",
        "to",
    ]
)
_REASONS = re.compile(
    r"\b(?:due (?:primarily |mainly )?to|driven|primarily|because|as a result of|reflect(?:s|ing|ed)?|attributable"
    r"|offset)\b",
    re.I,
)
_LONGEST = 700
_ENOUGH = 0.6  # of the most telling sentence's weight; less is beside the point


def find_passages(
    library: Library,
    principal: Principal,
    query: str,
    *,
    where: SearchFilter,
    limit: int,
    names: Sequence[str] = (),
    tables: bool = False,
) -> list[Hit]:
    """Return up to `limit` quotations for `query`, best first, each cut down to the sentences that answer it.

    A passage must share telling words with the query besides `names` (the companies'); a page is quoted once.
    """
    hits = library.search(principal, query, limit=limit * 5, where=where)
    weights = _weights(telling_words(query) - telling_words(" ".join(names)), hits)
    telling = [_best_sentence(hit.span.quote, weights) for hit in hits]
    enough = _ENOUGH * max(telling, default=0.0)
    hits = [hit for hit, weight in zip(hits, telling, strict=True) if weight and weight >= enough]
    found: list[Hit] = []
    pages: set[tuple[str, int]] = set()
    for hit in hits:
        place = (hit.span.document_id, hit.span.page)
        if place in pages or (hit.kind == "table" and not tables):
            continue
        cut = _cut(library, principal, hit, weights)
        if cut is not None:
            pages.add(place)
            found.append(cut)
    return found[:limit]


def _weights(words: set[str], hits: Sequence[Hit]) -> dict[str, float]:
    """Weigh each word by how few of the hits hold it: in a list of risks "risk" tells nothing, "competition" much."""
    said = [telling_words(hit.span.quote) for hit in hits]
    return {word: math.log((1 + len(said)) / (1 + sum(word in one for one in said))) + 0.05 for word in words}


def _best_sentence(text: str, weights: Mapping[str, float]) -> float:
    return max((_weight(text[start:end], weights) for start, end in split_sentences(text)), default=0.0)


def _weight(text: str, weights: Mapping[str, float]) -> float:
    words = telling_words(text)
    return sum(weight for word, weight in weights.items() if word in words)


def find_reason(
    library: Library, principal: Principal, label: str, years: Sequence[int], *, where: SearchFilter
) -> Hit | None:
    """Return the sentence with which management explains how a measure changed, or None.

    It must name the measure and the year and give a reason in words.
    """
    query = f"{label} increased decreased compared to prior year due to driven by {' '.join(map(str, years))}"
    wanted = telling_words(label)
    best: tuple[float, Hit] | None = None
    for hit in library.search(principal, query, limit=12, where=where):
        text = hit.span.quote
        for begin, end in split_sentences(text):
            start = _past_heading(text, begin, end)
            sentence = text[start:end]
            score = _reason_score(sentence, wanted, label, years)
            if score and (best is None or score > best[0]):
                best = (score, _narrow(library, principal, hit, start, end))
    return best[1] if best else None


def _past_heading(text: str, start: int, end: int) -> int:
    """Return where the sentence begins after headings that the page's text runs into it."""
    while (line_end := text.find("\n", start, end)) >= 0:
        line = text[start:line_end].strip()
        rest = text[line_end:end].lstrip()
        if len(line) > 60 or not rest[:1].isupper() or line.endswith((",", "and", "of", "the")):
            break
        start = end - len(text[line_end:end].lstrip())
    return start


def _reason_score(sentence: str, wanted: set[str], label: str, years: Sequence[int]) -> float:
    if (
        not 40 < len(sentence) < 420
        or not _REASONS.search(sentence)
        or not re.search(r"(?:in|de)creas|gr[eo]w|rose|fell|declin", sentence, re.I)
    ):
        return 0.0
    shared = wanted & telling_words(sentence)
    if len(shared) < len(wanted) or str(years[0]) not in sentence or not sentence[:1].isupper():
        return 0.0
    leads = sentence.lower().lstrip("• ").startswith(label.lower())
    return len(shared) + 3.0 * leads - len(sentence) / 1000 + 0.5 * (str(years[-1]) in sentence)


def _cut(library: Library, principal: Principal, hit: Hit, weights: Mapping[str, float]) -> Hit | None:
    text = hit.span.quote
    if hit.kind == "table":
        return hit if _weight(text, weights) else None
    sentences = [(_past_heading(text, start, end), end) for start, end in split_sentences(text)]
    scores = [_weight(text[start:end], weights) for start, end in sentences]
    if not scores or max(scores) == 0:
        return None
    best = scores.index(max(scores))
    start, end = sentences[best]
    last = best
    while last + 1 < len(sentences) and sentences[last + 1][1] - start <= _LONGEST and scores[last + 1] > 0:
        last += 1
        end = sentences[last][1]
    if end - start > 2 * _LONGEST or end - start < 25:
        return None
    return _narrow(library, principal, hit, start, end)


def _narrow(library: Library, principal: Principal, hit: Hit, start: int, end: int) -> Hit:
    span = hit.span
    return replace(hit, span=library.span(principal, span.document_id, span.page, span.start + start, span.start + end))


def telling_words(text: str) -> set[str]:
    """Return the words of a text that carry its meaning, reduced to a crude stem."""
    return {_stem(word) for word in _WORD.findall(text.lower().replace("’", "'")) if word not in _STOP}


def _stem(word: str) -> str:
    word = word.removesuffix("'s")
    for ending in (
        "itions",
        "itors",
        "itive",
        "ition",
        "ations",
        "ation",
        "ings",
        "ing",
        "ies",
        "ers",
        "ed",
        "es",
        "er",
        "s",
        "y",
    ):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word
