"""Price measures beside independent computations in NumPy and pandas, on the sample pack's real prices."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tools.market import (
    MEASURES,
    History,
    choose_series,
    measure,
    measures,
    price_chart,
    price_chart_sql,
    read_history,
)
from pipelines.tools.market_display import Money, percent, points
from store.lake.lake import MemoryLake
from tieout.errors import InvalidInput
from tieout.model import Fact, Principal, Series, SeriesKey
from tieout.ports import ImportOptions

PACK = Path(__file__).parents[3] / "tieout" / "sample_pack"
ME = Principal("ann", "main")
START, END = date(2022, 9, 24), date(2024, 12, 1)  # a Saturday and a Sunday
BARS = SeriesKey("AAPL", "mplfinance", "splits")


@pytest.fixture(scope="module")
def lake() -> MemoryLake:
    """The sample pack's prices."""
    lake = MemoryLake()
    for path in sorted(PACK.rglob("*.parquet")):
        lake.import_bars(ME, path)
    return lake


@pytest.fixture(scope="module")
def closes() -> pd.DataFrame:
    """The adjusted closes as pandas reads them, by day."""
    stocks = pd.read_parquet(PACK / "prices" / "adj_close_1990_2024.parquet").set_index("date")
    spy = pd.read_parquet(PACK / "prices" / "spy_1990_2024.parquet").set_index("date")
    return stocks.join(spy)


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    """AAPL's bars as pandas reads them."""
    return pd.read_parquet(PACK / "bars" / "AAPL.parquet").set_index("Date")


@pytest.fixture(scope="module")
def found(lake: MemoryLake) -> dict[str, Fact]:
    """All measures of AAPL against SPY from fiscal 2022's end, by their fine names."""
    gathered = measures(lake, ME, "aapl", list(MEASURES), start=START)
    return {fact.measure: fact for fact in lake.compute(ME, gathered.queries)}


def window(closes: pd.DataFrame, ticker: str = "AAPL") -> np.ndarray:
    """The closes from the last bar on or before START."""
    column = closes[ticker]
    return column[column.index >= date(2022, 9, 23)].to_numpy()


def near(fact: Fact, expected: float) -> bool:
    """Whether a fact is the expected number to twelve digits or 1e-12."""
    return math.isclose(float(fact.value), expected, rel_tol=1e-11, abs_tol=1e-12)


def test_total_return_uses_the_last_bar_on_or_before_each_day(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    fact = found["total_return"]
    path = window(closes)
    assert near(fact, path[-1] / path[0] - 1)
    assert (fact.display, fact.unit) == ("59.7%", "fraction")
    assert "from 23 September 2022 to 29 November 2024" in fact.method
    assert "dividends reinvested" in fact.method
    assert fact.period is not None
    assert (fact.period.start, fact.period.end) == (date(2022, 9, 23), date(2024, 11, 29))


def test_returns_are_annualised_by_the_calendar(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    path = window(closes)
    days = (date(2024, 11, 29) - date(2022, 9, 23)).days
    assert near(found["annualised_return"], (path[-1] / path[0]) ** (365.25 / days) - 1)


def test_volatility_is_that_of_daily_log_returns(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    expected = np.std(np.diff(np.log(window(closes))), ddof=1) * np.sqrt(252)
    assert near(found["volatility"], expected)
    assert "daily log returns" in found["volatility"].method


def test_drawdown_names_its_peak_and_trough(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    path = window(closes)
    falls = path / np.maximum.accumulate(path) - 1
    assert near(found["max_drawdown"], falls.min())
    assert "from 28 October 2022 to 5 January 2023" in found["max_drawdown"].method


def test_extremes_name_their_day(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    returns = closes["AAPL"][closes.index >= date(2022, 9, 23)].pct_change().dropna()
    assert near(found["best_day"], returns.max())
    assert near(found["worst_day"], returns.min())
    assert returns.idxmin() == date(2022, 9, 29)
    assert "on 29 September 2022" in found["worst_day"].method


def test_beta_and_correlation_are_of_simple_returns_on_common_days(
    found: dict[str, Fact], closes: pd.DataFrame
) -> None:
    own, spy = (np.diff(path) / path[:-1] for path in (window(closes), window(closes, "SPY")))
    covariance = np.cov(own, spy, ddof=1)
    assert near(found["beta"], covariance[0, 1] / covariance[1, 1])
    assert near(found["correlation"], np.corrcoef(own, spy)[0, 1])
    assert found["beta"].series == (
        "AAPL/pyportfolioopt/splits_dividends",
        "SPY/pyportfolioopt/splits_dividends",
    )


def test_relative_performance_is_given_in_points_and_as_a_ratio(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    own, spy = (path[-1] / path[0] for path in (window(closes), window(closes, "SPY")))
    assert near(found["relative_return"], own - spy)
    assert found["relative_return"].unit == "points"
    assert found["relative_return"].display == "-8.9 percentage points"
    assert near(found["relative_growth"], own / spy - 1)


def test_moving_averages_of_adjusted_closes_are_relations_only(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    path = closes["AAPL"].to_numpy()
    for sessions in (50, 200):
        assert near(found[f"above_sma_{sessions}"], path[-1] / path[-sessions:].mean() - 1)
    assert not {"sma_50", "sma_200", "level", "high_52w"} & set(found)


def test_the_52_week_range_is_of_364_days(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    year = closes["AAPL"][closes.index >= date(2024, 11, 29) - timedelta(days=364)]
    assert near(found["below_high_52w"], year.iloc[-1] / year.max() - 1)
    assert near(found["above_low_52w"], year.iloc[-1] / year.min() - 1)


def wilder(values: np.ndarray, n: int = 14) -> float:
    """Compute RSI step by step over a whole history."""
    moves = np.diff(values)
    up, down = np.maximum(moves, 0), np.maximum(-moves, 0)
    gain, loss = up[:n].mean(), down[:n].mean()
    for u, d in zip(up[n:], down[n:], strict=True):
        gain, loss = (gain * (n - 1) + u) / n, (loss * (n - 1) + d) / n
    return 100 - 100 / (1 + gain / loss)


def test_rsi_is_wilders(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    assert near(found["rsi"], wilder(closes["AAPL"].to_numpy()[-500:]))
    assert math.isclose(float(found["rsi"].value), wilder(closes["AAPL"].to_numpy()), rel_tol=1e-9)  # run in


def test_macd_is_in_percent_of_price(found: dict[str, Fact], closes: pd.DataFrame) -> None:
    path = closes["AAPL"].iloc[-500:]
    fast, slow = (path.ewm(span=span, adjust=False).mean() for span in (12, 26))
    line = fast / slow - 1
    signal = line.ewm(span=9, adjust=False).mean()
    assert near(found["macd"], line.iloc[-1])
    assert near(found["macd_signal"], signal.iloc[-1])
    assert near(found["macd_histogram"], line.iloc[-1] - signal.iloc[-1])
    whole = closes["AAPL"]
    assert math.isclose(
        float(found["macd"].value),
        whole.ewm(span=12, adjust=False).mean().iloc[-1] / whole.ewm(span=26, adjust=False).mean().iloc[-1] - 1,
        rel_tol=1e-9,
    )


def test_levels_come_from_bars_that_do_not_embed_dividends(lake: MemoryLake, bars: pd.DataFrame) -> None:
    gathered = measures(lake, ME, "AAPL", ["level", "sma", "range_52_weeks", "average_volume"], end=date(2018, 1, 20))
    facts = {fact.measure: fact for fact in lake.compute(ME, gathered.queries)}
    assert gathered.missing == ()
    assert (facts["level"].value, facts["level"].display) == (Decimal("178.460007"), "$178.46")
    assert "on 19 January 2018" in facts["level"].method
    assert near(facts["sma_50"], bars["Close"].iloc[-50:].mean())
    assert near(facts["above_sma_200"], bars["Close"].iloc[-1] / bars["Close"].iloc[-200:].mean() - 1)
    year = bars["Close"][bars.index >= date(2018, 1, 19) - timedelta(days=364)]
    assert (float(facts["high_52w"].value), float(facts["low_52w"].value)) == (year.max(), year.min())
    assert near(facts["average_volume"], bars["Volume"].iloc[-63:].mean())
    assert {key for fact in facts.values() for key in fact.series} == {str(BARS)}


def test_an_old_level_is_no_answer_about_today(lake: MemoryLake) -> None:
    gathered = measures(lake, ME, "AAPL", ["level", "total_return"], start=START)
    assert [query.measure for query in gathered.queries] == ["total_return"]
    assert "reach from 19 August 2004 to 19 January 2018" in gathered.missing[0]


def test_as_of_hides_what_came_later(lake: MemoryLake, closes: pd.DataFrame) -> None:
    gathered = measures(lake, ME, "AAPL", ["total_return"], start=START, as_of=date(2023, 7, 1))
    (fact,) = lake.compute(ME, gathered.queries)
    path = closes["AAPL"]
    assert near(fact, path[date(2023, 6, 30)] / path[date(2022, 9, 23)] - 1)
    assert (gathered.start, gathered.end) == (date(2022, 9, 23), date(2023, 6, 30))
    assert max(lake.rows(ME, [fact])["bars"]["day"].to_pylist()) == date(2023, 6, 30)


def test_a_window_past_the_last_bar_ends_there_and_says_so(lake: MemoryLake) -> None:
    gathered = measures(lake, ME, "AAPL", ["total_return"], start=START, end=date(2026, 1, 1), as_of=date(2026, 6, 1))
    assert gathered.end == date(2024, 11, 29)
    assert "to 29 November 2024" in gathered.queries[0].method
    beyond = measures(lake, ME, "AAPL", ["total_return"], start=date(2025, 6, 1), end=date(2026, 1, 1))
    assert beyond.queries == ()
    assert "end on 29 November 2024: none is known after 1 June 2025" in beyond.missing[0]


def test_a_start_before_the_first_bar_names_it(lake: MemoryLake) -> None:
    with pytest.raises(InvalidInput, match="begin on 2 January 1990"):
        measures(lake, ME, "AAPL", ["total_return"], start=date(1980, 1, 1))
    (series,) = lake.series(ME, "BABA")
    history = read_history(lake, ME, series)
    with pytest.raises(InvalidInput, match="19 September 2014: 1 January 2014 is before the first bar"):
        measure("total_return", history, date(2014, 1, 1))
    with pytest.raises(InvalidInput, match="nothing was known"):
        read_history(lake, ME, series, date(2010, 1, 1))


def test_what_cannot_be_measured_has_a_reason(lake: MemoryLake) -> None:
    short = measures(lake, ME, "AAPL", ["annualised_return", "beta", "volatility"], start=date(2024, 11, 20))
    assert short.queries == ()
    assert ["shorter than a year" in short.missing[0], "at least 20" in short.missing[1]] == [True, True]
    assert "no prices of NONE" in measures(lake, ME, "NONE", ["beta"]).missing[0]
    assert "another security" in measures(lake, ME, "SPY", ["beta"]).missing[0]
    assert "no prices of QQQ" in measures(lake, ME, "AAPL", ["beta"], benchmark="QQQ").missing[0]
    assert "needs a benchmark" in measures(lake, ME, "AAPL", ["beta"], benchmark=None).missing[0]
    with pytest.raises(InvalidInput, match="no price measure 'sharpe'"):
        measures(lake, ME, "AAPL", ["sharpe"])
    amd = read_history(lake, ME, lake.series(ME, "AMD")[0])
    with pytest.raises(InvalidInput, match="no two bars"):
        measure("total_return", amd, date(2024, 11, 27), date(2024, 11, 28))


def test_every_fact_comes_out_the_same_in_plain_duckdb(lake: MemoryLake, found: dict[str, Fact]) -> None:
    rows = lake.rows(ME, list(found.values()))
    plain = duckdb.connect(":memory:")
    plain.register("bars", rows["bars"])
    for fact in found.values():
        (value,) = plain.sql(fact.sql, params=dict(fact.parameters)).fetchall()[0]
        assert math.isclose(value, fact.value, rel_tol=1e-12, abs_tol=1e-12), fact.name
    plain.close()
    assert rows["bars"].num_rows < 1_400


def test_prices_without_dividends_give_a_return_that_says_so(lake: MemoryLake, tmp_path: Path) -> None:
    path = tmp_path / "ONLY.csv"
    path.write_text("Date,Close\n2024-01-02,10\n2024-01-03,11\n")
    lake.import_bars(ME, path, ImportOptions(adjustment="splits"))
    (query,) = measures(lake, ME, "ONLY", ["total_return"]).queries
    assert (query.measure, query.name) == ("price_return", "ONLY price return")
    assert "dividends not included" in query.method


def test_charts_are_rebased_to_100(lake: MemoryLake, closes: pd.DataFrame) -> None:
    gathered = measures(lake, ME, "AAPL", ["total_return", "beta"], start=START)
    chart = gathered.chart
    assert chart is not None
    facts = lake.compute(ME, gathered.queries)
    drawn = lake.query(ME, chart.sql, chart.parameters, lake.rows(ME, facts))
    assert drawn.column_names == ["day", "AAPL", "SPY"]
    assert (drawn["day"][0].as_py(), drawn["AAPL"][0].as_py(), drawn["SPY"][0].as_py()) == (date(2022, 9, 23), 100, 100)
    path = window(closes, "SPY")
    assert math.isclose(drawn["SPY"][-1].as_py(), 100 * path[-1] / path[0], rel_tol=1e-12)
    assert chart.title == "AAPL, SPY since 23 September 2022"
    with pytest.raises(InvalidInput, match="one adjustment"):
        price_chart([gathered.histories[0], history_of(lake, BARS)])
    with pytest.raises(InvalidInput, match="each ticker once"):
        price_chart_sql([gathered.histories[0]] * 2)


def history_of(lake: MemoryLake, key: SeriesKey) -> History:
    """Read the history of one series."""
    return read_history(lake, ME, next(one for one in lake.series(ME) if one.key == key))


def series(ticker: str, vendor: str, adjustment: str, first: int = 2000, last: int = 2024, rows: int = 10) -> Series:
    """Make a price contract."""
    key = SeriesKey(ticker, vendor, adjustment)
    return Series(key, "USD", "America/New_York", date(first, 1, 2), date(last, 12, 31), rows, False, False, "f.csv")


def chosen(found: Series | None) -> str:
    """Name a chosen series."""
    return str(found.key) if found else ""


def test_the_choice_of_a_series_is_one_rule() -> None:
    held = [
        series("A", "x", "splits_dividends"),
        series("A", "y", "splits_dividends", rows=20),
        series("A", "z", "splits", rows=90),
        series("A", "z", "none", first=2020, rows=5),
        series("B", "x", "splits_dividends"),
    ]
    assert chosen(choose_series(held, "a").series) == "A/y/splits_dividends"
    assert chosen(choose_series(held, "A", like=held[4].key).series) == "A/x/splits_dividends"
    assert chosen(choose_series(held, "A", "levels").series) == "A/z/none"
    assert chosen(choose_series(held, "A", "levels", date(2010, 1, 1)).series) == "A/z/splits"
    assert choose_series(held, "B", "levels").reason.startswith("B has only prices adjusted for splits_dividends")
    assert "does not cover" in choose_series(held, "A", start=date(1990, 1, 1)).reason
    assert choose_series(held, "A", end=date(2025, 1, 5)).series is not None
    assert choose_series(held, "A", end=date(2025, 2, 5)).series is None


@given(
    st.permutations([series("A", v, a, rows=r) for v in "xy" for a in ("splits", "splits_dividends") for r in (1, 2)])
)
def test_the_choice_does_not_depend_on_the_order(held: list[Series]) -> None:
    assert chosen(choose_series(held, "A").series) == "A/x/splits_dividends"


@pytest.mark.parametrize(
    ("show", "value", "text"),
    [
        (percent, "0.5785", "57.9%"),
        (percent, "-0.00049", "0.0%"),
        (percent, "-0.1235", "-12.4%"),
        (points, "0.105", "10.5 percentage points"),
        (Money("USD"), "178.460007", "$178.46"),
        (Money("USD"), "-1234.5", "-$1,234.50"),
        (Money("CHF"), "10", "10.00 CHF"),
    ],
)
def test_values_are_shown_as_a_report_prints_them(show: Callable[[Decimal], str], value: str, text: str) -> None:
    assert show(Decimal(value)) == text
