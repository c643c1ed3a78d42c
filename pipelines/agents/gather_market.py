"""Gathers price facts: which measures, over which days, against which benchmark."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.agents.evidence import PriceLine, Prices, Scope
from pipelines.agents.question import Reading
from pipelines.agents.topics import PRICE_TOPICS
from pipelines.agents.windows import Window, price_windows
from pipelines.tools.market import BENCHMARK, MEASURES, Gathered, History, measures, price_chart
from tieout.errors import InvalidInput
from tieout.model import Chart, Document, Instrument, Series
from tieout.ports import StepContext

_WITH_RETURN = ("total_return", "relative_return", "annualised_return", "volatility", "max_drawdown")
_COMPARING = ("beta", "correlation", "relative_return")
_NO_RATIO = (
    (re.compile(r"\b(?:sharpe|sortino)\b", re.I), (
        "a Sharpe or Sortino ratio needs a risk-free rate, which the"
        " lake does not hold"
    )),
    (
        re.compile(r"\b(?:p/?e\b|price[- ]to[- ](?:earnings|sales|book)"
            r"|price[- ]earnings|market cap\w*|dividend yield|valuation|ev/)", re.I),
        "a valuation needs a price level; the lake holds closes adjusted for dividends, which give returns only",
    ),
)  # fmt: skip
_ONE_OF_TWO = (  # words → which of two facts of one measure they ask for, the other being left out
    (r"best and worst", ()),
    (r"worst (?:single |trading )?day", ("best_day",)),
    (r"best (?:single |trading )?day", ("worst_day",)),
    (r"200[- ]?day", ("above_sma_50", "sma_50")),
    (r"50[- ]?day", ("above_sma_200", "sma_200")),
    (r"52[- ]week (?:high and low|low and high|range)", ()),
    (r"52[- ]week high", ("above_low_52w", "low_52w")),
    (r"52[- ]week low", ("below_high_52w", "high_52w")),
)


# "Apple's price, RSI and volatility" asks for the price itself; "the volatility of its price" does not.
_PRICE_ITSELF = re.compile(
    r"\bprice\s*(?:,|\band\b|&)"
    r"|(?:,|\band|&)\s*(?:(?:its|the)\s+)?(?:stock |share )?price\s*[?.]?\s*$"
    r"|^what(?:'s| is| was) [^,]*?(?<!return )\bprice\s*\??$",
    re.I,
)
_WHOSE = re.compile(r"\b(?:of|in)\s+(?:\S+\s+){0,3}?prices?\b", re.I)


@dataclass(frozen=True)
class _Asked:
    """Whose prices are measured, and against what."""

    tickers: tuple[str, ...]
    benchmark: str | None


def gather_market(context: StepContext, scope: Scope, reading: Reading) -> Prices:
    """Return the price facts that the question asks for; what cannot be computed is named with its reason."""
    unknown = tuple(reason for pattern, reason in _NO_RATIO if pattern.search(reading.text))
    if scope.declined or not (reading.wants_prices or unknown or prices_instead(scope, reading)):
        return Prices()
    series = context.parts.lake.series(context.principal)
    have = {one.key.ticker for one in series}
    companies = [one for one in scope.instruments if one.ticker]
    missing = [*unknown, *(f"the lake holds no prices of {one.name}" for one in companies if one.ticker not in have)]
    asked = _asked(reading, [one for one in companies if one.ticker in have], have)
    names = _measure_names(reading, asked) if reading.wants_prices or not unknown else ()
    missing += _without_benchmark(reading, asked) if asked.tickers else []
    if not asked.tickers or not names:
        return Prices(missing=tuple(missing))
    try:
        windows = _windows(context, scope, reading, [one for one in series if one.key.ticker in asked.tickers])
    except InvalidInput as error:
        return Prices(missing=(*missing, error.message))
    return _over(context, reading, asked, names, windows, scope.as_of, missing)


def prices_instead(scope: Scope, reading: Reading) -> bool:
    """Whether a question that names nothing in particular is about the stock, there being no filing of the company."""
    return reading.general and not scope.document_ids and not reading.price_topics


def _asked(reading: Reading, companies: list[Instrument], have: set[str]) -> _Asked:
    """Return what is measured: a fund among companies, or the second of two that are set against each other, is not."""
    tickers = [one.ticker or "" for one in companies]
    funds = [one.ticker or "" for one in companies if one.kind != "company"]
    paired = reading.relative or any(topic.key == "correlation" for topic in reading.price_topics)
    if funds and len(funds) < len(tickers):
        return _Asked(tuple(ticker for ticker in tickers if ticker not in funds), funds[0])
    if len(tickers) == 2 and paired and not reading.intent.extreme:
        return _Asked((tickers[0],), tickers[1])
    market = BENCHMARK if BENCHMARK in have and BENCHMARK not in tickers else None
    return _Asked(tuple(tickers), market)


def _measure_names(reading: Reading, asked: _Asked) -> tuple[str, ...]:
    keys = [topic.key for topic in reading.price_topics] or ["return"]
    several = len(asked.tickers) > 1
    names: list[str] = []
    for topic in reading.price_topics or [topic for topic in PRICE_TOPICS if topic.key == "return"]:
        alone = topic.key == "return" and len(keys) == 1 and not several and not reading.intent.yearly
        names += _WITH_RETURN if alone else topic.measures
    if price_itself(reading.text) and "level" not in names:
        names.insert(0, "level")
    if asked.benchmark is None or reading.intent.yearly or (several and not reading.relative):
        names = [name for name in names if name != "relative_return"]
    if asked.benchmark is None:
        names = [name for name in names if name not in _COMPARING]
    return tuple(name for name in dict.fromkeys(names) if name in MEASURES)


def price_itself(text: str) -> bool:
    """Whether a question asks for the price as such, beside whatever else it asks."""
    return _PRICE_ITSELF.search(_WHOSE.sub(" ", text)) is not None


def _without_benchmark(reading: Reading, asked: _Asked) -> list[str]:
    """Say what a question asks for that needs a second security where the lake has none."""
    if asked.benchmark is not None:
        return []
    wanted = [topic.key for topic in reading.price_topics if topic.key in ("beta", "correlation")]
    wanted += ["performance against the market"] if reading.relative and not wanted else []
    return [f"{name} needs a second security: the lake holds no other prices than those asked for" for name in wanted]


def _over(
    context: StepContext,
    reading: Reading,
    asked: _Asked,
    names: tuple[str, ...],
    windows: list[Window],
    as_of: date,
    missing: list[str],
) -> Prices:
    """Measure every security over every window."""
    gathered: list[tuple[str, Gathered]] = []
    for window in windows:
        for ticker in asked.tickers:
            try:
                gathered.append((ticker, _measure(context, ticker, names, window, as_of, asked.benchmark)))
            except InvalidInput as error:
                missing.append(error.message)
        if gathered and "relative_return" in names and asked.benchmark:
            own = _measure(context, asked.benchmark, ("total_return",), window, as_of, None)
            gathered.append((asked.benchmark, own))
    for ticker, one in gathered:
        missing += [f"{ticker}: {reason}" for reason in one.missing if "shorter than a year" not in reason]
    return _collect(context, reading, gathered, asked, windows, missing)


def _collect(
    context: StepContext,
    reading: Reading,
    gathered: list[tuple[str, Gathered]],
    asked: _Asked,
    windows: list[Window],
    missing: list[str],
) -> Prices:
    dropped = _not_asked(reading)
    queries = [query for _, one in gathered for query in one.queries if query.measure not in dropped]
    facts = context.parts.lake.compute(context.principal, queries)
    lines = [
        PriceLine(fact.instrument or "", fact.measure, fact.id, asked.benchmark if _compares(fact.measure) else None)
        for fact in facts
    ]
    shown = [one for ticker, one in gathered if ticker in asked.tickers and one.start]
    first, last = (shown[0], shown[-1]) if shown else (Gathered(), Gathered())
    whole = (
        windows[0] if len(windows) == 1 else Window(windows[0].start, windows[-1].end, "each calendar year by itself")
    )
    return Prices(
        tuple(sorted(lines, key=lambda line: line.ticker not in asked.tickers)),
        tuple(facts),
        tuple(_chart([one for _, one in gathered], whole)) if _over_time(lines) else (),
        first.start,
        last.end,
        (_window_note(whole, first.start, last.end),) if _over_time(lines) else (),
        tuple(dict.fromkeys(missing)),
    )


def _not_asked(reading: Reading) -> set[str]:
    """Return the facts to leave out where only one of a pair is asked for; both are kept where both are."""
    said = [left for pattern, left in _ONE_OF_TWO if re.search(pattern, reading.text, re.I)]
    asked = {"above_sma_50", "above_sma_200"} if all(re.search(rf"\b{n}\b", reading.text) for n in (50, 200)) else set()
    if () in said or asked:
        return set()
    return {name for left in said for name in left}


def _measure(
    context: StepContext, ticker: str, names: tuple[str, ...], window: Window, as_of: date, benchmark: str | None
) -> Gathered:
    lake, principal = context.parts.lake, context.principal
    return measures(
        lake, principal, ticker, names, start=window.start, end=window.end, as_of=as_of, benchmark=benchmark
    )


def _windows(context: StepContext, scope: Scope, reading: Reading, series: list[Series]) -> list[Window]:
    documents = context.parts.library.documents(context.principal)
    ends = [end for one in scope.instruments if (end := _year_end(context, one, scope, documents))]
    first = min(one.first for one in series)
    return price_windows(reading, scope.as_of, first, max(ends, default=None))


def _year_end(context: StepContext, instrument: Instrument, scope: Scope, documents: Sequence[Document]) -> date | None:
    """Return the end of the fiscal year in question.

    From the annual report, else as a later report prints it, else by the registry's month and day.
    """
    year = scope.fiscal_year(instrument.ticker or "")
    if year is None:
        return None
    for document in documents:
        annual = document.fiscal_quarter in (None, 4)
        if document.instrument_id == instrument.id and document.fiscal_year == year and annual and document.period_end:
            return document.period_end
    if (printed := _printed_end(context, instrument, documents, year)) is not None:
        return printed
    if instrument.fiscal_year_end:
        month, day = map(int, instrument.fiscal_year_end.split("-"))
        return date(year, month, min(day, 28) if month == 2 else day)
    return None


def _printed_end(context: StepContext, instrument: Instrument, documents: Iterable[Document], year: int) -> date | None:
    """Return the end of a fiscal year that most figures of the company's other annual reports give it."""
    ends = Counter(
        figure.period.end
        for document in documents
        if document.instrument_id == instrument.id and document.fiscal_quarter in (None, 4)
        for figure in context.parts.library.figures(context.principal, document.id)
        if figure.period and figure.period.kind == "year" and figure.period.fiscal_year == year and figure.period.end
    )
    return ends.most_common(1)[0][0] if ends else None


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
