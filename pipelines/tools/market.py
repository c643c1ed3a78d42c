"""Price measures by name: each gives queries for facts, computed from one series, or from two for a comparison."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from pipelines.tools import market_indicators as indicators
from pipelines.tools import market_returns as returns
from pipelines.tools.market_charts import price_chart, price_chart_sql
from pipelines.tools.market_history import Choice, History, choose_series, common, read_history
from pipelines.tools.market_query import Span
from tieout.errors import InvalidInput
from tieout.model import Chart, Principal, Series
from tieout.ports import FactQuery, Lake

__all__ = [
    "MEASURES", "Choice", "Gathered", "History", "Measure", "choose_series", "measure", "measures", "price_chart",
    "price_chart_sql", "read_history",
]  # fmt: skip

BENCHMARK = "SPY"


@dataclass(frozen=True)
class Measure:
    """A price measure: what series it needs, whether it compares, and how its queries are built."""

    name: str
    title: str
    build: Callable[[Span], list[FactQuery]]
    purposes: tuple[str, ...] = ("returns",)  # the first that has a series is used
    compares: bool = False
    instant: bool = False  # it is of the last day; only the end of a window counts


_ALL = (
    Measure("total_return", "total return", returns.total_return),
    Measure("annualised_return", "annualised return", returns.annualised_return),
    Measure("volatility", "annualised volatility", returns.volatility),
    Measure("max_drawdown", "maximum drawdown", returns.max_drawdown),
    Measure("extremes", "best and worst day", returns.extremes),
    Measure("beta", "beta", returns.beta, compares=True),
    Measure("correlation", "correlation", returns.correlation, compares=True),
    Measure("relative_return", "performance against the benchmark", returns.relative_return, compares=True),
    Measure("level", "closing price", indicators.level, ("levels",), instant=True),
    Measure("range_52_weeks", "52-week range", indicators.range_52_weeks, ("levels", "returns"), instant=True),
    Measure("sma", "moving averages", indicators.sma, ("levels", "returns"), instant=True),
    Measure("rsi", "relative strength index", indicators.rsi, instant=True),
    Measure("macd", "MACD", indicators.macd, instant=True),
    Measure("average_volume", "average volume", indicators.average_volume, ("levels",), instant=True),
)
MEASURES: Mapping[str, Measure] = {one.name: one for one in _ALL}


@dataclass(frozen=True)
class Gathered:
    """The queries for one ticker, why some measures have none, and what to chart.

    `start` and `end` are the days of the first and last bar of the window; None when no returns series serves.
    """

    queries: tuple[FactQuery, ...] = ()
    missing: tuple[str, ...] = ()
    start: date | None = None
    end: date | None = None
    histories: tuple[History, ...] = ()  # of returns: the ticker's, then the benchmark's where it has one

    @property
    def chart(self) -> Chart | None:
        """The ticker beside its benchmark over the window, rebased to 100."""
        return price_chart(self.histories, self.start, self.end) if self.histories else None


def measure(
    name: str, history: History, start: date | None = None, end: date | None = None, benchmark: History | None = None
) -> list[FactQuery]:
    """Return the queries of one measure over a history, from the last bar on or before each date.

    Raises InvalidInput for an unknown measure, a date before the first bar, and too few bars.
    """
    found = MEASURES.get(name)
    if found is None:
        raise InvalidInput(f"there is no price measure {name!r}: there are {', '.join(MEASURES)}")
    if found.instant:
        last = history.on_or_before(end or history.days[-1])
        return found.build(Span(history, last, last))
    if not found.compares:
        return found.build(Span(history, *history.window(start, end)))
    if benchmark is None or benchmark.key.ticker == history.key.ticker:
        raise InvalidInput(f"{found.title} of {history.key.ticker} needs another security to compare it with")
    own, other = common(history, benchmark)
    first, last = own.window(start, end)
    return found.build(Span(own, first, last, other))


def measures(
    lake: Lake,
    principal: Principal,
    ticker: str,
    names: Sequence[str],
    *,
    start: date | None = None,
    end: date | None = None,
    as_of: date | None = None,
    benchmark: str | None = BENCHMARK,
) -> Gathered:
    """Choose the series of a ticker and return the queries of all named measures; a measure without one says why.

    `as_of` bounds what is known (default: the ticker's last bar). `end` is at most the last bar known by then,
    and each query says on which days it ends; a series that stops more than a week before that is not used: an old
    price is no answer about today. Raises InvalidInput for an unknown measure and for a `start` before the first bar
    of every series, naming that day.
    """
    for name in names:
        if name not in MEASURES:
            raise InvalidInput(f"there is no price measure {name!r}: there are {', '.join(MEASURES)}")
    series = lake.series(principal)
    last = max((one.last for one in series if one.key.ticker == ticker.upper()), default=None)
    as_of = as_of or last
    if as_of is not None and last is not None:
        end = min(end or last, last, as_of)
    desk = _Desk(lake, principal, series, as_of, start, end)
    _check_start(series, ticker, start)
    queries: list[FactQuery] = []
    missing: dict[str, None] = {}
    for name in names:
        try:
            queries.extend(_gather(desk, MEASURES[name], ticker, benchmark))
        except InvalidInput as error:
            missing[f"{MEASURES[name].title}: {error.message}"] = None
    histories = _charted(desk, ticker, benchmark if any(MEASURES[name].compares for name in names) else None)
    first, final = _window(histories, start, end)
    return Gathered(tuple(queries), tuple(missing), first, final, histories if first else ())


def price_queries(
    lake: Lake, principal: Principal, ticker: str, names: Sequence[str], **window: date | None
) -> list[FactQuery]:
    """Return the queries of the named measures of a ticker, of all when none is named, against the benchmark.

    `window` is start, end and as_of, as for `measures`. Raises InvalidInput when there are no queries, saying why.
    """
    found = measures(
        lake,
        principal,
        ticker,
        list(names) or list(MEASURES),
        start=window.get("start"),
        end=window.get("end"),
        as_of=window.get("as_of"),
    )
    if not found.queries:
        raise InvalidInput("; ".join(found.missing) or f"there are no prices of {ticker}")
    return list(found.queries)


class _Desk:
    """One question's view of the lake: its series, and each history read once."""

    def __init__(
        self,
        lake: Lake,
        principal: Principal,
        series: Sequence[Series],
        as_of: date | None,
        start: date | None,
        end: date | None,
    ) -> None:
        self._lake, self._principal, self.series, self._as_of = lake, principal, series, as_of
        self._start, self._end = start, end
        self._read: dict[object, History] = {}

    def history(
        self, ticker: str, purposes: Sequence[str], *, instant: bool = False, like: History | None = None
    ) -> History:
        """Return the history that serves best. Raises InvalidInput with the reason when none does."""
        start = None if instant else self._start
        reasons = []
        for purpose in purposes:
            choice = choose_series(self.series, ticker, purpose, start, self._end, like=like.key if like else None)
            if choice.series is not None:
                key = choice.series.key
                if key not in self._read:
                    self._read[key] = read_history(self._lake, self._principal, choice.series, self._as_of)
                return self._read[key]
            reasons.append(choice.reason)
        raise InvalidInput(reasons[-1])

    def build(self, name: str, history: History, benchmark: History | None = None) -> list[FactQuery]:
        """Return the queries of one measure over the window asked for."""
        return measure(name, history, self._start, self._end, benchmark)


def _gather(desk: _Desk, one: Measure, ticker: str, benchmark: str | None) -> list[FactQuery]:
    history = desk.history(ticker, one.purposes, instant=one.instant)
    if not one.compares:
        return desk.build(one.name, history)
    if benchmark is None:
        raise InvalidInput(f"{ticker.upper()} needs a benchmark to be compared with")
    return desk.build(one.name, history, desk.history(benchmark, one.purposes, like=history))


def _charted(desk: _Desk, ticker: str, benchmark: str | None) -> tuple[History, ...]:
    try:
        own = desk.history(ticker, ("returns",))
    except InvalidInput:
        return ()
    if benchmark is None or benchmark.upper() == ticker.upper():
        return (own,)
    try:
        return own, desk.history(benchmark, ("returns",), like=own)
    except InvalidInput:
        return (own,)


def _window(histories: tuple[History, ...], start: date | None, end: date | None) -> tuple[date | None, date | None]:
    if not histories:
        return None, None
    try:
        return histories[0].window(start, end)
    except InvalidInput:
        return None, None


def _check_start(series: Sequence[Series], ticker: str, start: date | None) -> None:
    mine = [one for one in series if one.key.ticker == ticker.upper()]
    if start is None or not mine:
        return
    first = min(mine, key=lambda one: one.first)
    if start < first.first:
        read = f"{first.first.day} {first.first:%B %Y}"
        raise InvalidInput(
            f"the prices of {ticker.upper()} begin on {read}: {start.isoformat()} is before the first bar",
            first=str(first.first),
        )
