"""Writes, ties out, revises and finishes: the second half of a research run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pipelines.agents.compose import Composer
from pipelines.agents.evidence import Fundamental, Passages, Prices, Scope
from pipelines.agents.model_writer import ModelWriter
from pipelines.agents.question import read_question
from pipelines.agents.writer import Brief
from pipelines.ledger.match_book import SourceBook
from pipelines.ledger.tie_out import open_numbers, tie_out
from pipelines.render.result import research_object
from tieout import codec
from tieout.errors import BudgetExceeded, NotFound, ProviderError
from tieout.model import Draft, Fact, Ledger, Page, Report, Span
from tieout.ports import StepContext

_MOST_SENTENCES = 3  # of a short answer to how a company is doing
Evidence = tuple[Scope, Fundamental, Prices, Passages]


def write_draft(context: StepContext, *evidence: Any) -> Draft:
    """Return a draft: the composed one, or the model's on the same evidence when a model is configured."""
    scope, fundamental, prices, passages = evidence
    outline = Composer(
        context.run.request.question,
        scope,
        fundamental,
        prices,
        passages,
        {fact.id: fact for fact in _facts(fundamental, prices)},
        dict(fundamental.figure_spans),
    ).draft()
    if context.step.input.get("brief"):
        outline = short(outline, overview=_overview(context.run.request.question, scope))
    if context.parts.model is None:
        return outline
    brief = _brief(context, scope, fundamental, prices, passages, outline)
    try:
        return _model_writer(context).write(context, brief)
    except (ProviderError, BudgetExceeded) as error:
        context.emit("model_given_up", reason=error.message)
        note = f"Written without the model, which gave no usable text: {error.message}"
        return replace(outline, notes=(*outline.notes, note))


def short(outline: Draft, *, overview: bool) -> Draft:
    """Return a draft without its sections; of an overview, which names nothing in particular, the leading sentences."""
    return replace(outline, answer=outline.answer[:_MOST_SENTENCES] if overview else outline.answer, sections=())


def _overview(question: str, scope: Scope) -> bool:
    """Whether one company is asked about in general: then nothing that was asked for can be cut away."""
    return len(scope.instruments) == 1 and read_question(question, scope.instruments).general


def tie_out_draft(
    context: StepContext, scope: Scope, fundamental: Fundamental, prices: Prices, passages: Passages, draft: Any
) -> dict[str, Any]:
    """Return the draft with its numbers settled, and its ledger."""
    settled, ledger = tie_out(
        codec.load(Draft, draft),
        _facts(fundamental, prices),
        _book(context, scope),
        _spans(fundamental, passages),
    )
    counts = ledger.counts
    context.emit(
        "numbers_tied", numbers=counts.numbers, tied=counts.tied, open=counts.open, contradicted=counts.contradicted
    )
    return {"draft": codec.dump(settled), "ledger": codec.dump(ledger)}


def revise_draft(
    context: StepContext, scope: Scope, fundamental: Fundamental, prices: Prices, passages: Passages
) -> dict[str, Any]:
    """Return the tied-out draft; one with open numbers goes back to the model once. What stays open is shown so."""
    tied = dict(context.inputs["tie_out"])
    errors = open_numbers(codec.load(Ledger, tied["ledger"]))
    written = codec.load(Draft, context.inputs["write"]["draft"])
    if not errors or context.parts.model is None or written.writer == "extractive":
        return tied
    brief = _brief(context, scope, fundamental, prices, passages, None)
    try:
        again = _model_writer(context).write(context, brief, errors, written)
    except (ProviderError, BudgetExceeded) as error:
        context.emit("model_given_up", reason=error.message)
        kept = codec.load(Draft, tied["draft"])
        note = f"The model did not correct its open numbers: {error.message}"
        return {**tied, "draft": codec.dump(replace(kept, notes=(*kept.notes, note)))}
    better = tie_out_draft(context, scope, fundamental, prices, passages, codec.dump(again))
    return better if len(open_numbers(codec.load(Ledger, better["ledger"]))) <= len(errors) else tied


def finish(
    context: StepContext,
    scope: Scope,
    fundamental: Fundamental,
    prices: Prices,  # noqa: ARG001
    passages: Passages,  # noqa: ARG001
    settled: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the result of a run: as_of, answer, claims, ledger and notes as `tieout research --json` prints them."""
    return _result(context, _report(context, scope, fundamental, settled))


def render_report(
    context: StepContext,
    scope: Scope,
    fundamental: Fundamental,
    prices: Prices,
    passages: Passages,  # noqa: ARG001
    settled: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the report's files and return the run's result."""
    # charts and notebooks take long to import, and `ask` makes neither
    from pipelines.render.artifacts import render_all
    from pipelines.render.pictures import page_pictures

    report = _report(context, scope, fundamental, settled)
    rows = context.parts.lake.rows(context.principal, _facts(fundamental, prices))
    pages = _pages(context, report)
    pictures = page_pictures(report, pages, lambda document_id: _pdf(context, document_id))
    for made in render_all(report, rows, pages=pages, pictures=pictures):
        context.put_artifact(made.name, made.media_type, made.data)
    return _result(context, report)


def _model_writer(context: StepContext) -> ModelWriter:
    return ModelWriter(context.parts.model_max_tokens)


def _report(context: StepContext, scope: Scope, fundamental: Fundamental, settled: Mapping[str, Any]) -> Report:
    ledger = codec.load(Ledger, settled["ledger"])
    used = {f for fact in ledger.facts for f in fact.figures}
    return Report(
        run_id=context.run.id,
        question=context.run.request.question,
        as_of=scope.as_of,
        draft=codec.load(Draft, settled["draft"]),
        ledger=_complete(ledger, fundamental),
        figures=tuple(figure for figure in fundamental.figures if figure.id in used),
        usage=context.run.usage,
    )


def _complete(ledger: Ledger, fundamental: Fundamental) -> Ledger:
    """Add the spans behind the facts' inputs, so that each can be shown."""
    have = {span.id for span in ledger.spans}
    behind = {span for fact in ledger.facts for span in fact.spans} - have
    return replace(ledger, spans=(*ledger.spans, *(span for span in fundamental.spans if span.id in behind)))


def _result(context: StepContext, report: Report) -> dict[str, Any]:
    whole = research_object(context.run, report, {})
    return {key: whole[key] for key in ("as_of", "answer", "claims", "ledger", "notes")}


def _pdf(context: StepContext, document_id: str) -> bytes | None:
    """Return a document's bytes when it is a PDF whose blob is still there."""
    documents = context.parts.library.documents(context.principal)
    document = next((one for one in documents if one.id == document_id), None)
    if document is None or document.media_type != "application/pdf":
        return None
    try:
        return (context.parts.originals or context.parts.blobs).get(context.principal, document.sha256)
    except NotFound:
        return None


def _pages(context: StepContext, report: Report) -> list[Page]:
    wanted = sorted({(span.document_id, span.page) for span in report.ledger.spans})
    pages: list[Page] = []
    for document_id in dict.fromkeys(document for document, _ in wanted):
        numbers = {number for document, number in wanted if document == document_id}
        library = context.parts.library
        pages += [page for page in library.pages(context.principal, document_id) if page.number in numbers]
    return pages


def _book(context: StepContext, scope: Scope) -> SourceBook:
    library, principal = context.parts.library, context.principal
    documents = [d for d in library.documents(principal) if d.id in scope.document_ids]
    return SourceBook(
        documents,
        {d.id: library.pages(principal, d.id) for d in documents},
        {d.id: library.figures(principal, d.id) for d in documents},
        scope.instruments,
        compute=lambda queries: context.parts.lake.compute(principal, queries),
        mentioned=lambda text: context.parts.registry.mentioned(principal, text),
    )


def _brief(
    context: StepContext,
    scope: Scope,
    fundamental: Fundamental,
    prices: Prices,
    passages: Passages,
    outline: Draft | None,
) -> Brief:
    spans = {span.id: span for span in fundamental.spans}
    return Brief(
        question=context.run.request.question,
        as_of=scope.as_of,
        instruments=scope.instruments,
        facts=_facts(fundamental, prices),
        figures=fundamental.figures,
        figure_spans={figure: spans[span] for figure, span in fundamental.figure_spans},
        passages=(*(hit for part in fundamental.parts for hit in part.quotes), *passages.hits),
        outline=outline,
        notes=(*scope.notes, *fundamental.notes, *prices.notes),
    )


def _facts(fundamental: Fundamental, prices: Prices) -> tuple[Fact, ...]:
    return (*fundamental.facts, *prices.facts)


def _spans(fundamental: Fundamental, passages: Passages) -> tuple[Span, ...]:
    quotes = (hit.span for part in fundamental.parts for hit in part.quotes)
    return (*fundamental.spans, *quotes, *(hit.span for hit in passages.hits))
