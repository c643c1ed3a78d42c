"""A fact's value is not to be said of another company, year or measure."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pipelines.agents.fact_use import misuses
from tieout.model import Fact, Instrument, Period

INSTRUMENTS = (
    Instrument("i1", "Apple Inc.", "AAPL"),
    Instrument("i2", "Microsoft Corporation", "MSFT"),
    Instrument("i3", "Best Buy Co., Inc.", "BBY", names=("Best Buy",)),
)


def fact(measure: str, ticker: str = "AAPL", year: int | None = 2022) -> Fact:
    period = Period("year", fiscal_year=year) if year else None
    name = f"{ticker} {measure.replace('_', ' ')}"
    return Fact(
        f"f_{measure}", name, Decimal(1), "fraction", "1", "m", "select 1", "figures@1", date(2024, 1, 2),
        period=period, instrument=ticker, measure=measure,
    )  # fmt: skip


GIVEN = [fact("revenue_growth"), fact("gross_margin"), fact("operating_margin"), fact("total_return", year=None)]


@pytest.mark.parametrize(
    ("text", "used", "other"),
    [
        ("Microsoft's revenue grew by {}.", fact("revenue_growth"), "Microsoft Corporation"),
        ("Revenue of BBY grew by {}.", fact("revenue_growth"), "Best Buy Co., Inc."),
        ("Apple's gross margin was {} in fiscal 2021.", fact("gross_margin"), "2021"),
        ("Apple's operating margin was {} in fiscal 2022.", fact("gross_margin"), "margin operating"),
    ],
)
def test_a_sentence_about_something_else_is_reported(text: str, used: Fact, other: str) -> None:
    (problem,) = misuses(text, [used], GIVEN, INSTRUMENTS)

    assert f"about {other}" in problem


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Apple's net sales grew by {} in fiscal 2022.", fact("revenue_growth")),
        ("Net sales grew by {} over 2021, and the gross margin widened.", fact("revenue_growth")),
        ("Gross margin was {}.", fact("gross_margin")),
        ("Gross margin widened to {} in fiscal 2022 from {} a year earlier.", fact("gross_margin", year=2021)),
        ("Unlike Microsoft, it raised its gross margin to {} in 2022.", fact("gross_margin")),
        ("Apple beat Microsoft: its gross margin was {}.", fact("gross_margin")),
        ("Since September 2022 the stock returned {}.", fact("total_return", year=None)),
        ("AAPL returned {} while SPY fell.", fact("total_return", year=None)),
        ("Against Microsoft, the excess return was {}.", fact("excess_return", ticker="SPY", year=None)),
    ],
)
def test_a_sentence_about_the_fact_is_left_alone(text: str, used: Fact) -> None:
    assert misuses(text, [used], GIVEN, INSTRUMENTS) == []
