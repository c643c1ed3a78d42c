"""Which research requests are good: the question, the companies and the as-of day are checked before a run is made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tieout.errors import InvalidInput, NeedsAnswer, UnknownInstrument
from tieout.model import Principal, RunRequest
from tieout.ports import Parts
from tieout.use_cases.common import question_text, valid_text

_EARLIEST_ZONE = timedelta(hours=14)  # somewhere on earth it is already that day

# Words that ask for prices: they need bars up to the day asked for; filings may be older than the first bar.
_PRICES = re.compile(
    r"\b(?:stocks?|(?<!per )(?<!diluted )(?<!basic )shares?|prices?|returns?(?! on\b)|returned(?! to\b)|volatil\w+"
    r"|drawdowns?|beta|correlat\w+|rsi|macd|moving averages?|52[- ]weeks?|clos(?:e|ed|ing))\b",
    re.I,
)


def checked_request(parts: Parts, principal: Principal, request: RunRequest, *, now: datetime) -> RunRequest:
    """Return the request with a trimmed question and its companies resolved to tickers, once each.

    `now` (UTC) says which as-of days are to come. Raises InvalidInput, UnknownInstrument, NeedsAnswer.
    """
    question = question_text(request.question, "The question")
    tickers = tuple(dict.fromkeys(known_ticker(parts, principal, ticker) for ticker in request.tickers))
    if request.as_of is not None:
        today = (now + _EARLIEST_ZONE).date()
        asks_prices = _PRICES.search(question) is not None
        _check_as_of(parts, principal, request.as_of, tickers, today=today, prices=asks_prices)
    return replace(request, question=question, tickers=tickers)


def known_ticker(parts: Parts, principal: Principal, reference: str) -> str:
    """Return the ticker that a reference stands for; a ticker with prices needs no entry in the registry.

    Raises InvalidInput, UnknownInstrument, NeedsAnswer.
    """
    valid_text(reference, "A ticker")
    try:
        instrument = parts.registry.get(principal, reference)
    except (UnknownInstrument, NeedsAnswer):
        ticker = reference.strip().upper()
        if ticker and parts.lake.series(principal, ticker):
            return ticker
        raise
    return instrument.ticker or instrument.name


def _check_as_of(
    parts: Parts, principal: Principal, as_of: date, tickers: Sequence[str], *, today: date, prices: bool
) -> None:
    """Refuse a day to come and, where `prices` are asked for, one before the first bar."""
    if as_of > today:
        raise InvalidInput(f"The as-of date {as_of} is in the future; the latest possible is today, {today}.")
    if not prices:
        return
    series = [one for ticker in tickers for one in parts.lake.series(principal, ticker)]
    series = series or ([] if tickers else parts.lake.series(principal))
    first = min((one.first for one in series), default=None)
    if first is not None and as_of < first:
        of = " of " + ", ".join(tickers) if tickers else ""
        raise InvalidInput(
            f"The as-of date {as_of} is before the first price{of}, which is of {first}; choose {first} or later.",
            as_of=as_of.isoformat(),
            first=first.isoformat(),
        )
