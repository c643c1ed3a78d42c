"""Settles whom and when a question is about, or asks back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from pipelines.agents.evidence import Scope
from pipelines.agents.names import unknown_names
from pipelines.agents.question import asks_something, fiscal_year_in_question, read_question
from pipelines.agents.wording import listed
from tieout.errors import InvalidInput, NeedsAnswer, UnknownInstrument
from tieout.model import Document, Instrument
from tieout.ports import StepContext

_TOKEN = re.compile(r"[A-Za-z][A-Za-z.]*")
_ORDINARY = frozenset("cost all are now key low fast open well main real cash safe live play spy ma ge gm".split())
_MARKET = re.compile(r"\bS\s?&\s?P(?:\s?500)?\b|\bthe (?:stock |us |overall )?market\b", re.I)
_MARKET_FUND = "SPY"
_EVERY = re.compile(
    r"\b(?:which|what) (?:compan(?:y|ies)|stocks?|shares?|of (?:the|these|all|your) (?:compan\w+|stocks?))\b"
    r"|\b(?:across|among|of|for) (?:all|the|every) compan(?:y|ies)\b|\ball (?:the )?companies\b",
    re.I,
)
_STOCKS = re.compile(r"\b(?:stocks?|shares?|returns?|returned|volatil\w+|drawdowns?|beta)\b", re.I)
_ADVICE = re.compile(
    r"\bshould (?:i|we) (?:buy|sell|hold|invest|own)\b|\bto (?:buy|sell|invest in)\b|\bprice target\b", re.I
)
_NOT_RESEARCH = re.compile(
    r"\b(?:write|compose|sing|tell|draw|make)\s+(?:me\s+|us\s+)?(?:an?\s+)?(?:poem|song|joke|story|essay|haiku|code|program"
    r"|picture|email)\b",
    re.I,
)
_WHAT_TIEOUT_ANSWERS = "tieout answers questions about companies from their filings and prices"
DECLINED = f"{_WHAT_TIEOUT_ANSWERS}; this question asks for nothing that a filing or a price says."
NO_ADVICE = (
    f"{_WHAT_TIEOUT_ANSWERS}; it gives no advice on what to buy or sell. "
    "Ask for a company's results, its stock's return or its risk."
)


def resolve_scope(context: StepContext) -> Scope:
    """Return companies, documents, fiscal years and as_of; a scope that is `declined` asks for no research.

    Raises NeedsAnswer when no company is named and the library holds several, UnknownInstrument for an
    unknown ticker, InvalidInput for an as_of before the first bar when prices alone are asked for.
    """
    request, parts, principal = context.run.request, context.parts, context.principal
    notes: list[str] = []
    last = parts.lake.last_day(principal)
    as_of = request.as_of or last or context.run.created_at.date()
    held = parts.library.documents(principal)
    documents = known_documents(held, as_of, asked=request.as_of is not None)
    instruments = _instruments(context, documents, notes)
    declined = _declined(request.question, instruments)
    if declined:
        return Scope((), (), (), as_of, (), declined)
    if not instruments:
        _ask_back(request.question, documents)
    reading = read_question(request.question, instruments)
    if reading.wants_prices and not reading.wants_filings:
        _check_as_of(context, instruments, as_of)
    chosen: list[Document] = []
    years: list[tuple[str, int]] = []
    for instrument in instruments:
        own = [d for d in documents if d.instrument_id == instrument.id]
        chosen += own
        year = fiscal_year_in_question(reading, own)
        if year is not None and instrument.ticker:
            years.append((instrument.ticker, year))
            if not reading.fiscal_years and own and (reading.wants_filings or not reading.wants_prices):
                notes.append(
                    f"No year was named; the newest annual filing of {instrument.name} is used: fiscal {year}."
                )
    left_out = [d for d in held if d not in documents and d.instrument_id in {one.id for one in instruments}]
    notes += [why_left_out(left_out, as_of)] if left_out else []
    if request.as_of is None and last:
        notes.append(f"As of {last:%-d %B %Y}, the last bar in the lake.")
    return Scope(tuple(instruments), tuple(d.id for d in chosen), tuple(years), as_of, tuple(notes))


def known_on(document: Document) -> date | None:
    """Return the first day on which a document can have been known: its filing, else the end of its period."""
    return document.filed_on or document.period_end


def known_documents(documents: Iterable[Document], as_of: date, *, asked: bool) -> list[Document]:
    """Return the documents known by `as_of`; one without any date only when no day was `asked` for."""
    days = [(document, known_on(document)) for document in documents]
    return [document for document, day in days if (not asked if day is None else day <= as_of)]


def why_left_out(documents: Sequence[Document], as_of: date) -> str:
    """Return a sentence that says which documents are left out as not known by `as_of`, each with its day."""
    reasons = [
        f"{document.name} was filed on {day:%-d %B %Y}"
        if document.filed_on
        else f"{document.name} is for the period to {day:%-d %B %Y}"
        if day
        else f"{document.name} has no date"
        for document in documents
        for day in [known_on(document)]
    ]
    return f"Left out, not known to be filed by {as_of:%-d %B %Y}: {listed(reasons)}."


def _declined(question: str, instruments: Sequence[Instrument]) -> str:
    """Return why a question is no research, empty when it is."""
    if _NOT_RESEARCH.search(question):
        return DECLINED
    if instruments:
        return ""
    if _ADVICE.search(question):
        return NO_ADVICE
    return "" if asks_something(question) else DECLINED


def _ask_back(question: str, documents: Sequence[Document]) -> None:
    known = sorted({d.company for d in documents if d.company})
    names = unknown_names(question)
    why = (
        f"No company called {listed([f'“{name}”' for name in names])} is known."
        if names
        else "The question names none."
    )
    have = f"The library has filings of {listed(known)}" if known else "The library holds no filings yet"
    raise NeedsAnswer(f"Which company do you mean? {why} {have.rstrip('.')}.", choices=known)


def _instruments(context: StepContext, documents: Sequence[Document], notes: list[str]) -> list[Instrument]:
    """Return the companies of the question: those given, named, written as a ticker, or known by a part's name."""
    request, registry, principal = context.run.request, context.parts.registry, context.principal
    named = [_known(context, ticker) for ticker in request.tickers]
    mentioned = [*registry.mentioned(principal, request.question), *_tickers_written(context, documents)]
    every = {one.id: one for one in (*named, *mentioned) if not _benchmark(one, named)}
    if every:
        return list(every.values())
    if _EVERY.search(request.question) and not _ADVICE.search(request.question):
        return _all_of_them(context, documents)
    if _MARKET.search(request.question) and context.parts.lake.series(principal, _MARKET_FUND):
        notes.append(f"The market is measured by the fund {_MARKET_FUND}, which follows the S&P 500.")
        return [_known(context, _MARKET_FUND)]
    part_of = _of_a_part(context, documents, notes)
    if part_of or unknown_names(request.question):
        return part_of
    return _the_only_one(context, documents, notes)


def _known(context: StepContext, ticker: str) -> Instrument:
    """Return the instrument of a ticker; one that has prices needs no entry in the registry."""
    try:
        return context.parts.registry.get(context.principal, ticker)
    except (UnknownInstrument, NeedsAnswer):
        if not context.parts.lake.series(context.principal, ticker.upper()):
            raise
        return Instrument(ticker.upper(), ticker.upper(), ticker.upper())


def _tickers_written(context: StepContext, documents: Iterable[Document]) -> list[Instrument]:
    """Return the companies at hand whose tickers the question holds, in small letters, too: "aapl", "msft"."""
    have = {series.key.ticker for series in context.parts.lake.series(context.principal)}
    have |= {document.ticker for document in documents if document.ticker}
    found = []
    for token in _TOKEN.findall(context.run.request.question):
        word = token.rstrip(".")
        sure = word.isupper() or (len(word) > 2 and word.lower() not in _ORDINARY)
        if sure and word.upper() in have and word not in ("A", "I"):
            found.append(_known(context, word.upper()))
    return found


def _of_a_part(context: StepContext, documents: Iterable[Document], notes: list[str]) -> list[Instrument]:
    """Return the one company that reports a product or segment of the name in the question ("iPhone", "AWS")."""
    owners: dict[str, set[str]] = {}
    for document in documents:
        if document.ticker:
            for figure in context.parts.library.figures(context.principal, document.id):
                if figure.dimension and _names_part(context.run.request.question, figure.dimension):
                    owners.setdefault(figure.dimension, set()).add(document.ticker)
    sure = {ticker for tickers in owners.values() if len(tickers) == 1 for ticker in tickers}
    if len(sure) != 1:
        return []
    company = _known(context, sure.pop())
    notes.append(f"No company was named; {listed(sorted(owners))} is reported by {company.name}.")
    return [company]


def _names_part(question: str, part: str) -> bool:
    """Whether a question names a part: names with inner capitals in any case, others as printed."""
    flags = re.I if re.search(r"[a-z][A-Z]|^[A-Z]{3,}$", part) else 0
    return len(part) > 2 and re.search(rf"(?<!\w){re.escape(part)}s?(?!\w)", question, flags) is not None


def _the_only_one(context: StepContext, documents: Iterable[Document], notes: list[str]) -> list[Instrument]:
    tickers = {document.ticker for document in documents if document.company}
    only = tickers.pop() if len(tickers) == 1 else None
    if only is None or not asks_something(context.run.request.question):
        return []
    company = _known(context, only)
    notes.append(f"No company was named; the library has filings of {company.name} only.")
    return [company]


def _all_of_them(context: StepContext, documents: Iterable[Document]) -> list[Instrument]:
    """Return all companies that the question can be answered for: with prices when it asks for stocks, else filings."""
    if _STOCKS.search(context.run.request.question):
        tickers = sorted({series.key.ticker for series in context.parts.lake.series(context.principal)})
    else:
        tickers = sorted({document.ticker for document in documents if document.ticker})
    return [one for ticker in tickers if (one := _known(context, ticker)).kind == "company"]


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
