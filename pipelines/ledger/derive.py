"""Recomputes the numbers that a text derives from reported figures: changes, growth, margins, shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from pipelines.ledger.match_book import Entry, amount, outflow

# measure → (numerator's concept, denominator's concept)
RATIOS: dict[str, tuple[str, str]] = {
    "gross_margin": ("gross_profit", "revenue"),
    "operating_margin": ("operating_income", "revenue"),
    "net_margin": ("net_income", "revenue"),
    "pretax_margin": ("pretax_income", "revenue"),
    "fcf_margin": ("free_cash_flow", "revenue"),
    "effective_tax_rate": ("income_tax", "pretax_income"),
    "r_and_d_to_revenue": ("r_and_d", "revenue"),
    "sg_and_a_to_revenue": ("sg_and_a", "revenue"),
    "capex_to_revenue": ("capex", "revenue"),
    "current_ratio": ("current_assets", "current_liabilities"),
    "dividend_payout": ("dividends_paid", "net_income"),
    "asset_turnover": ("revenue", "total_assets"),
    "debt_to_equity": ("total_debt", "equity"),
    "interest_coverage": ("operating_income", "interest_expense"),
    "roa": ("net_income", "total_assets"),
    "roe": ("net_income", "equity"),
}
# A margin is often called by the profit's own name: "a gross margin of 43.3%".
MARGIN_OF = {numerator: measure for measure, (numerator, whole) in RATIOS.items() if whole == "revenue"}
MARGINS = frozenset(MARGIN_OF.values())
# measure → signed concepts to add; a cost's own printed sign does not matter
SUMS: dict[str, tuple[tuple[int, str], ...]] = {
    "free_cash_flow": ((1, "operating_cash_flow"), (-1, "capex")),
    "net_debt": ((1, "total_debt"), (-1, "cash")),
    "ebitda": ((1, "operating_income"), (1, "d_and_a")),
    "working_capital": ((1, "current_assets"), (-1, "current_liabilities")),
    "gross_profit": ((1, "revenue"), (-1, "cost_of_revenue")),
}


@dataclass(frozen=True)
class Derived:
    """A recomputed value with the figures it comes from (the main one first) and its formula in words."""

    value: Decimal
    entries: tuple[Entry, ...]
    method: str


def growth(now: Sequence[Entry], before: Sequence[Entry]) -> list[Derived]:
    """Return (now - before) / |before| for every pair of figures of the same measure in two periods."""
    return _pairs(now, before, lambda a, b: _ratio(a - b, abs(b)), "({a} - {b}) / |{b}|")


def change(now: Sequence[Entry], before: Sequence[Entry]) -> list[Derived]:
    """Return now - before, in base units (for fractions: percentage points as a fraction)."""
    return _pairs(now, before, lambda a, b: a - b, "{a} - {b}")


def share(part: Sequence[Entry], whole: Sequence[Entry]) -> list[Derived]:
    """Return part / whole of figures of the same period and unit."""
    found = []
    for a in part:
        for b in whole:
            if a.figure.unit != b.figure.unit or a.figure.id == b.figure.id or a.figure.unit == "fraction":
                continue
            value = _ratio(abs(a.figure.value), abs(b.figure.value))
            if value is not None and a.figure.value < 0 and not _style(a):
                value = -value
            if value is not None:
                found.append(Derived(value, (a, b), f"{a.figure.text} / {b.figure.text}"))
    return found


def level(measure: str, concept: Callable[[str], Sequence[Entry]]) -> list[Derived]:
    """Return a measure that no table need print (a margin, free cash flow), from the concepts of one period.

    `concept` gives the undivided figures of a concept in the period that is asked for.
    """
    if measure in RATIOS:
        top, bottom = RATIOS[measure]
        denominators = concept(bottom)
        if top in SUMS and not concept(top):
            found = []
            for part in level(top, concept):
                for whole in denominators:
                    value = _ratio(part.value, whole.figure.value)
                    if value is not None:
                        found.append(Derived(value, (*part.entries, whole), f"({part.method}) / {whole.figure.text}"))
            return found
        return share(concept(top), denominators)
    if measure in SUMS:
        terms = [(sign, concept(name)) for sign, name in SUMS[measure]]
        if any(not entries for _, entries in terms):
            return []
        results = [Derived(Decimal(0), (), "")]
        for sign, entries in terms:
            results = [
                Derived(
                    done.value + sign * (abs(e.figure.value) if sign < 0 else e.figure.value),
                    (*done.entries, e),
                    f"{done.method} {'+' if sign > 0 else '-'} {e.figure.text}".strip(" +"),
                )
                for done in results
                for e in _distinct(entries)
                if not done.entries or done.entries[0].figure.unit == e.figure.unit
            ]
        return results
    return []


def _pairs(
    now: Sequence[Entry],
    before: Sequence[Entry],
    formula: Callable[[Decimal, Decimal], Decimal | None],
    method: str,
) -> list[Derived]:
    found = []
    for a in now:
        for b in before:
            # The two figures must be of the same row of meaning: same unit, same part, same label.
            if a.figure.unit != b.figure.unit or a.dims != b.dims or a.change or b.change:
                continue
            if a.core != b.core and (a.figure.concept is None or a.figure.concept != b.figure.concept):
                continue
            value = formula(amount(a.figure), amount(b.figure))
            if value is not None:
                found.append(Derived(value, (a, b), method.format(a=a.figure.text, b=b.figure.text)))
    # Figures of one row are the surest pair.
    found.sort(key=lambda d: (d.entries[0].figure.row_start != d.entries[1].figure.row_start, d.entries[0].figure.page))
    return found


def _ratio(top: Decimal, bottom: Decimal) -> Decimal | None:
    if bottom == 0:
        return None
    with localcontext() as context:
        context.prec = 28
        return top / bottom


def _style(entry: Entry) -> bool:
    """Say whether a minus is only accounting style (a payment, a cost)."""
    return outflow(entry.figure)


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    seen: dict[Decimal, Entry] = {}
    for entry in entries:
        seen.setdefault(entry.figure.value, entry)
    return list(seen.values())
