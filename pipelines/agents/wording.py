"""How a report words numbers, periods and changes: the one place for house style in sentences."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from pipelines.ledger.concepts import normal_label
from tieout.model import Figure, Instrument, Period

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def amount(value: Decimal, unit: str, decimals: int | None = None) -> str:
    """Return a reported number as a report prints it: money and shares in millions, the rest as it is.

    `value` is in base units; `unit` as in Figure. Rounds half to even, as the ledger's interval allows.
    """
    currency, _, per = unit.partition("/")
    if per == "share":
        return _money(value, currency, "", 2 if decimals is None else max(decimals, 2))
    if unit == "fraction":
        return f"{_grouped(value * 100, 1)}%"
    if unit == "shares":
        return f"{_grouped(value / 1_000_000, 0)} million shares"
    if len(unit) == 3 and unit.isupper():
        if abs(value) >= 1_000_000:
            return _money(value / 1_000_000, currency, " million", 0)
        return _money(value, currency, "", 0)
    return _grouped(value, 0 if value == value.to_integral_value() else 2)


def _money(value: Decimal, currency: str, scale: str, decimals: int) -> str:
    symbol = _SYMBOLS.get(currency)
    text = _grouped(abs(value), decimals)
    sign = "-" if value < 0 else ""
    return f"{sign}{symbol}{text}{scale}" if symbol else f"{sign}{currency} {text}{scale}"


def _grouped(value: Decimal, decimals: int) -> str:
    return f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN):,}"


def figure_amount(figure: Figure, *, positive: bool = False) -> str:
    """Return a figure as printed in sentences; `positive` drops the sign of an outflow."""
    return amount(abs(figure.value) if positive else figure.value, figure.unit, figure.decimals)


_COUNTED = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine", 12: "twelve"}


def period_words(period: Period | None) -> str:
    """Return "fiscal 2022", "the third quarter of fiscal 2023", "the nine months to 1 July 2023"."""
    if period is None:
        return "the period"
    if period.kind == "quarter" and period.fiscal_quarter and period.fiscal_year:
        ordinal = ("first", "second", "third", "fourth")[period.fiscal_quarter - 1]
        return f"the {ordinal} quarter of fiscal {period.fiscal_year}"
    if period.kind == "months" and period.months and period.end:
        return f"the {_COUNTED.get(period.months, period.months)} months to {period.end:%-d %B %Y}"
    if period.kind == "instant" and period.end:
        return f"{period.end:%-d %B %Y}"
    return f"fiscal {period.fiscal_year}" if period.fiscal_year else period.label or "the period"


_LABELS = {
    "net_income": "net income",
    "net_income_consolidated": "consolidated net income",
    "r_and_d": "research and development expense",
    "sg_and_a": "selling, general and administrative expense",
    "eps_basic": "basic earnings per share",
    "eps_diluted": "diluted earnings per share",
    "capex": "capital expenditures",
    "dividends_paid": "dividends paid",
    "buybacks": "share repurchases",
    "operating_cash_flow": "operating cash flow",
    "ppe_net": "net property and equipment",
    "cash": "cash and cash equivalents",
    "equity": "shareholders' equity",
    "d_and_a": "depreciation and amortization",
    "stock_compensation": "stock-based compensation",
    "income_tax": "income tax expense",
    "shares_diluted": "diluted share count",
    "shares_basic": "basic share count",
    "pretax_income": "income before taxes",
    "current_assets": "total current assets",
    "current_liabilities": "total current liabilities",
    "current_long_term_debt": "current portion of long-term debt",
}


def label_of(concept: str, figure: Figure | None = None) -> str:
    """Return what sentences call a measure: revenue as the filing's own row names it, others by their usual name."""
    if concept in ("revenue", "net_sales") and figure is not None:
        return normal_label(figure.row) or "revenue"
    return _LABELS.get(concept, concept.replace("_", " "))


def listed(items: list[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def possessive(name: str) -> str:
    """Return "Apple's" or "Mills'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


_SUFFIX = ("inc.", "inc", "corp.", "corp", "corporation", "co.", "company", "plc", "ltd.", "ltd", "n.v.", "s.a.")


def short_name(name: str) -> str:
    """Return a company's name as people say it: "Apple", "Best Buy", "Costco Wholesale"."""
    words = name.replace(",", " ").split()
    while len(words) > 1 and words[-1].lower() in _SUFFIX:
        words.pop()
    return " ".join(words).removesuffix(".com").title() if name.isupper() else " ".join(words).removesuffix(".com")


def called(instrument: Instrument) -> str:
    """Return the shortest name that begins like the full one: "Costco" for Costco Wholesale Corporation."""
    full = short_name(instrument.name)
    fitting = [name for name in instrument.names if full.lower().startswith(name.lower()) and len(name) > 3]
    return min([full, *fitting], key=len)


def were(label: str) -> str:
    """Return "was" or "were" as a label takes it."""
    head = re.split(r" (?:of|as) ", label)[0]  # "days of payables" are, "rate of net sales" is
    last = head.split()[-1] if head else ""
    plural = last.endswith("s") and not last.endswith("ss")
    return "were" if plural else "was"
