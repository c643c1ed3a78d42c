"""Knows which row of a filing's statements is which measure, and which measures a sentence talks about."""

from __future__ import annotations

import re
from functools import lru_cache

from pipelines.ledger.concept_catalogue import CONCEPTS, Concept
from pipelines.ledger.concept_phrases import PHRASES
from pipelines.ledger.tables import statement_of

__all__ = ["Concept", "concept", "concept_of", "measures_named", "normal_label"]

_BY_NAME = {entry.name: entry for entry in CONCEPTS}


def concept(name: str) -> Concept | None:
    """Return a measure's entry in the catalogue: unit, natural period kind, sign convention."""
    return _BY_NAME.get(name)


def concept_of(label: str, path: tuple[str, ...] = (), table: str = "") -> str | None:
    """Return the measure that a row of a primary statement is, None when it is none or in doubt.

    `path` holds the headings above the row, `table` the statement's title. Only whole labels count:
    "Other current assets" is not current assets.
    """
    statement = statement_of(table)
    return (
        _matched(statement, normal_label(label), " > ".join(normal_label(part) for part in path)) if statement else None
    )


@lru_cache(maxsize=8192)
def _matched(statement: str, label: str, path: str) -> str | None:
    for entry in CONCEPTS:
        if statement not in entry.statements:
            continue
        if entry.under and not re.search(entry.under, path):
            continue
        if entry.never_under and re.search(entry.never_under, path):
            continue
        if _pattern(entry).fullmatch(label):
            return entry.name
    return None


@lru_cache(maxsize=256)
def _pattern(entry: Concept) -> re.Pattern[str]:
    return re.compile("|".join(entry.labels))


def normal_label(label: str) -> str:
    """Return a label in lower case with plain quotes and dashes, without footnotes and losses in brackets."""
    text = label.casefold().replace("’", "'").replace("‘", "'")
    text = re.sub(r"[\u2010-\u2015\u2212]+", "-", text)
    text = re.sub(r"\((?:\d{1,2}|[a-z])\)", " ", text)
    text = re.sub(
        r"\s*/?\s*\((?:loss(?:es)?|deficit|accumulated deficit|benefit|deficiency|expense|decrease)\)", "", text
    )
    return " ".join(text.split()).strip(" :,-")


def measures_named(text: str) -> list[str]:
    """Return the measures that a question or sentence names, in order of mention; the longest phrase wins.

    "gross margin" is the ratio when the sentence speaks of percent, rate or change of margins, else the amount.
    """
    low = " ".join(text.casefold().replace("’", "'").split())
    taken: list[tuple[int, int, str]] = []
    for phrase, name in PHRASES:
        for match in re.finditer(rf"(?<![\w-])(?:{phrase})(?![\w-])", low):
            if not any(match.start() < end and start < match.end() for start, end, _ in taken):
                taken.append((match.start(), match.end(), name))
    names: list[str] = []
    for _, end, name in sorted(taken):
        chosen = name
        if name == "gross_margin" and re.match(r"[^.;,]{0,40}?[$€£]\s?[\d.,]+", low[end:]):
            chosen = "gross_profit"
        if chosen not in names:
            names.append(chosen)
    return names
