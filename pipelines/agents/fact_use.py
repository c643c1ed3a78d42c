"""Finds a placeholder in a sentence about something else: the right value said of the wrong company, year or measure.

The ledger ties a placeholder to its fact whatever the sentence around it says, so a model's sentences are checked
here before. Doubt is left alone: only a sentence that names another company, year or measure is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tieout.model import Fact, Instrument

_SUFFIXES = re.compile(
    r"[\s,]+(?:inc|corp|corporation|co|company|companies|plc|ltd|limited|n\.?v|s\.?a|ag|se)\.?$", re.I
)
_PRONOUN = re.compile(r"\b(?:it|its|it's|they|their|the (?:company|group|firm|stock|share|shares))\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b")
_RELATIVE = re.compile(
    r"\b(?:earlier|before|previous|previously|prior|preceding|last|later|following|next|from|up|down)\b", re.IGNORECASE
)
_COMPARES = frozenset({"growth", "change", "cagr", "yoy"})
_SAME = {"sale": "revenue", "turnover": "revenue", "profit": "income", "earning": "income", "return": "returned"}


def misuses(text: str, facts: Sequence[Fact], given: Iterable[Fact], instruments: Sequence[Instrument]) -> list[str]:
    """Return a sentence for each fact of `facts` that `text` uses for something else than it is.

    `given` are all facts that the writer had, `instruments` the companies of the question.
    """
    cited = [_subject(fact) for fact in facts]
    others = [subject for subject in map(_subject, given) if subject and subject not in cited]
    problems = []
    for fact in facts:
        other = _other_company(text, fact, instruments) or _other_year(text, fact) or _other_measure(text, fact, others)
        if other:
            when = f" of fiscal {fact.period.fiscal_year}" if fact.period and fact.period.fiscal_year else ""
            problems.append(f"{{fact:{fact.id}}} is {fact.name}{when}, but its sentence is about {other}: “{text}”.")
    return problems


def _other_company(text: str, fact: Fact, instruments: Sequence[Instrument]) -> str | None:
    named = [instrument for instrument in instruments if _names(instrument, text)]
    if not fact.instrument or not named or _PRONOUN.search(text):
        return None
    if any(fact.instrument in (instrument.ticker, instrument.id) for instrument in named):
        return None
    known = any(fact.instrument in (instrument.ticker, instrument.id) for instrument in instruments)
    return named[0].name if known else None


def _names(instrument: Instrument, text: str) -> bool:
    if instrument.ticker and re.search(rf"\b{re.escape(instrument.ticker)}\b", text):
        return True
    short = {_SUFFIXES.sub("", name).strip() for name in (instrument.name, *instrument.names)}
    return any(len(name) > 2 and re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE) for name in short)


def _other_year(text: str, fact: Fact) -> str | None:
    years = [int(year) for year in _YEAR.findall(text)]
    if fact.period is None or fact.period.fiscal_year is None or not years:
        return None
    own = fact.period.fiscal_year
    fits = {own}
    if not _COMPARES.isdisjoint(fact.measure.split("_")):
        fits.add(own - 1)  # "over 2021"
    if _RELATIVE.search(text):
        fits |= {own - 1, own + 1}  # "43 % in 2022, from 42 % a year earlier"
    return None if fits.intersection(years) else str(years[0])


def _other_measure(text: str, fact: Fact, others: Sequence[frozenset[str]]) -> str | None:
    said = frozenset(_stem(word) for word in re.findall(r"[A-Za-z]+", text))
    own = _subject(fact)
    if not own or own <= said:
        return None
    return next((" ".join(sorted(other)) for other in others if other <= said and not other <= own), None)


def _subject(fact: Fact) -> frozenset[str]:
    """Return the words of what is measured, without how it is compared."""
    return frozenset(_stem(word) for word in fact.measure.split("_") if word and word not in _COMPARES)


def _stem(word: str) -> str:
    stem = word.lower()
    stem = stem.removesuffix("s") if len(stem) > 3 and not stem.endswith("ss") else stem
    return _SAME.get(stem, stem)
