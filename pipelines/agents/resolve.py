"""Settles whom and when a question is about, or asks back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.agents.evidence import Scope
from pipelines.agents.question import fiscal_year_in_question, read_question
from pipelines.agents.wording import listed
from tieout.errors import InvalidInput, NeedsAnswer
from tieout.model import Document, Instrument
from tieout.ports import StepContext


def resolve_scope(context: StepContext) -> Scope:
    """Return companies, documents, fiscal years and as_of.

    Raises NeedsAnswer when no company is named and the library holds several, UnknownInstrument for an
    unknown ticker, InvalidInput for an as_of before the first bar.
    """
    request, parts, principal = context.run.request, context.parts, context.principal
    notes: list[str] = []
    last = parts.lake.last_day(principal)
    as_of = request.as_of or last or context.run.created_at.date()
    documents = [d for d in parts.library.documents(principal) if d.filed_on is None or d.filed_on <= as_of]
    instruments = _instruments(context, documents)
    reading = read_question(request.question, instruments)
    _check_as_of(context, instruments, as_of)
    chosen: list[Document] = []
    years: list[tuple[str, int]] = []
    for instrument in instruments:
        own = [d for d in documents if d.instrument_id == instrument.id]
        chosen += own
        year = fiscal_year_in_question(reading, own)
        if year is not None and instrument.ticker:
            years.append((instrument.ticker, year))
            if not reading.fiscal_years and own and reading.wants_filings:
                notes.append(
                    f"No year was named; the newest annual filing of {instrument.name} is used: fiscal {year}."
                )
    if request.as_of is None and last:
        notes.append(f"As of {last:%-d %B %Y}, the last bar in the lake.")
    return Scope(tuple(instruments), tuple(d.id for d in chosen), tuple(years), as_of, tuple(notes))


def _instruments(context: StepContext, documents: Sequence[Document]) -> list[Instrument]:
    request, registry, principal = context.run.request, context.parts.registry, context.principal
    named = [registry.get(principal, ticker) for ticker in request.tickers]
    mentioned = registry.mentioned(principal, request.question)
    every = {instrument.id: instrument for instrument in (*named, *mentioned) if not _benchmark(instrument, named)}
    if every:
        return list(every.values())
    known = sorted({d.company for d in documents if d.company})
    if not known:
        raise NeedsAnswer("Which company do you mean? The question names none, and the library holds no filings yet.")
    raise NeedsAnswer(f"Which company do you mean? The library has filings of {listed(known)}.", choices=known)


def _benchmark(instrument: Instrument, named: Sequence[Instrument]) -> bool:
    """Whether an instrument is only what others are measured against: a fund that was not asked for by ticker."""
    return instrument.kind != "company" and bool(named) and instrument not in named


def _check_as_of(context: StepContext, instruments: Sequence[Instrument], as_of: date) -> None:
    for instrument in instruments:
        if not instrument.ticker:
            continue
        series = context.parts.lake.series(context.principal, instrument.ticker)
        if series and as_of < (first := min(s.first for s in series)):
            raise InvalidInput(
                f"as_of {as_of.isoformat()} is before the first bar of {instrument.ticker} ({first.isoformat()}). "
                "Choose a later date."
            )
