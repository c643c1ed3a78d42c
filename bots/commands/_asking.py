"""What the commands that start runs share: whom a text names, what is suggested, and the request itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bots.command import Asked, StartRun
from bots.follow_up import whole_question
from pipelines.registry.catalog import built_in
from pipelines.registry.lookup import Lookup
from tieout.errors import InvalidInput, NeedsAnswer, UnknownInstrument
from tieout.model import Instrument, Principal, RunRequest
from tieout.ports import Desk

_BETWEEN = re.compile(r"\s*(?:[,;]|\b(?:and|with|to|against|versus|vs)\b\.?)\s*", re.I)
_MOST_SUGGESTED = 25


def start(asked: Asked, agent: str, question: str, *, told: str, tickers: Sequence[str] = ()) -> StartRun:
    """Return a run of the question; without `tickers`, one that names no company is about the channel's."""
    if not tickers and asked.settings.tickers and not known_companies(asked.desk, asked.principal).mentioned(question):
        tickers = asked.settings.tickers
    request = RunRequest(question, agent=agent, tickers=tuple(tickers), door=asked.inbound.place.platform)
    return StartRun(request, told=told)


def question_of(asked: Asked, text: str) -> str:
    """Return the question that a text means in its thread."""
    if not asked.history:
        return text
    return whole_question(text, asked.history, known_companies(asked.desk, asked.principal))


def known_companies(desk: Desk, principal: Principal) -> Lookup:
    """Return an index over well-known companies and those that the library or the lake holds something of."""
    own = {
        document.ticker: Instrument(document.instrument_id, document.company or document.ticker, document.ticker)
        for document in desk.documents(principal)
        if document.ticker and document.instrument_id
    }
    known = Lookup((*built_in(), *own.values()))
    priced = {series.key.ticker for series in desk.series(principal)}
    unknown = sorted(ticker for ticker in priced if not known.exact(ticker))
    return Lookup((*known.instruments, *(Instrument(f"ticker:{one}", one, one) for one in unknown)))


def company(asked: Asked, reference: str) -> Instrument:
    """Return the company of a ticker or name; one that has prices needs no other record.

    Raises UnknownInstrument, NeedsAnswer.
    """
    try:
        return asked.desk.instrument(asked.principal, reference)
    except (UnknownInstrument, NeedsAnswer):
        ticker = reference.strip().upper()
        if not asked.desk.series(asked.principal, ticker):
            raise
        return Instrument(f"ticker:{ticker}", ticker, ticker)


def companies(asked: Asked, text: str) -> list[Instrument]:
    """Return the companies that a list names, each once: `AAPL MSFT`, `Apple and Walmart`, `Procter & Gamble, WMT`.

    Raises InvalidInput, UnknownInstrument, NeedsAnswer.
    """
    found: dict[str, Instrument] = {}
    for part in filter(None, _BETWEEN.split(text.strip())):
        for one in _named(asked, part):
            found.setdefault(one.id, one)
    if not found:
        raise InvalidInput("Name a company: its ticker, or its name.")
    return list(found.values())


def _named(asked: Asked, part: str) -> list[Instrument]:
    """Return the one company of a name, else one for each of its words: of a list, not of a sentence."""
    try:
        return [company(asked, part)]
    except UnknownInstrument:
        words = part.split()
        names = part.islower() or all(word[:1].isupper() for word in words)
        if len(words) < 2 or not names or re.search(r"[’']s\b", part):
            raise
        return [company(asked, word) for word in words]


def ticker_of(instrument: Instrument) -> str:
    """Return what names an instrument in a request."""
    return instrument.ticker or instrument.name


def suggest_tickers(desk: Desk, principal: Principal, typed: str) -> list[str]:
    """Return tickers whose company's ticker or name begins with what was typed last, those with prices first."""
    typed = typed.rsplit(" ", 1)[-1].strip().casefold()
    priced = {series.key.ticker for series in desk.series(principal)}
    fitting = [
        one.ticker
        for one in known_companies(desk, principal).instruments
        if one.ticker and (one.ticker.casefold().startswith(typed) or one.name.casefold().startswith(typed))
    ]
    return sorted(fitting, key=lambda ticker: (ticker not in priced, ticker))[:_MOST_SUGGESTED]


def suggest_runs(desk: Desk, principal: Principal, typed: str) -> list[str]:
    """Return the newest runs with their questions, as `ID question`; `run_id_in` gives the id back."""
    typed = typed.strip().casefold()
    runs = [run for run in desk.runs(principal, limit=100) if run.request.agent != "chat"]
    shown = [f"{run.id} {' '.join(run.request.question.split())}"[:100] for run in runs]
    return [one for one in shown if typed in one.casefold()][:_MOST_SUGGESTED]


def run_id_in(text: str) -> str:
    """Return the run's id of an argument, which may be a suggestion: an id and the question."""
    return text.strip().split(" ", 1)[0]
