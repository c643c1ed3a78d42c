"""Gathers what the documents say in words: risks, reasons, business, and whatever no figure answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.agents.evidence import Passages, Scope
from pipelines.agents.gather_market import prices_instead
from pipelines.agents.passages import find_passages
from pipelines.agents.question import Reading
from tieout.model import Document, Hit
from tieout.ports import SearchFilter, StepContext

_IN_WORDS = re.compile(
    r"\b(?:risks?|compet\w+|strateg\w+|litigation|lawsuits?|legal|employees|headcount|workforce|customers?|suppliers?|"
    r"products?|business(?:es)?|acqui\w+|regulat\w+|guidance|outlook|describe|explain|why|reasons?|drivers?|drove|driven|"
    r"caus\w+|covid\S*|pandemic|supply|inflation|climate|cyber\w*|auditor|going concern|headquarter\w*|located|who)\b",
    re.I,
)
_PER_COMPANY = 3


def gather_passages(context: StepContext, scope: Scope, reading: Reading) -> Passages:
    """Return quotations for the parts of the question that ask for words, or for all of it when nothing else fits."""
    if scope.declined or prices_instead(scope, reading):
        return Passages()
    asked_in_words = bool(_IN_WORDS.search(reading.text))
    if not asked_in_words and (reading.wants_filings or reading.wants_prices):
        return Passages()
    documents = {d.id: d for d in context.parts.library.documents(context.principal)}
    hits: list[Hit] = []
    missing: list[str] = []
    for instrument in scope.instruments:
        own = [
            documents[d] for d in scope.document_ids if d in documents and documents[d].instrument_id == instrument.id
        ]
        if not own:
            missing.append(f"the library holds no filing of {instrument.name}")
            continue
        year = scope.fiscal_year(instrument.ticker or "")
        where = SearchFilter(document_ids=tuple(d.id for d in _of_year(own, year)))
        found = find_passages(
            context.parts.library,
            context.principal,
            reading.text,
            where=where,
            names=(instrument.name, *instrument.names),
            limit=_PER_COMPANY if len(scope.instruments) > 1 else _PER_COMPANY + 1,
        )
        hits += found
        if not found:
            missing.append(f"no passage of {instrument.name}'s filings speaks of what was asked")
    return Passages(tuple(hits), tuple(missing))


def _of_year(documents: Sequence[Document], year: int | None) -> list[Document]:
    """Return the documents of the year, or all when there is none of it."""
    return [d for d in documents if d.fiscal_year == year] or list(documents)
