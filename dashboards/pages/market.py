"""Market: prices with indicators, series beside each other, and a screener and table over the whole lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

import panel as pn
import polars as pl
import pyarrow as pa

from dashboards import series
from dashboards.chart import Chart, line_figure, matrix_figure, price_figures
from dashboards.parts import facts, heading, text
from dashboards.table import Table
from dashboards.view import Page, View
from tieout.errors import InvalidInput
from tieout.model import Series
from tieout.ports import BarFilter, ScreenFilter

_RANGES = {"1 month": 31, "6 months": 183, "1 year": 365, "5 years": 1826, "10 years": 3652, "all": 0}
_INDICATORS = {"Volume": "volume", "50-day mean": "sma_50", "200-day mean": "sma_200", "RSI": "rsi", "MACD": "macd"}
_ADJUSTMENTS = {
    "splits_dividends": "prices adjusted for splits and dividends: their changes are total returns, their level is no "
    "price that was paid",
    "splits": "prices adjusted for splits, not for dividends",
    "none": "prices as they were paid, adjusted for nothing",
}
_MOST_COMPARED = 8
_BETA_SESSIONS = 126
_ROWS = 1_000
_ANY = "any"
_NOTHING = "There are no prices yet: import a CSV or Parquet file with `tieout market import FILE`."


def build(view: View) -> Sequence[Any]:
    """Return charts and tables over the lake."""
    contracts = view.desk.series(view.who())
    if not contracts:
        return [text(f"<p>{_NOTHING}</p>")]
    return [*_Prices(view, contracts).body, *_Beside(view, contracts).body, *_Whole(view, contracts).body]


class _Prices:
    """One series: candles, volume and indicators."""

    def __init__(self, view: View, contracts: Sequence[Series]) -> None:
        self._view = view
        self._contracts = {str(one.key): one for one in contracts}
        first = next((str(one.key) for one in contracts if one.has_ohlc), str(contracts[0].key))
        self._series = pn.widgets.Select(label="Series", options=list(self._contracts), value=first, width=300)
        self._range = pn.widgets.Select(label="Range", options=list(_RANGES), value="1 year", width=130)
        self._shown = pn.widgets.MultiChoice(
            label="Indicators",
            options=_INDICATORS,
            value=["volume", "sma_50", "sma_200"],
            max_width=380,
            min_width=250,
            sizing_mode="stretch_width",
        )
        self._contract = text("")
        self._chart = Chart("prices")
        view.sync(self._series, value="series")
        view.sync(self._range, value="range")
        view.sync(self._shown, value="indicators")
        for widget in (self._series, self._range, self._shown):
            widget.param.watch(lambda _: view.doing(self._draw), "value")
        view.doing(self._draw)
        self.body = [
            heading("Prices"),
            pn.FlexBox(self._series, self._range, self._shown),
            self._chart.panel,
            self._contract,
        ]

    def _draw(self) -> None:
        contract = self._contracts[self._series.value]
        bars = series.with_indicators(series.frame(self._view.desk.bars(self._view.who(), contract.key)))
        start = _start(contract.last, self._range.value)
        bars, sessions = series.candles(bars.filter(pl.col("day") >= start) if start else bars)
        joined = f" Each candle joins {sessions} sessions." if sessions > 1 else ""
        note = (
            f"{contract.key}, {bars['day'][0]:%-d %B %Y} to {bars['day'][-1]:%-d %B %Y}, {contract.currency}.{joined}"
        )
        title, shown = f"{contract.key.ticker}, {contract.currency} a share", list(self._shown.value)
        self._chart.show(lambda: price_figures(bars, title, sessions, shown), note)
        self._contract.object = _contract(contract)


class _Beside:
    """Several series beside each other."""

    def __init__(self, view: View, contracts: Sequence[Series]) -> None:
        self._view = view
        self._contracts = {str(one.key): one for one in contracts}
        paid = [str(one.key) for one in contracts if one.key.adjustment == "splits_dividends"]
        options = paid or list(self._contracts)
        ticks = {key.partition("/")[0]: key for key in reversed(options) if "pyport" in key or len(options) < 4}
        start = [key for ticker, key in ticks.items() if ticker in ("AAPL", "SPY")] or options[:2]
        spy = [key for key in options if key.startswith("SPY/")]
        chosen = list(dict.fromkeys([*start, *spy]))[:_MOST_COMPARED]
        self._keys = pn.widgets.MultiChoice(
            label="Series to compare",
            options=options,
            value=chosen,
            max_items=_MOST_COMPARED,
            max_width=520,
            min_width=250,
            sizing_mode="stretch_width",
        )
        self._range = pn.widgets.Select(label="Over", options=list(_RANGES), value="5 years", width=130)
        self._against = pn.widgets.Select(label="Beta against", options=chosen or options, width=300)
        self._charts = {name: Chart(name) for name in ("rebased", "drawdown", "beta", "correlation")}
        view.sync(self._keys, value="compare")
        view.sync(self._range, value="over")
        view.sync(self._against, value="against")
        self._offer()
        for widget in (self._keys, self._range, self._against):
            widget.param.watch(lambda _: view.doing(self._draw), "value")
        view.doing(self._draw)
        self.body = [
            heading("Compare"),
            pn.FlexBox(self._keys, self._range, self._against),
            *(chart.panel for chart in self._charts.values()),
        ]

    def _offer(self) -> None:
        options = list(self._keys.value)
        if options != list(self._against.options):
            spy = next((key for key in options if key.startswith("SPY/")), options[-1] if options else None)
            keep = self._against.value if self._against.value in options else spy
            self._against.param.update(options=options, value=keep)

    def _draw(self) -> None:
        keys = list(self._keys.value)
        self._offer()
        if len(keys) < 2:
            for chart in self._charts.values():
                chart.clear("Choose at least two series.")
            return
        who = self._view.who()
        names = _short(keys)
        bars = {names[key]: series.frame(self._view.desk.bars(who, self._contracts[key].key)) for key in keys}
        closes = series.together(bars)
        if closes.height < 2:
            raise InvalidInput("These series have no two days together: choose others.")
        start = _start(closes["day"][-1], self._range.value)
        closes = closes.filter(pl.col("day") >= start) if start else closes
        span = f"{closes['day'][0]:%-d %B %Y} to {closes['day'][-1]:%-d %B %Y}, {closes.height:,} days that all have"
        self._line("rebased", series.rebased(closes), "Closes, the first day 100", "", f"Rebased closes, {span}.")
        self._line("drawdown", series.drawdown(closes), "Below the highest close so far, %", "%", f"Drawdown, {span}.")
        against = names[self._against.value]
        beta = series.rolling_beta(closes, against, min(_BETA_SESSIONS, max(20, closes.height // 4)))
        if beta.height:
            sessions = min(_BETA_SESSIONS, max(20, closes.height // 4))
            title = f"Beta to {against} over the last {sessions} sessions"
            self._line("beta", beta, title, "", f"Covariance over variance of daily returns, {span}.")
        else:
            self._charts["beta"].clear("There are too few days for a rolling beta.")
        found = series.correlation(closes)
        told = "Correlation of daily returns"
        self._charts["correlation"].show(lambda: [matrix_figure(list(names.values()), found, told)], f"{told}, {span}.")

    def _line(self, name: str, lines: pl.DataFrame, title: str, unit: str, note: str) -> None:
        thin = series.thinned(lines)
        self._charts[name].show(lambda: [line_figure(thin, title, unit)], note)


class _Whole:
    """The whole lake: what each series did, and its bars; what is asked for is asked of DuckDB."""

    def __init__(self, view: View, contracts: Sequence[Series]) -> None:
        self._view = view
        last = max(one.last for one in contracts)
        adjustments = sorted({one.key.adjustment for one in contracts})
        self._adjustment = pn.widgets.Select(label="Prices", options=[_ANY, *adjustments], value=_ANY, width=170)
        self._since = pn.widgets.TextInput(label="Since", value=(last - timedelta(days=365)).isoformat(), width=120)
        self._return = pn.widgets.TextInput(label="Least return, %", placeholder="any", width=120)
        self._volatility = pn.widgets.TextInput(label="Most volatility, %", placeholder="any", width=130)
        self._drawdown = pn.widgets.TextInput(label="Deepest fall, %", placeholder="any, such as -20", width=140)
        columns = ["Series", "Currency", "From", "To", "Sessions", "Close", "Return, %", "Volatility, %", "Drawdown, %"]
        self._screened = Table("screener", columns, nothing="No series fits.", page_size=15)
        self._tickers = pn.widgets.TextInput(label="Tickers", placeholder="AAPL, SPY", width=160)
        self._from = pn.widgets.TextInput(label="From", placeholder="2022-01-01", width=120)
        self._to = pn.widgets.TextInput(label="To", placeholder="2022-12-31", width=120)
        self._volume = pn.widgets.TextInput(label="Least volume", placeholder="any", width=120)
        names = ["Ticker", "Vendor", "Prices", "Day", "Open", "High", "Low", "Close", "Volume", "Currency", "Known on"]
        self._rows = Table("bars", names, nothing="No bar fits.", page_size=15)
        self._count = text("")
        self._watch(self._screen, screen_prices=self._adjustment, since=self._since, least_return=self._return)
        self._watch(self._screen, volatility=self._volatility, fall=self._drawdown)
        self._watch(self._list, tickers=self._tickers, to=self._to, volume=self._volume)
        self._watch(self._list, **{"from": self._from})
        view.doing(self._screen)
        view.doing(self._list)
        self.body = [
            heading("Screener"),
            text('<p class="quiet">Closes of the window: change from first to last, deviation of logarithmic daily '
                 "changes times √252, deepest fall from a high.</p>"),
            pn.FlexBox(self._adjustment, self._since, self._return, self._volatility, self._drawdown),
            self._screened.panel,
            heading("Bars"),
            pn.FlexBox(self._tickers, self._from, self._to, self._volume),
            self._count,
            self._rows.panel,
        ]  # fmt: skip

    def _watch(self, work: Callable[[], None], **widgets: Any) -> None:
        for name, widget in widgets.items():
            self._view.sync(widget, value=name)
            widget.param.watch(lambda _: self._view.doing(work), "value")

    def _screen(self) -> None:
        where = ScreenFilter(
            adjustment=None if self._adjustment.value == _ANY else self._adjustment.value,
            start=_day(self._since),
            least_return=_percent(self._return),
            most_volatility=_percent(self._volatility),
            most_drawdown=_percent(self._drawdown),
        )
        self._screened.show(
            [_line(row) for row in _dicts(self._view.desk.screen(self._view.who(), where, limit=_ROWS))]
        )

    def _list(self) -> None:
        tickers = tuple(one.strip().upper() for one in (self._tickers.value or "").split(",") if one.strip())
        where = BarFilter(tickers, start=_day(self._from), end=_day(self._to), least_volume=_number(self._volume))
        found, count = self._view.desk.find_bars(self._view.who(), where, limit=_ROWS)
        shown = f"the newest {_ROWS:,} of them" if count > _ROWS else "all of them"
        self._count.object = f'<p class="quiet">{count:,} bars fit; {shown} are shown.</p>'
        self._rows.show([list(row.values()) for row in _dicts(found)])


def _short(keys: Sequence[str]) -> dict[str, str]:
    """Return what series are called in a chart: by their tickers, unless two have one."""
    tickers = [key.partition("/")[0] for key in keys]
    return {key: ticker if tickers.count(ticker) == 1 else key for key, ticker in zip(keys, tickers, strict=True)}


def _dicts(table: pa.Table) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = table.to_pylist()
    return found


def _line(row: Mapping[str, Any]) -> list[object]:
    shares = [row["total_return"], row["volatility"], row["max_drawdown"]]
    return [
        f"{row['ticker']}/{row['vendor']}/{row['adjustment']}",
        *(row["currency"], row["first"], row["last"], row["sessions"], round(row["close"], 4)),
        *(None if share is None else round(100 * share, 2) for share in shares),
    ]


def _start(last: date, range_: str) -> date | None:
    days = _RANGES[range_]
    return last - timedelta(days=days) if days else None


def _day(widget: Any) -> date | None:
    words = (widget.value or "").strip()
    try:
        return date.fromisoformat(words) if words else None
    except ValueError:
        raise InvalidInput(f"{widget.label}: {words!r} is no day; write it as 2022-12-31.") from None


def _number(widget: Any) -> float | None:
    words = (widget.value or "").strip().replace(",", "").removesuffix("%").strip()
    try:
        return float(words) if words else None
    except ValueError:
        raise InvalidInput(f"{widget.label}: {words!r} is no number.") from None


def _percent(widget: Any) -> float | None:
    found = _number(widget)
    return None if found is None else found / 100


def _contract(one: Series) -> str:
    return "<h3>Price contract</h3>" + facts(
        {
            "Series": escape(str(one.key)),
            "Prices": _ADJUSTMENTS.get(one.key.adjustment, escape(one.key.adjustment)),
            "Currency": escape(one.currency),
            "Days": f"{one.first:%-d %B %Y} to {one.last:%-d %B %Y} ({escape(one.time_zone)}), {one.rows:,} bars",
            "Columns": "open, high, low, close" if one.has_ohlc else "closes only",
            "Volume": "yes" if one.has_volume else "no",
            "Imported from": escape(one.source),
        }
    )


PAGE = Page("/market", "Market", build, order=25)
