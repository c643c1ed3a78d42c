"""Chooses reported figures and derives measures: against values worked out by hand from the filings."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import filings
import pyarrow as pa
import pytest

from pipelines.ledger.figures import read_figures
from pipelines.tools.fundamentals import FORMULAS, Fundamentals, Missing
from tieout.model import Document, Page
from tieout.ports import FactQuery

AS_OF = date(2024, 1, 1)


def value(query: FactQuery | Missing) -> float:
    """Run the query as the lake does: over a table of its figures only."""
    assert not isinstance(query, Missing), query.reason
    connection = duckdb.connect()
    rows = {
        "id": [f.id for f in query.figures],
        "value": pa.array([f.value for f in query.figures], pa.decimal128(38, 6)),
    }
    connection.register("figures", pa.table(rows))
    found = connection.execute(query.sql, dict(query.parameters)).fetchall()
    connection.close()
    return float(found[0][0])


STATEMENTS = """Example Corp.
CONSOLIDATED STATEMENTS OF OPERATIONS
(In millions, except per share data)
Year ended December 31,
{now} {before}
Net sales $ {sales} $ 100
Cost of sales 60 50
Operating income 25 20
Interest expense (5) (4)
Income before income taxes 20 16
Provision for income taxes (5) (4)
Net income $ 15 $ 12
Diluted earnings per share $ {eps} $ 1.20
"""
BALANCE = """Example Corp.
CONSOLIDATED BALANCE SHEETS
(In millions)
As of December 31,
{now} {before}
Cash and cash equivalents $ 30 $ 20
Inventories 12 8
Total current assets 60 40
Total current liabilities 40 40
Long-term debt 50 50
Total assets 300 200
Total stockholders’ equity 100 50
"""


def made(year: int, sales: str = "120", eps: str = "1.50") -> tuple[Document, list[Page]]:
    document = Document(
        id=f"doc_{year}", workspace="w", name=f"{year}.pdf", sha256="0", media_type="application/pdf", size=1, page_count=2,
        ingested_at=datetime(2026, 1, 1, tzinfo=UTC), ticker="EXM", form="10-K", fiscal_year=year,
        period_end=date(year, 12, 31), filed_on=date(year + 1, 2, 1),
    )  # fmt: skip
    texts = [t.format(now=year, before=year - 1, sales=sales, eps=eps) for t in (STATEMENTS, BALANCE)]
    return document, [Page(document.id, number, text) for number, text in enumerate(texts, start=1)]


def source(*filings_made: tuple[Document, list[Page]]) -> Fundamentals:
    return Fundamentals({d.id: read_figures(d, p) for d, p in filings_made}, [d for d, _ in filings_made])


@pytest.fixture
def example() -> Fundamentals:
    return source(made(2022))


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        ("gross_margin", 60 / 120),
        ("operating_margin", 25 / 120),
        ("net_margin", 15 / 120),
        ("effective_tax_rate", 5 / 20),  # printed as a negative provision
        ("current_ratio", 1.5),
        ("cash_ratio", 0.75),
        ("working_capital", 20_000_000),
        ("total_debt", 50_000_000),
        ("net_debt", 20_000_000),
        ("debt_to_equity", 0.5),
        ("return_on_assets", 15 / 250),
        ("return_on_equity", 15 / 75),
        ("inventory_turnover", 6.0),
        ("days_inventory_outstanding", 365 / 6),
        ("interest_coverage", 5.0),
    ],
)
def test_measures_follow_their_formula(example: Fundamentals, measure: str, expected: float) -> None:
    assert value(example.measure("EXM", measure, 2022, as_of=AS_OF)) == pytest.approx(expected)


def test_growth_change_and_points(example: Fundamentals) -> None:
    assert value(example.growth("EXM", "revenue", 2022, as_of=AS_OF)) == pytest.approx(0.2)
    assert value(example.change("EXM", "revenue", 2022, as_of=AS_OF)) == 20_000_000
    change = example.measure_change("EXM", "operating_margin", 2022, as_of=AS_OF)
    assert value(change) == pytest.approx(25 / 120 - 0.2)
    assert isinstance(change, FactQuery)
    assert change.unit == "points"
    assert change.display is not None
    assert change.display(Decimal("0.0083")) == "+0.8 percentage points"


def test_a_missing_input_is_a_reason_and_never_a_value(example: Fundamentals) -> None:
    missing = example.measure("EXM", "free_cash_flow", 2022, as_of=AS_OF)
    assert isinstance(missing, Missing)
    assert not missing
    assert "operating cash flow" in missing.reason
    assert isinstance(example.measure("EXM", "nonsense", 2022, as_of=AS_OF), Missing)
    assert isinstance(example.growth("EXM", "revenue", 2020, as_of=AS_OF), Missing)
    assert isinstance(example.cagr("EXM", "revenue", 2022, 0, as_of=AS_OF), Missing)


def test_averages_without_an_opening_balance_say_so(example: Fundamentals) -> None:
    query = example.measure("EXM", "return_on_assets", 2021, as_of=AS_OF)
    assert isinstance(query, FactQuery)
    assert "year-end balance" in query.method


def test_the_filing_of_the_very_year_comes_before_restated_columns() -> None:
    both = source(made(2022, eps="1.50"), made(2021, sales="100", eps="24.00"))
    figure = both.reported("EXM", "eps_diluted", 2021)
    assert figure is not None
    assert (figure.text, both.document_of(figure).fiscal_year) == ("$ 24.00", 2021)


def test_nothing_filed_after_the_as_of_is_used() -> None:
    both = source(made(2022), made(2021, sales="100"))
    assert both.reported("EXM", "revenue", 2022, as_of=date(2022, 12, 31)) is None
    assert both.fiscal_years("EXM", as_of=date(2022, 12, 31)) == [2021]
    assert both.fiscal_years("exm") == [2021, 2022]


def test_two_values_in_one_filing_are_a_doubt() -> None:
    document, pages = made(2022)
    twice = [*pages, Page(document.id, 3, pages[0].text.replace("$ 120", "$ 121"))]
    assert source((document, twice)).reported("EXM", "revenue", 2022) is None


def test_every_formula_names_its_method_and_unit() -> None:
    for name, formula in FORMULAS.items():
        assert formula.measure == name
        assert formula.unit in ("fraction", "multiple", "days", "money")
        assert all(method for _, method in formula.expressions)


@pytest.fixture(scope="module")
def real() -> Fundamentals:
    """Give all fourteen filings; without the shared data there is nothing to derive from."""
    if not filings.present():
        pytest.skip("the shared filings are not on this machine")
    documents = [filings.document_of(name) for name in filings.FILINGS]
    return Fundamentals({f"doc_{name}": filings.figures_of(name) for name in filings.FILINGS}, documents)


@pytest.mark.parametrize(
    ("ticker", "year", "measure", "expected"),
    [
        ("AAPL", 2022, "gross_margin", 170_782 / 394_328),
        ("AAPL", 2022, "free_cash_flow", 111_443e6),
        ("AAPL", 2022, "effective_tax_rate", 19_300 / 119_103),
        ("AAPL", 2022, "quick_ratio", (23_646 + 24_658 + 28_184) / 153_982),
        ("AAPL", 2022, "total_debt", (98_959 + 11_128 + 9_982) * 1e6),
        ("AAPL", 2022, "interest_coverage", 119_437 / 2_931),
        ("AMZN", 2022, "effective_tax_rate", 3_217 / 5_936),
        ("AMZN", 2022, "free_cash_flow", (46_752 - 63_645) * 1e6),
        ("NFLX", 2022, "effective_tax_rate", 772_005 / 5_263_929),
        ("BBY", 2022, "current_ratio", 10_539 / 10_674),
        ("WMT", 2022, "gross_margin", (572_754 - 429_000) / 572_754),
        ("COST", 2022, "days_payable_outstanding", 365 * (17_848 + 16_278) / 2 / 199_382),
        ("PFE", 2022, "return_on_equity", 31_372 / ((95_661 + 77_201) / 2)),
        ("MSFT", 2022, "sg_and_a_share", (21_825 + 5_900) / 198_270),
        ("AMD", 2021, "r_and_d_share", 2_845 / 16_434),
    ],
)
def test_measures_of_real_filings(real: Fundamentals, ticker: str, year: int, measure: str, expected: float) -> None:
    assert value(real.measure(ticker, measure, year, as_of=AS_OF)) == pytest.approx(expected)


def test_amazons_earnings_per_share_before_and_after_its_split(real: Fundamentals) -> None:
    of_2021 = real.reported("AMZN", "eps_diluted", 2021)
    assert of_2021 is not None
    assert of_2021.value == Decimal("64.81")
    assert real.document_of(of_2021).fiscal_year == 2021
    growth = real.change("AMZN", "eps_diluted", 2022, as_of=AS_OF)  # both sides from the 2022 filing
    assert value(growth) == pytest.approx(-0.27 - 3.24)


def test_segments_are_the_parts_of_revenue(real: Fundamentals) -> None:
    parts = {f.dimension: f.text for f in real.segments("AMZN", 2022)}
    assert {"North America": "$ 315,880", "International": "$ 118,007", "AWS": "$ 80,096"}.items() <= parts.items()
    china = next(f for f in real.segments("AAPL", 2022) if f.dimension == "Greater China")
    assert value(real.segment_growth("AAPL", china, as_of=AS_OF)) == pytest.approx(74_200 / 68_366 - 1)
    assert value(real.segment_share("AAPL", china, as_of=AS_OF)) == pytest.approx(74_200 / 394_328)


def test_quarters_are_not_years(real: Fundamentals) -> None:
    quarter = real.reported("AAPL", "net_income", 2023, 3)
    assert quarter is not None
    assert quarter.value == 19_881_000_000
    assert real.reported("AAPL", "net_income", 2023) is None
    assert real.reported("AAPL", "operating_cash_flow", 2023, 3) is None  # only nine months are printed


def test_what_a_company_does_not_report_is_missing(real: Fundamentals) -> None:
    assert isinstance(real.measure("PFE", "operating_margin", 2022, as_of=AS_OF), Missing)
    assert isinstance(real.measure("AMZN", "dividend_payout", 2022, as_of=AS_OF), Missing)
