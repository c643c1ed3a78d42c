"""What a price question asks for, beside the measures that its words name."""

from __future__ import annotations

import pytest

from pipelines.agents.gather_market import price_itself


@pytest.mark.parametrize(
    "text",
    [
        "Apple's price, RSI and volatility",
        "RSI, volatility and the stock price?",
        "price and beta of MSFT",
        "What was Apple's price?",
    ],
)
def test_a_price_beside_other_measures_is_asked_for_itself(text: str) -> None:
    """It is given, or named as missing with the reason; never dropped."""
    assert price_itself(text)


@pytest.mark.parametrize(
    "text",
    [
        "What is the volatility of its price and its beta?",
        "How did the stock price perform since 2022?",
        "volatility of Apple's stock price and RSI",
        "What is the price return?",
        "Compare the price performance and drawdown",
    ],
)
def test_a_word_that_only_says_whose_risk_is_no_price_asked_for(text: str) -> None:
    assert not price_itself(text)
