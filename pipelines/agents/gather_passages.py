"""Gathers what the documents say in words: risks, reasons, business, and whatever no figure answers."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.agents.evidence import Passages, Scope
from pipelines.agents.gather_market import prices_instead
from pipelines.agents.lookup import beside_helping
from pipelines.agents.passages import find_passages
from pipelines.agents.question import Reading, asked_in_words
from tieout.model import Document, Hit
from tieout.ports import SearchFilter, StepContext

_PER_COMPANY = 3
_SHORT, _LONG = 360, 700  # characters of a quotation


def _limit(context: StepContext, scope: Scope) -> int:
    if context.run.request.agent == "ask":
        return 1
    return _PER_COMPANY if len(scope.instruments) > 1 else _PER_COMPANY + 1


def gather_passages(context: StepContext, scope: Scope, reading: Reading) -> Passages:
    """Return quotations for the parts of the question that ask for words, or for all of it when nothing else fits."""
    if scope.declined or prices_instead(scope, reading):
        return Passages()
    figures = bool(
        reading.measures or reading.by_segment or reading.price_topics or (reading.topics and reading.comparing)
    )
    in_words = asked_in_words(reading.text, beside_figures=figures) or _beside_the_catalogue(reading)
    if not in_words and (reading.wants_filings or reading.wants_prices):
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
            limit=_limit(context, scope),
            longest=_SHORT if context.run.request.agent == "ask" else _LONG,
        )
        hits += found
        if not found:
            missing.append(f"no passage of {instrument.name}'s filings speaks of what was asked")
    return Passages(tuple(hits), tuple(missing), leads=in_words and bool(hits))


def _beside_the_catalogue(reading: Reading) -> bool:
    """Whether a question about costs names one that no measure stands for ("shipping costs")."""
    names = " ".join(name for one in reading.instruments for name in (one.name, *one.names))
    costs = {topic.key for topic in reading.topics} == {"costs"} and not reading.measures
    return costs and bool(beside_helping(reading.text, names))


def _of_year(documents: Sequence[Document], year: int | None) -> list[Document]:
    """Return the documents of the year, or all when there is none of it."""
    return [d for d in documents if d.fiscal_year == year] or list(documents)
