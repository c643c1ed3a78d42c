"""Reads a question: the years, quarters and forms that it names, and what is left to search for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.retrieval.lexicon import expand, special_words
from tieout.model import Instrument

_YEAR = re.compile(r"(?<![\d.,$])(?:fy|fiscal(?:\s+years?)?|cy)?\s?[’']?((?:19|20)\d\d)(?![\d,]|\.\d|%)", re.I)
_SHORT_YEAR = re.compile(r"\bfy\s?[’']?(\d\d)\b(?!\d)", re.I)
_RANGE = re.compile(r"((?:19|20)\d\d)\s*(?:-|–|—|to|through|until)\s*(?:fy\s?|fiscal\s+)?((?:19|20)\d\d)", re.I)
_QUARTER = re.compile(r"\bq([1-4])\b|\b([1-4])q\b|\b(first|second|third|fourth)[- ](?:fiscal\s+)?quarter", re.I)
_GLUED_QUARTER = re.compile(r"\b(?:([1-4])q|q([1-4]))\s?(?:fy)?[’']?(\d\d|20\d\d)\b|\b(20\d\d)\s?q([1-4])\b", re.I)
_FORM = re.compile(r"\b(10-?k|10-?q|8-?k|20-?f)\b", re.I)
_ANNUAL = re.compile(r"\bannual(?:ly)?\b|\bfiscal\s+year|\bfy\b|\bfull[- ]year|\byear[- ]end", re.I)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}


@dataclass(frozen=True)
class Query:
    """A question as understood. Empty tuples mean that it does not say."""

    text: str
    words: str  # what to search for, widened by the words that filings use
    pages: dict[str, float]  # kinds of page asked for, 0 to 1
    special: tuple[str, ...] = ()  # proper names other than the companies', lower case
    instruments: tuple[Instrument, ...] = ()
    years: tuple[int, ...] = ()
    quarters: tuple[int, ...] = ()
    forms: tuple[str, ...] = ()
    annual: bool = False


def read_query(text: str, instruments: Sequence[Instrument]) -> Query:
    """Return what `text` asks, given the instruments that it names."""
    years = {int(year) for year in _YEAR.findall(text)} | {2000 + int(year) for year in _SHORT_YEAR.findall(text)}
    for first, last in _RANGE.findall(text):
        years.update(range(int(first), min(int(last), int(first) + 10) + 1))
    quarters: set[int] = set()
    for match in _GLUED_QUARTER.finditer(text):
        quarter, year = match.group(1) or match.group(2) or match.group(5), match.group(3) or match.group(4)
        quarters.add(int(quarter))
        years.add(int(year) if len(year) == 4 else 2000 + int(year))
    for match in _QUARTER.finditer(text):
        quarters.add(int(match.group(1) or match.group(2) or 0) or _ORDINALS[match.group(3).lower()])
    forms = tuple(
        dict.fromkeys(re.sub(r"[\s-]", "", form.upper()).replace("10", "10-", 1) for form in _FORM.findall(text))
    )
    forms = tuple({"8K": "8-K", "20F": "20-F"}.get(form, form) for form in forms)
    rest = _without_names(text, instruments)
    words, pages = expand(rest)
    return Query(
        text,
        words,
        pages,
        special_words(rest),
        tuple(instruments),
        tuple(sorted(years)),
        tuple(sorted(quarters)),
        forms,
        bool(_ANNUAL.search(text)),
    )


def _without_names(text: str, instruments: Sequence[Instrument]) -> str:
    """Return the text without the companies' names: within a filing its own name says nothing."""
    for instrument in instruments:
        names = sorted((instrument.name, *instrument.names), key=len, reverse=True)
        for name in (*names, instrument.name.split(",")[0].split(" Inc")[0], instrument.ticker or ""):
            if len(name) > 1:
                text = re.sub(rf"(?<!\w)\$?{re.escape(name)}(?:[’']s)?(?!\w)", " ", text, flags=re.I)
    return text
