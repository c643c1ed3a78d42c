"""Words and print forms of fundamentals: names of measures, periods, and how a value of each unit is shown."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal


def percent(value: Decimal) -> str:
    """Return a fraction as a percentage with one decimal: 0.0779 → "7.8%"."""
    return f"{value * 100:.1f}%"


def display_of(unit: str) -> Callable[[Decimal], str]:
    """Return how a report prints a value of the unit."""
    if unit == "fraction":
        return percent
    if unit == "points":
        return lambda value: f"{value * 100:+.1f} percentage points"
    if unit == "multiple":
        return lambda value: f"{value:.2f}x"
    if unit == "days":
        return lambda value: f"{value:.1f} days"
    if unit.endswith("/share"):
        return lambda value: _dollars(value, 2)
    if len(unit) == 3:
        return _money
    return lambda value: f"{value:,.0f}"


def _money(value: Decimal) -> str:
    size = abs(value)
    if size >= 1_000_000:
        return f"{_dollars(value / 1_000_000, 0)} million"
    return _dollars(value, 0)


def _dollars(value: Decimal, decimals: int) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}"


def words(concept: str) -> str:
    """Return a measure's name for people: "r_and_d" → "research and development"."""
    special = {
        "r_and_d": "research and development",
        "sg_and_a": "selling, general and administrative expenses",
        "d_and_a": "depreciation and amortization",
        "eps_basic": "basic earnings per share",
        "eps_diluted": "diluted earnings per share",
        "ppe_net": "net property and equipment",
        "capex": "capital expenditures",
        "buybacks": "share repurchases",
        "equity": "shareholders' equity",
        "pretax_income": "income before taxes",
        "current_long_term_debt": "the current portion of long-term debt",
    }
    return special.get(concept, concept.replace("_", " "))


def when(fiscal_year: int, quarter: int | None) -> str:
    """Return "fiscal 2022" or "quarter 3 of fiscal 2023"."""
    return f"fiscal {fiscal_year}" if quarter is None else f"quarter {quarter} of fiscal {fiscal_year}"
