"""Recomputed numbers against hand calculation, on the income statement of test_tie_out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from pipelines.ledger import derive
from pipelines.ledger.match_book import Entry, SourceBook
from tieout.model import Document, Figure, Page, Period


def entry(value: str, year: int, row: str, concept: str | None = None) -> Entry:
    document = Document("d", "w", "a.md", "0" * 64, "text/markdown", 1, 1, datetime(2024, 1, 1, tzinfo=UTC), ticker="A")
    figure = Figure(
        f"{row}{year}",
        "d",
        1,
        0,
        1,
        value,
        Decimal(value),
        "USD",
        1,
        0,
        row,
        period=Period("year", year),
        concept=concept,
    )
    book = SourceBook([document], {"d": [Page("d", 1, "")]}, {"d": [figure]})
    return book.entries["A"][0]


def test_growth_and_change_compare_the_same_row_of_two_years() -> None:
    now, before = entry("394328", 2022, "Net sales"), entry("365817", 2021, "Net sales")
    assert round(derive.growth([now], [before])[0].value, 6) == Decimal("0.077938")
    assert derive.change([now], [before])[0].value == 28511
    assert derive.growth([now], [entry("1", 2021, "Other")]) == []
    assert derive.growth([now], [entry("0", 2021, "Net sales")]) == []


def test_growth_of_a_payment_is_of_its_size() -> None:
    now, before = (entry(v, y, "Payments for equipment", "capex") for v, y in (("-120", 2022), ("-100", 2021)))
    assert derive.growth([now], [before])[0].value == Decimal("0.2")


def test_ratios_and_sums_come_from_concepts() -> None:
    known = {
        "revenue": [entry("400", 2022, "Revenue", "revenue")],
        "gross_profit": [entry("100", 2022, "Gross profit", "gross_profit")],
        "operating_cash_flow": [entry("90", 2022, "Cash from operations", "operating_cash_flow")],
        "capex": [entry("-30", 2022, "Payments for equipment", "capex")],
    }
    assert derive.level("gross_margin", lambda name: known.get(name, []))[0].value == Decimal("0.25")
    assert derive.level("free_cash_flow", lambda name: known.get(name, []))[0].value == 60
    assert derive.level("fcf_margin", lambda name: known.get(name, []))[0].value == Decimal("0.15")
    assert derive.level("net_margin", lambda name: known.get(name, [])) == []
