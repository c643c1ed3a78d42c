"""How a report prints a price measure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}


def percent(value: Decimal) -> str:
    """Write a fraction as "57.9%"."""
    return f"{_rounded(value * 100, 1)}%"


def fine_percent(value: Decimal) -> str:
    """Write a fraction as "5.04%"."""
    return f"{_rounded(value * 100, 2)}%"


def points(value: Decimal) -> str:
    """Write a difference of fractions as "10.5 percentage points"."""
    return f"{_rounded(value * 100, 1)} percentage points"


def number(value: Decimal) -> str:
    """Write a plain ratio as "1.24"."""
    return str(_rounded(value, 2))


def index(value: Decimal) -> str:
    """Write an index between 0 and 100 as "56.3"."""
    return str(_rounded(value, 1))


def count(value: Decimal) -> str:
    """Write a count as "31,269,600"."""
    return f"{_rounded(value, 0):,}"


class Money:
    """Writes a price in its currency: "$178.46", "178.46 CHF"."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, value: Decimal) -> str:
        """Write it."""
        text = f"{abs(_rounded(value, 2)):,}"
        sign = "-" if _rounded(value, 2) < 0 else ""
        symbol = _SIGNS.get(self._currency)
        return f"{sign}{symbol}{text}" if symbol else f"{sign}{text} {self._currency}"


def _rounded(value: Decimal, places: int) -> Decimal:
    """Round half away from zero, as people do; never "-0.0"."""
    rounded = value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded
