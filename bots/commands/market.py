"""`market`: the prices that the lake holds, or a company's last close and returns."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date

from bots.command import Argument, Asked, Command, Reply, StartRun
from bots.commands._asking import company, known_companies, question_of, start, suggest_tickers, ticker_of
from bots.render.document import Document
from bots.render.escape import cell
from pipelines.tools.market_history import History, choose_series
from tieout.errors import InvalidInput, NotFound, UnknownInstrument
from tieout.model import Instrument, Role, Series

_MOST_LISTED = 20
_SPANS = (("1 month", 1), ("3 months", 3), ("1 year", 12), ("5 years", 60))


def market(asked: Asked) -> Reply | StartRun:
    """List the price series, or tell of one company's; a sentence about one is a question as it is.

    Raises UnknownInstrument, NeedsAnswer, NotFound.
    """
    reference = asked.arguments.get("ticker", "").strip()
    if not reference:
        return Reply(Document("\n".join(_all(asked))))
    try:
        found = company(asked, reference)
    except UnknownInstrument:
        if not known_companies(asked.desk, asked.principal).mentioned(reference):
            raise
        return start(asked, "research", question_of(asked, f"Market {reference}"), told="Researching")
    return Reply(Document("\n".join(_of(asked, found))))


def _all(asked: Asked) -> Iterator[str]:
    held = asked.desk.series(asked.principal)
    if not held:
        yield "The lake holds no prices yet; import some with `tieout market import`."
        return
    yield f"**Prices of {len({one.key.ticker for one in held})} securities**, {len(held)} series"
    yield from ("", "| Ticker | Adjustment | Currency | From | To |", "|---|---|---|---|---|")
    for one in held[:_MOST_LISTED]:
        key = one.key
        yield f"| {cell(key.ticker)} | {_adjusted(one)} | {cell(one.currency)} | {one.first} | {one.last} |"
    if len(held) > _MOST_LISTED:
        yield from ("", f"{len(held) - _MOST_LISTED} more; `market TICKER` tells of one.")


def _of(asked: Asked, found: Instrument) -> Iterator[str]:
    held = asked.desk.series(asked.principal, ticker_of(found))
    if not held:
        raise NotFound(f"The lake holds no prices of {found.name}; `market` lists those there are.")
    yield f"**{cell(found.name)}** ({cell(ticker_of(found))})"
    yield ""
    yield from _close(asked, held, found)
    yield from _returns(asked, held, found)


def _close(asked: Asked, held: list[Series], found: Instrument) -> Iterator[str]:
    """Yield the last price level, and say so when it is older than the last bar: adjusted closes are no prices."""
    last = max(one.last for one in held)
    current = choose_series(held, ticker_of(found), "levels", end=last).series
    choice = choose_series(held, ticker_of(found), "levels")
    if choice.series is None:
        yield f"Last close: unknown, as {cell(choice.reason)}."
    else:
        history = _history(asked, choice.series)
        price = f"{history.closes[-1]:,.2f} {cell(choice.series.currency)}"
        old = "" if current else " Newer closes embed dividends: they give returns, and no price."
        yield f"Last close: **{price}** on {history.days[-1]} (adjustment: {_adjusted(choice.series)}).{old}"
    yield ""


def _returns(asked: Asked, held: list[Series], found: Instrument) -> Iterator[str]:
    """Yield simple returns from the last close on or before the day so many months before the last bar."""
    choice = choose_series(held, ticker_of(found), "returns", end=max(one.last for one in held))
    if choice.series is None:
        yield f"Returns: unknown, as {cell(choice.reason)}."
        return
    history = _history(asked, choice.series)
    yield from (f"| Return to {history.days[-1]} | | From the close of |", "|---|---|---|")
    for words, months in _SPANS:
        yield f"| {words} | {_return(history, months_before(history.days[-1], months))} |"
    of = "dividends included" if history.pays else "dividends not included"
    yield from ("", f"Simple returns of closes (adjustment: {_adjusted(choice.series)}), {of}; not annualised.")


def _return(history: History, start: date) -> str:
    try:
        first, _ = history.window(start, None)
    except InvalidInput:
        return f"unknown | prices begin on {history.days[0]}"
    change = history.closes[-1] / history.closes[history.days.index(first)] - 1
    return f"{change:+.2%} | {first}"


def _history(asked: Asked, series: Series) -> History:
    bars = asked.desk.bars(asked.principal, series.key)
    return History(series, series.last, tuple(bars["day"].to_pylist()), tuple(bars["close"].to_pylist()))


def months_before(day: date, months: int) -> date:
    """Return the same day of an earlier month, its last one where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _adjusted(series: Series) -> str:
    names = {"none": "none", "splits": "splits", "splits_dividends": "splits and dividends"}
    return names.get(series.key.adjustment, cell(series.key.adjustment))


COMMAND = Command(
    "market",
    "List the prices at hand, or tell a stock's last close and returns.",
    market,
    (Argument("ticker", "a ticker or a company's name", required=False, rest=True, suggest=suggest_tickers),),
    role=Role.VIEWER,
)
