"""Narrows the library to the documents that a question is about: company first, then period, then form."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.retrieval.query import Query
from tieout.model import Document

_ANNUAL_FORMS = ("10-K", "10-KT", "20-F", "40-F")


def candidates(documents: Sequence[Document], query: Query, instrument_id: str | None) -> list[Document]:
    """Return the documents to search for one company of the query (None: the query names none).

    The years asked for decide; where the library has no such year, the reports of the next two years are
    taken, which print it as a comparative column, then the year before, then all.
    """
    own = [found for found in documents if instrument_id is None or found.instrument_id == instrument_id]
    if query.forms:
        own = [found for found in own if _form(found) in query.forms] or own
    if not query.years:
        return _of_quarter(own, query) if query.quarters else own
    chosen: dict[str, Document] = {}
    for year in query.years:
        for near in (year, year + 1, year + 2, year - 1):
            there = [found for found in own if _year(found) == near]
            if near == year:
                there = there or [found for found in own if found.period_end and found.period_end.year == year]
            if there := _of_quarter(there, query):
                chosen.update({found.id: found for found in there})
                break
    if not chosen and instrument_id is None:
        return []
    return list(chosen.values()) or own


def prior(document: Document, query: Query) -> float:
    """Return a small plus for the document that most likely answers: the newest year asked for, the annual report."""
    score = 0.0
    year = _year(document)
    if query.years and year is not None:
        score += 0.08 if year == max(query.years) else 0.0
    elif year is not None and not query.years:
        score += 0.02 * max(-5, min(0, year - 2025)) / 5
    if not query.quarters and _form(document) in _ANNUAL_FORMS:
        score += 0.05
    return score


def _of_quarter(documents: list[Document], query: Query) -> list[Document]:
    if query.quarters:
        return [found for found in documents if found.fiscal_quarter in query.quarters] or [
            found for found in documents if found.fiscal_quarter is None
        ]
    annual = [found for found in documents if found.fiscal_quarter is None]
    return annual if any(_form(found) in _ANNUAL_FORMS for found in annual) else documents


def _form(document: Document) -> str:
    return (document.form or "").removesuffix("/A")


def _year(document: Document) -> int | None:
    return document.fiscal_year or (document.period_end.year if document.period_end else None)
