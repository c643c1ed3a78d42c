"""Conditions on prices: what people write, what it means, and what they are told where it means nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.tools.price_condition import (
    LONGEST_AVERAGE,
    LONGEST_RSI,
    Average,
    Comparison,
    Measure,
    PriceCondition,
    parse_condition,
)
from tieout.errors import InvalidInput

TICKERS = st.from_regex(r"[A-Z0-9][A-Z0-9.^=-]{0,19}", fullmatch=True)


def numbers(least: str, most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(least), Decimal(most), places=places, allow_nan=False)


def conditions() -> st.SearchStrategy[PriceCondition]:
    prices = st.one_of(numbers("0.000001", "999999999999", 6), st.builds(Average, st.integers(2, LONGEST_AVERAGE)))
    comparisons = st.sampled_from(Comparison)
    return st.one_of(
        st.builds(PriceCondition, TICKERS, st.just(Measure.CLOSE), comparisons, prices),
        st.builds(PriceCondition, TICKERS, st.just(Measure.CHANGE), comparisons, numbers("-0.9999", "10", 8)),
        st.builds(
            PriceCondition,
            TICKERS,
            st.just(Measure.RSI),
            comparisons,
            numbers("0.000001", "99.999999", 6),
            st.integers(2, LONGEST_RSI),
        ),
    )


@given(conditions())
def test_the_text_form_of_a_condition_means_the_condition(condition: PriceCondition) -> None:
    assert parse_condition(str(condition)) == condition
    assert str(parse_condition(str(condition))) == str(condition)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_in_words(text: str) -> None:
    try:
        parse_condition(text)
    except InvalidInput as error:
        assert "`" in error.message  # shows what to write


@given(st.sampled_from(["AAPL ", "AAPL close ", "AAPL rsi", "AAPL change > ", "AAPL above sma"]), st.text(max_size=20))
def test_a_text_that_begins_well_is_understood_or_refused_in_words(begin: str, end: str) -> None:
    try:
        assert isinstance(parse_condition(begin + end), PriceCondition)
    except InvalidInput as error:
        assert "`" in error.message


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("AAPL above 200", "AAPL close > 200"),
        ("aapl  Below 150.50", "AAPL close < 150.5"),
        ("AAPL price under 1,200", "AAPL close < 1200"),
        ("AAPL close >= 200", "AAPL close >= 200"),
        ("AAPL at least 200", "AAPL close >= 200"),
        ("AAPL ≤ 200", "AAPL close <= 200"),
        ("AAPL>200", None),
        ("AAPL >200", "AAPL close > 200"),
        ("AAPL crosses above 200", "AAPL close > 200"),
        ("AAPL rises above 200", "AAPL close > 200"),
        ("AAPL falls below 200", "AAPL close < 200"),
        ("AAPL change > 5%", "AAPL change > 5%"),
        ("AAPL change < -2.5 %", "AAPL change < -2.5%"),
        ("AAPL change above 5 percent", "AAPL change > 5%"),
        ("AAPL rises 5%", "AAPL change >= 5%"),
        ("AAPL falls by 5%", "AAPL change <= -5%"),
        ("AAPL down 5%", "AAPL change <= -5%"),
        ("AAPL rsi(14) > 70", "AAPL rsi(14) > 70"),
        ("AAPL rsi above 70", "AAPL rsi(14) > 70"),
        ("AAPL RSI 9 < 30", "AAPL rsi(9) < 30"),
        ("AAPL crosses above sma(200)", "AAPL close > sma(200)"),
        ("AAPL price below SMA 50", "AAPL close < sma(50)"),
        ("AAPL close > sma50", "AAPL close > sma(50)"),
        ("BRK-B above 400", "BRK-B close > 400"),
    ],
)
def test_what_people_write_means_one_condition(text: str, means: str | None) -> None:
    if means is None:
        with pytest.raises(InvalidInput, match="no ticker"):
            parse_condition(text)
        return
    assert str(parse_condition(text)) == means


@pytest.mark.parametrize(
    ("text", "wrong", "instead"),
    [
        ("", "Write a ticker", "AAPL above 200"),
        ("AAPL", "What of AAPL", "AAPL above 200"),
        ("$AAPL above 200", r"'\$AAPL' is no ticker", "AAPL above 200"),
        ("MSFT volume > 5", "'volume' was not understood", "MSFT above 200"),
        ("AAPL 200", "Above or below '200'", "AAPL below 200"),
        ("AAPL close 200", "no number of sessions", "AAPL above 200"),
        ("AAPL rsi 70", "comparison is missing", "rsi\\(14\\) > 70"),
        ("AAPL change 5%", "'%' is no comparison|takes no number", "change > 5%"),
        ("AAPL change", "comparison is missing", "change > 5%"),
        ("AAPL close near 5", "'near 5' is no comparison", "AAPL above 200"),
        ("AAPL above", "'above' what", "AAPL above 200"),
        ("AAPL above $200", "sign of the currency", "AAPL above 200"),
        ("AAPL above 200%", "no percentage", "AAPL change > 5%"),
        ("AAPL above -3", "above zero", "AAPL below 150"),
        ("AAPL above 0", "above zero", "AAPL below 150"),
        ("AAPL above two", "'two' is no number", "AAPL above 200"),
        ("AAPL above nan", "'nan' is no number", "AAPL above 200"),
        ("AAPL above 1e5", "'e5' is too much", "AAPL above 200"),
        ("AAPL above 200,5", "commas between thousands", "AAPL above 200"),
        ("AAPL above 1.2345678", "6 decimals", "AAPL above 200"),
        ("AAPL above 200 please", "'please' is too much", "AAPL above 200"),
        ("AAPL change > 5", "in percent", "change > 5%"),
        ("AAPL change < -100%", "above -100%", "falls 5%"),
        ("AAPL rises -5%", "without a sign", "rises 5%"),
        ("AAPL falls 0%", "above zero", "falls 5%"),
        ("AAPL falls 100%", "above -100%", "falls 5%"),
        ("AAPL rises", "By how much", "rises 5%"),
        ("AAPL rsi > 100", "between 0 and 100", "rsi\\(14\\) > 70"),
        ("AAPL rsi > 70%", "without %", "rsi\\(14\\) > 70"),
        ("AAPL rsi(1) > 70", "2 to 100 sessions", "rsi\\(14\\) > 70"),
        ("AAPL rsi(x) > 70", "2 to 100 sessions, not 'x'", "rsi\\(14\\) > 70"),
        ("AAPL rsi > sma(200)", "Only the close", "close > sma\\(200\\)"),
        ("AAPL above sma", "how many sessions", "sma\\(200\\)"),
        ("AAPL above sma(1)", "2 to 500 sessions", "sma\\(200\\)"),
        ("AAPL above sma(200) now", "'now' is too much", "sma\\(200\\)"),
        ("AAPL sma(50) > sma(200)", "on the right", "sma\\(200\\)"),
        ("AAPL above " + "2" * 300, "characters", "AAPL above 200"),
    ],
)
def test_a_wrong_condition_is_told_what_is_wrong_and_what_to_write(text: str, wrong: str, instead: str) -> None:
    with pytest.raises(InvalidInput, match=wrong) as refused:
        parse_condition(text)
    assert refused.match(instead)


def test_a_level_is_reached_to_twelve_decimals() -> None:
    """A binary fraction of two closes is never quite the percentage that they make."""
    at_least = parse_condition("AAPL change >= 0.1%")
    assert at_least.holds(Decimal(repr(100.1 / 100 - 1)))
    assert not parse_condition("AAPL change > 0.1%").holds(Decimal("0.00100000000000001"))
    assert not parse_condition("AAPL above sma(200)").holds(Decimal("2.2e-16"))
    assert parse_condition("AAPL at most 10").holds(Decimal(10))
    assert parse_condition("AAPL below 10").holds(Decimal("9.99"))
