"""What charts draw is what facts compute: the same numbers, day by day."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards import series
from dashboards.drawing import layers
from tests.dashboards.conftest import ADA, Site
from tieout.model import SeriesKey

prices = st.lists(st.floats(1.0, 1_000.0), min_size=30, max_size=300)


def bars(closes: list[float]) -> pl.DataFrame:
    first = date(2020, 1, 1)
    days = [first + timedelta(days=at) for at in range(len(closes))]
    columns = dict.fromkeys(("open", "high", "low", "close"), closes)
    return pl.DataFrame({"day": days, **columns, "volume": [100.0] * len(closes)})


@pytest.fixture(scope="module")
def apple(site: Site) -> pl.DataFrame:
    key = SeriesKey("AAPL", "pyportfolioopt", "splits_dividends")
    return series.frame(site.desk.bars(ADA, key))


def test_indicators_end_on_what_the_measures_say(site: Site, apple: pl.DataFrame) -> None:
    last = series.with_indicators(apple)[-1]
    facts = {fact.measure: float(fact.value) for fact in site.desk.measure(ADA, "AAPL", ["sma", "rsi", "macd"])}
    close = last["close"].item()
    assert close / last["sma_50"].item() - 1 == pytest.approx(facts["above_sma_50"], rel=1e-9)
    assert close / last["sma_200"].item() - 1 == pytest.approx(facts["above_sma_200"], rel=1e-9)
    assert last["rsi"].item() == pytest.approx(facts["rsi"], abs=0.02)  # the fact runs in over 500 sessions, not all
    assert last["macd"].item() / 100 == pytest.approx(facts["macd"], abs=1e-6)


def test_the_deepest_drawdown_and_the_last_beta_are_those_of_the_measures(site: Site, apple: pl.DataFrame) -> None:
    spy = series.frame(site.desk.bars(ADA, SeriesKey("SPY", "pyportfolioopt", "splits_dividends")))
    (fall,) = site.desk.measure(ADA, "AAPL", ["max_drawdown"])
    closes = series.together({"AAPL": apple, "SPY": spy})
    whole = series.drawdown(apple.select("day", pl.col("close").alias("AAPL")))
    assert whole["AAPL"].min() == pytest.approx(100 * float(fall.value), rel=1e-9)
    beta = series.rolling_beta(closes, "SPY", 250)
    window = closes.tail(251).with_columns(pl.col("AAPL").pct_change(), pl.col("SPY").pct_change()).drop_nulls()
    expected = window.select(pl.cov("AAPL", "SPY", ddof=0) / pl.col("SPY").var(ddof=0)).item()
    assert beta["AAPL"][-1] == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(prices)
def test_candles_lose_no_high_no_low_and_no_volume(closes: list[float]) -> None:
    whole = bars(closes)
    joined, sessions = series.candles(whole, most=20)
    assert joined.height <= 20
    assert joined.height == math.ceil(whole.height / sessions)
    assert (joined["high"].max(), joined["low"].min()) == (whole["high"].max(), whole["low"].min())
    assert joined["volume"].sum() == pytest.approx(whole["volume"].sum())
    assert (joined["open"][0], joined["close"][-1]) == (whole["open"][0], whole["close"][-1])


@settings(deadline=None)
@given(prices)
def test_the_rsi_is_between_0_and_100_and_a_drawdown_never_above_0(closes: list[float]) -> None:
    rsi = series.with_indicators(bars(closes))["rsi"].drop_nulls()
    assert rsi.is_between(-1e-9, 100 + 1e-9).all()
    fell = series.drawdown(bars(closes).select("day", a="close"))["a"]
    assert (fell <= 1e-9).all()


@settings(deadline=None)
@given(prices)
def test_a_series_moves_as_itself(closes: list[float]) -> None:
    both = bars(closes).select("day", a="close", b="close")
    (one, other), _ = series.correlation(both)
    assert one == other
    assert series.rebased(both)["a"][0] == pytest.approx(100)


def test_thinned_lines_keep_the_last_day() -> None:
    lines = bars([float(n) for n in range(1, 1_000)]).select("day", "close")
    thin = series.thinned(lines, 100)
    assert thin.height <= 100
    assert thin["day"][-1] == lines["day"][-1]
    assert thin["day"].is_sorted()


edges = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda pair: pair[0] < pair[1]), max_size=20)


@settings(deadline=None)
@given(edges)
def test_each_step_of_a_graph_stands_right_of_those_it_waits_for(pairs: list[tuple[int, int]]) -> None:
    named = [(str(one), str(other)) for one, other in pairs]
    column = layers([str(n) for n in range(9)], named)
    assert all(column[one] < column[other] for one, other in named)
