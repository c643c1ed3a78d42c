"""Gathers price facts: which measures, over which days, against which benchmark."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pipelines.agents.evidence import PriceLine, Prices, Scope
from pipelines.agents.question import Reading, Window, price_window
from pipelines.tools.market import BENCHMARK, MEASURES, Gathered, History, measures, price_chart
from tieout.errors import InvalidInput
from tieout.model import Chart, Document, Instrument, Series
from tieout.ports import StepContext

_WITH_RETURN = ("total_return", "relative_return", "annualised_return", "volatility", "max_drawdown")


def gather_market(context: StepContext, scope: Scope, reading: Reading) -> Prices:
    """Return the price facts that the question asks for; what cannot be computed is named with its reason."""
    if not reading.wants_prices:
        return Prices()
    series = context.parts.lake.series(context.principal)
    have = {one.key.ticker for one in series}
    asked = [one for one in scope.instruments if one.ticker]
    missing = [f"the lake holds no prices of {one.name}" for one in asked if one.ticker not in have]
    tickers = [one.ticker for one in asked if one.ticker in have]
    if not tickers:
        return Prices(missing=tuple(missing))
    window = _window(context, scope, reading, [one for one in series if one.key.ticker in tickers])
    names = _measure_names(reading)
    gathered: dict[str, Gathered] = {}
    for ticker in (*tickers, *_benchmark(names, tickers, have)):
        wanted = names if ticker in tickers else ("total_return",)
        try:
            gathered[ticker] = _measure(context, ticker, wanted, window, scope.as_of)
        except InvalidInput as error:
            missing.append(error.message)
    for ticker, one in gathered.items():
        missing += [f"{ticker}: {reason}" for reason in one.missing if "shorter than a year" not in reason]
    return _collect(context, gathered, tickers, window, missing)


def _collect(
    context: StepContext, gathered: dict[str, Gathered], tickers: list[str], window: Window, missing: list[str]
) -> Prices:
    queries = [query for one in gathered.values() for query in one.queries]
    facts = context.parts.lake.compute(context.principal, queries)
    lines = [
        PriceLine(fact.instrument or "", fact.measure, fact.id, BENCHMARK if _compares(fact.measure) else None)
        for fact in facts
    ]
    shown = [one for ticker, one in gathered.items() if ticker in tickers and one.start]
    first = shown[0] if shown else Gathered()
    notes = [_window_note(window, first.start, first.end)] if _over_time(lines) else []
    return Prices(
        tuple(sorted(lines, key=lambda line: line.ticker not in tickers)),
        tuple(facts),
        tuple(_chart(gathered.values(), window)) if _over_time(lines) else (),
        first.start,
        first.end,
        tuple(notes),
        tuple(dict.fromkeys(missing)),
    )


def _measure(context: StepContext, ticker: str, names: tuple[str, ...], window: Window, as_of: date) -> Gathered:
    lake, principal = context.parts.lake, context.principal
    return measures(
        lake, principal, ticker, names, start=window.start, end=window.end, as_of=as_of,
        benchmark=None if ticker == BENCHMARK else BENCHMARK,
    )  # fmt: skip


def _measure_names(reading: Reading) -> tuple[str, ...]:
    keys = [topic.key for topic in reading.price_topics]
    names: list[str] = []
    for topic in reading.price_topics:
        names += _WITH_RETURN if topic.key == "return" and len(keys) == 1 else topic.measures
    return tuple(name for name in dict.fromkeys(names) if name in MEASURES)


def _benchmark(names: tuple[str, ...], tickers: list[str], have: set[str]) -> tuple[str, ...]:
    """Return the benchmark when a comparison needs its own return shown."""
    wanted = "relative_return" in names and BENCHMARK in have and BENCHMARK not in tickers
    return (BENCHMARK,) if wanted else ()


def _window(context: StepContext, scope: Scope, reading: Reading, series: list[Series]) -> Window:
    documents = context.parts.library.documents(context.principal)
    ends = [end for one in scope.instruments if (end := _year_end(one, scope, documents))]
    return price_window(reading, scope.as_of, min(one.first for one in series), max(ends, default=None))


def _year_end(instrument: Instrument, scope: Scope, documents: Iterable[Document]) -> date | None:
    """Return the end of the fiscal year in question: from the annual report, else from the registry's month and day."""
    year = scope.fiscal_year(instrument.ticker or "")
    if year is None:
        return None
    for document in documents:
        annual = document.fiscal_quarter in (None, 4)
        if document.instrument_id == instrument.id and document.fiscal_year == year and annual and document.period_end:
            return document.period_end
    if instrument.fiscal_year_end:
        month, day = map(int, instrument.fiscal_year_end.split("-"))
        return date(year, month, min(day, 28) if month == 2 else day)
    return None


def _window_note(window: Window, start: date | None, end: date | None) -> str:
    if start is None or end is None:
        return f"Prices: {window.note}."
    return (
        f"Prices: {window.note}; the closes used are those of {start:%-d %B %Y} and {end:%-d %B %Y}. "
        "Returns come from closes adjusted for splits and dividends."
    )


def _compares(measure: str) -> bool:
    return measure in ("beta", "correlation", "relative_return", "relative_growth")


def _over_time(lines: list[PriceLine]) -> bool:
    instant = {"level", "rsi", "macd", "macd_signal", "macd_histogram", "average_volume"}
    return any(not (line.measure in instant or "sma" in line.measure or "52w" in line.measure) for line in lines)


def _chart(gathered: Iterable[Gathered], window: Window) -> list[Chart]:
    """Return one chart of all companies and the benchmark, each rebased to 100."""
    histories: dict[str, History] = {}
    for one in gathered:
        for history in one.histories:
            histories.setdefault(history.key.ticker, history)
    adjustments = {history.key.adjustment for history in histories.values()}
    if not histories or len(adjustments) != 1:
        return []
    try:
        return [price_chart(list(histories.values()), window.start, window.end)]
    except InvalidInput:
        return []  # one of the series does not reach the window; its facts said so already
