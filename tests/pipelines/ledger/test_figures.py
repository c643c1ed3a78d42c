"""Checks figures read from fourteen real filings against values typed from their pages, and the rules on made pages."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import filings
import pytest

from pipelines.ledger.figures import figure_id, read_figures
from tieout.model import Document, Figure, Page

MILLION, THOUSAND = 1_000_000, 1_000
# file → scale, years in the order of the columns of flows, measures as printed (balances: the years that are shown)
EXPECTED: dict[str, tuple[int, tuple[int, ...], dict[str, tuple[str, ...]]]] = {
    "APPLE_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("394,328", "365,817", "274,515"), "cost_of_revenue": ("223,546", "212,981", "169,559"),
        "gross_profit": ("170,782", "152,836", "104,956"), "r_and_d": ("26,251", "21,914", "18,752"),
        "operating_income": ("119,437", "108,949", "66,288"), "net_income": ("99,803", "94,680", "57,411"),
        "eps_diluted": ("6.11", "5.61", "3.28"), "operating_cash_flow": ("122,151", "104,038", "80,674"),
        "capex": ("(10,708)", "(11,085)", "(7,309)"), "buybacks": ("(89,402)", "(85,971)", "(72,358)"),
        "cash": ("23,646", "34,940"), "inventory": ("4,946", "6,580"), "current_assets": ("135,405", "134,836"),
        "current_liabilities": ("153,982", "125,481"), "long_term_debt": ("98,959", "109,106"),
        "current_long_term_debt": ("11,128", "9,613"), "equity": ("50,672", "63,090"), "retained_earnings": ("(3,068)", "5,562"),
        "total_assets": ("352,755", "351,002"), "long_term_investments": ("120,805", "127,877"),
    }),
    "APPLE_2021_10K": (MILLION, (2021, 2020, 2019), {
        "revenue": ("365,817", "274,515", "260,174"), "operating_income": ("108,949", "66,288", "63,930"),
        "income_tax": ("14,527", "9,680", "10,481"), "net_income": ("94,680", "57,411", "55,256"),
        "eps_basic": ("5.67", "3.31", "2.99"), "operating_cash_flow": ("104,038", "80,674", "69,391"),
        "investing_cash_flow": ("(14,545)", "(4,289)", "45,896"), "dividends_paid": ("(14,467)", "(14,081)", "(14,119)"),
        "accounts_payable": ("54,763", "42,296"), "short_term_investments": ("27,699", "52,927"), "equity": ("63,090", "65,339"),
    }),
    "AMAZON_2021_10K": (MILLION, (2019, 2020, 2021), {
        "revenue": ("280,522", "386,064", "469,822"), "operating_income": ("14,541", "22,899", "24,879"),
        "interest_expense": ("(1,600)", "(1,647)", "(1,809)"), "net_income": ("11,588", "21,331", "33,364"),
        "eps_diluted": ("23.01", "41.83", "64.81"), "operating_cash_flow": ("38,514", "66,064", "46,327"),
        "d_and_a": ("21,789", "25,251", "34,296"), "capex": ("(16,861)", "(40,140)", "(61,053)"),
        "cash": ("42,122", "36,220"), "total_assets": ("321,195", "420,549"), "long_term_debt": ("31,816", "48,744"),
    }),
    "AMAZON_2022_10K": (MILLION, (2020, 2021, 2022), {
        "revenue": ("386,064", "469,822", "513,983"), "cost_of_revenue": ("233,307", "272,344", "288,831"),
        "operating_income": ("22,899", "24,879", "12,248"), "income_tax": ("(2,863)", "(4,791)", "3,217"),
        "net_income": ("21,331", "33,364", "(2,722)"), "eps_diluted": ("2.09", "3.24", "(0.27)"),
        "operating_cash_flow": ("66,064", "46,327", "46,752"), "d_and_a": ("25,180", "34,433", "41,921"),
        "buybacks": ("—", "—", "(6,000)"), "inventory": ("32,640", "34,405"), "receivables": ("32,891", "42,360"),
        "goodwill": ("15,371", "20,288"), "equity": ("138,245", "146,043"),
    }),
    "AMD_2021_10K": (MILLION, (2021, 2020, 2019), {
        "revenue": ("16,434", "9,763", "6,731"), "gross_profit": ("7,929", "4,347", "2,868"),
        "sg_and_a": ("1,448", "995", "750"), "income_tax": ("513", "(1,210)", "31"), "net_income": ("3,162", "2,490", "341"),
        "eps_basic": ("2.61", "2.10", "0.31"), "operating_cash_flow": ("3,521", "1,071", "493"),
        "capex": ("(301)", "(294)", "(217)"), "current_long_term_debt": ("312", "—"), "long_term_debt": ("1", "330"),
        "current_liabilities": ("4,240", "2,417"), "equity": ("7,497", "5,837"),
    }),
    "BESTBUY_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("51,761", "47,262", "43,638"), "gross_profit": ("11,640", "10,573", "10,048"),
        "operating_income": ("3,039", "2,391", "2,009"), "pretax_income": ("3,024", "2,377", "1,993"),
        "net_income": ("2,454", "1,798", "1,541"), "eps_diluted": ("9.84", "6.84", "5.75"),
        "operating_cash_flow": ("3,252", "4,927", "2,565"), "capex": ("(737)", "(713)", "(743)"),
        "dividends_paid": ("(688)", "(568)", "(527)"), "inventory": ("5,965", "5,612"), "ppe_net": ("2,250", "2,260"),
        "short_term_debt": ("-", "110"), "total_equity": ("3,020", "4,587"), "retained_earnings": ("2,668", "4,233"),
    }),
    "COSTCO_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("226,954", "195,929", "166,761"), "net_sales": ("222,730", "192,052", "163,220"),
        "operating_income": ("7,793", "6,708", "5,435"), "net_income": ("5,844", "5,007", "4,002"),
        "net_income_consolidated": ("5,915", "5,079", "4,059"), "eps_diluted": ("13.14", "11.27", "9.02"),
        "operating_cash_flow": ("7,392", "8,958", "8,861"), "dividends_paid": ("(1,498)", "(5,748)", "(1,479)"),
        "cash": ("10,203", "11,258"), "total_liabilities": ("43,519", "41,190"), "total_equity": ("20,647", "18,078"),
        "equity": ("20,642", "17,564"),
    }),
    "MICROSOFT_2021_10K": (MILLION, (2021, 2020, 2019), {
        "revenue": ("168,088", "143,015", "125,843"), "cost_of_revenue": ("52,232", "46,078", "42,910"),
        "operating_income": ("69,916", "52,959", "42,959"), "net_income": ("61,271", "44,281", "39,240"),
        "eps_diluted": ("8.05", "5.76", "5.06"), "operating_cash_flow": ("76,740", "60,675", "52,185"),
        "buybacks": ("(27,385)", "(22,968)", "(19,543)"), "receivables": ("38,043", "32,011"),
        "deferred_revenue": ("41,525", "36,000"), "total_assets": ("333,779", "301,311"),
    }),
    "MICROSOFT_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("198,270", "168,088", "143,015"), "gross_profit": ("135,620", "115,856", "96,937"),
        "r_and_d": ("24,512", "20,716", "19,269"), "income_tax": ("10,978", "9,831", "8,755"),
        "net_income": ("72,738", "61,271", "44,281"), "eps_basic": ("9.70", "8.12", "5.82"),
        "operating_cash_flow": ("89,035", "76,740", "60,675"), "capex": ("(23,886)", "(20,622)", "(15,441)"),
        "acquisitions": ("(22,038)", "(8,909)", "(2,521)"), "ppe_net": ("74,398", "59,715"), "equity": ("166,542", "141,988"),
    }),
    "NETFLIX_2022_10K": (THOUSAND, (2022, 2021, 2020), {
        "revenue": ("31,615,550", "29,697,844", "24,996,056"), "cost_of_revenue": ("19,168,285", "17,332,683", "15,276,319"),
        "operating_income": ("5,632,831", "6,194,509", "4,585,289"), "income_tax": ("(772,005)", "(723,875)", "(437,954)"),
        "net_income": ("4,491,924", "5,116,228", "2,761,395"), "eps_diluted": ("9.95", "11.24", "6.08"),
        "operating_cash_flow": ("2,026,257", "392,610", "2,427,077"), "capex": ("(407,729)", "(524,585)", "(497,923)"),
        "cash": ("5,147,176", "6,027,804"), "short_term_debt": ("—", "699,823"), "equity": ("20,777,401", "15,849,248"),
    }),
    "PFIZER_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("100,330", "81,288", "41,651"), "cost_of_revenue": ("34,344", "30,821", "8,484"),
        "r_and_d": ("11,428", "10,360", "8,709"), "pretax_income": ("34,729", "24,311", "7,036"),
        "net_income": ("31,372", "21,979", "9,159"), "net_income_consolidated": ("31,407", "22,025", "9,195"),
        "eps_basic": ("5.59", "3.92", "1.65"), "eps_diluted": ("5.47", "3.85", "1.63"),
        "operating_cash_flow": ("29,267", "32,580", "14,403"), "receivables": ("10,952", "11,479"),
        "short_term_debt": ("2,945", "2,241"), "equity": ("95,661", "77,201"), "total_equity": ("95,916", "77,462"),
    }),
    "WALMART_2022_10K": (MILLION, (2022, 2021, 2020), {
        "revenue": ("572,754", "559,151", "523,964"), "net_sales": ("567,762", "555,233", "519,926"),
        "operating_income": ("25,942", "22,548", "20,568"), "net_income": ("13,673", "13,510", "14,881"),
        "net_income_consolidated": ("13,940", "13,706", "15,201"), "eps_diluted": ("4.87", "4.75", "5.19"),
        "dividends_per_share": ("2.20", "2.16", "2.12"), "operating_cash_flow": ("24,181", "36,074", "25,255"),
        "capex": ("(13,106)", "(10,264)", "(10,705)"), "inventory": ("56,511", "44,949"), "current_assets": ("81,070", "90,067"),
        "total_equity": ("91,891", "87,531"),
    }),
}  # fmt: skip
SHARES: dict[str, tuple[int, str]] = {  # diluted shares of the newest year, and their scale
    "APPLE_2022_10K": (THOUSAND, "16,325,819"), "AMAZON_2022_10K": (MILLION, "10,189"), "BESTBUY_2022_10K": (MILLION, "249.3"),
    "COSTCO_2022_10K": (THOUSAND, "444,757"), "NETFLIX_2022_10K": (THOUSAND, "451,290"), "PFIZER_2022_10K": (MILLION, "5,733"),
}  # fmt: skip
QUARTERS: dict[str, dict[str, dict[tuple[str, int, int | None], str]]] = {
    "APPLE_2023Q3_10Q": {
        "revenue": {("quarter", 2023, 3): "81,797", ("quarter", 2022, 3): "82,959", ("months", 2023, None): "293,787",
                    ("months", 2022, None): "304,182"},
        "net_income": {("quarter", 2023, 3): "19,881", ("quarter", 2022, 3): "19,442", ("months", 2023, None): "74,039"},
        "operating_cash_flow": {("months", 2023, None): "88,945", ("months", 2022, None): "98,024"},
        "total_assets": {("instant", 2023, 3): "335,038", ("instant", 2022, 4): "352,755"},
    },
    "WALMART_2024Q1_10Q": {
        "revenue": {("quarter", 2024, 1): "152,301", ("quarter", 2023, 1): "141,569"},
        "operating_cash_flow": {("quarter", 2024, 1): "4,633", ("quarter", 2023, 1): "(3,758)"},
        "inventory": {("instant", 2024, 1): "56,932", ("instant", 2023, 4): "56,576", ("instant", 2023, 1): "61,229"},
    },
}  # fmt: skip


@pytest.fixture(params=sorted(filings.FILINGS))
def filing(request: pytest.FixtureRequest) -> str:
    """Give each filing in turn; without the shared data there is none to check."""
    if not filings.present():
        pytest.skip("the shared filings are not on this machine")
    name: str = request.param
    return name


def number(text: str, scale: int) -> Decimal:
    plain = text.replace(",", "")
    if plain in ("—", "-"):
        return Decimal(0)
    if plain.startswith("("):
        return -number(plain.strip("()"), scale)
    return Decimal(plain) if "." in plain and scale == 1 else Decimal(plain) * scale


def wholes(name: str, measure: str) -> list[Figure]:
    return [
        f for f in filings.figures_of(name) if f.concept == measure and f.dimension is None and f.period is not None
    ]


def test_key_measures_of_every_printed_year_are_those_of_the_page(filing: str) -> None:
    """Income statement, balance sheet and cash flow statement, typed by hand from the filings."""
    if filing in QUARTERS:
        for measure, values in QUARTERS[filing].items():
            for (kind, year, quarter), printed in values.items():
                found = {f.value for f in wholes(filing, measure) if f.period and
                         (f.period.kind, f.period.fiscal_year, f.period.fiscal_quarter) == (kind, year, quarter)}  # fmt: skip
                assert found == {number(printed, MILLION)}, (measure, kind, year, quarter)
        return
    scale, years, measures = EXPECTED[filing]
    for measure, printed in measures.items():
        shown = years if len(printed) == len(years) else (years[1:] if years[0] < years[1] else years[:2])
        figures = wholes(filing, measure)
        assert {f.period.fiscal_year for f in figures if f.period} == set(shown), measure
        by = 1 if "per_share" in measure or measure.startswith("eps") else scale
        for year, text in zip(shown, printed, strict=True):
            assert {f.value for f in figures if f.period and f.period.fiscal_year == year} == {number(text, by)}, (
                measure,
                year,
            )


def test_share_counts_have_their_own_scale(filing: str) -> None:
    if filing in SHARES:
        scale, printed = SHARES[filing]
        newest = max(f.period.fiscal_year or 0 for f in wholes(filing, "shares_diluted") if f.period)
        values = {f.value for f in wholes(filing, "shares_diluted") if f.period and f.period.fiscal_year == newest}
        assert values == {number(printed, scale)}
        assert {f.unit for f in wholes(filing, "shares_diluted")} == {"shares"}


def test_every_figure_stands_verbatim_on_its_page_inside_its_row(filing: str) -> None:
    texts = {page.number: page.text for page in filings.pages_of(filing)}
    for figure in filings.figures_of(filing):
        assert texts[figure.page][figure.start : figure.end] == figure.text
        assert figure.row_start <= figure.start < figure.end <= figure.row_end
    assert max(Counter(figure.id for figure in filings.figures_of(filing)).values()) == 1


def test_no_measure_has_two_values_in_one_filing_and_period(filing: str) -> None:
    """The same measure, part and period printed in several tables must agree: a misread column would not."""
    seen: dict[tuple[object, ...], set[Decimal]] = {}
    for f in filings.figures_of(filing):
        if f.concept and f.period:
            key = (f.concept, f.dimension, f.period.kind, f.period.fiscal_year, f.period.fiscal_quarter, f.period.end)
            seen.setdefault(key, set()).add(abs(f.value))
    assert {key: values for key, values in seen.items() if len(values) > 1} == {}


def test_statements_add_up(filing: str) -> None:
    """Assets are liabilities and equity: checked through the totals as they were read."""
    for assets in wholes(filing, "total_assets"):
        liabilities = [f for f in wholes(filing, "total_liabilities") if f.period == assets.period]
        equity = [f for f in wholes(filing, "total_equity") or wholes(filing, "equity") if f.period == assets.period]
        if liabilities and equity:
            assert abs(assets.value - liabilities[0].value - equity[0].value) <= assets.scale


def document(**changes: object) -> Document:
    fields: dict[str, object] = {
        "id": "doc_1", "workspace": "w", "name": "report.md", "sha256": "0" * 64, "media_type": "text/markdown", "size": 1,
        "page_count": 1, "ingested_at": datetime(2026, 1, 1, tzinfo=UTC), "form": "10-K", "fiscal_year": 2022,
        "period_end": date(2022, 12, 31), "filed_on": date(2023, 2, 1),
    }  # fmt: skip
    return Document(**(fields | changes))  # type: ignore[arg-type]


def read(text: str, **changes: object) -> list[Figure]:
    return read_figures(document(**changes), [Page("doc_1", 1, text)])


def test_a_markdown_table_gives_figures_with_scale_period_and_concept() -> None:
    figures = read(
        "# Consolidated Statements of Operations\n(in millions)\n\n| | 2022 | 2021 |\n|---|---:|---:|\n"
        "| Total revenue | $ 1,200.5 | 1,100 |\n| Net income | (30) | 45 |\n| Gross margin % | 41.5% | 40% |\n"
    )
    values = [(f.row, f.value, f.unit, f.period.fiscal_year if f.period else None) for f in figures]
    assert values[:2] == [
        ("Total revenue", Decimal(1_200_500_000), "USD", 2022),
        ("Total revenue", Decimal(1_100_000_000), "USD", 2021),
    ]
    assert ("Net income", Decimal(-30_000_000), "USD", 2022) in values
    assert ("Gross margin %", Decimal("0.415"), "fraction", 2022) in values
    assert figures[0].concept == "revenue"
    assert figures[0].known_on == date(2023, 2, 1)


def test_a_scale_printed_with_the_number_counts_in_markdown() -> None:
    figures = read(
        "| Metric | FY2022 | FY2021 |\n|---|---|---|\n| Revenue | $394.3 billion | $365.8B |\n| Cash | $23,646,000,000 | $5 |\n"
    )
    assert [(f.row, f.value, f.text) for f in figures] == [
        ("Revenue", Decimal(394_300_000_000), "$394.3 billion"), ("Revenue", Decimal(365_800_000_000), "$365.8B"),
        ("Cash", Decimal(23_646_000_000), "$23,646,000,000"),
    ]  # fmt: skip
    assert [f.period.fiscal_year for f in figures if f.period] == [2022, 2021, 2022]


def test_money_without_a_printed_scale_is_left_out() -> None:
    assert read("Summary\n2022 2021\nRevenue 1,200 1,100\nNet income 30 45\n") == []


def test_par_values_are_money_and_shares_are_shares() -> None:
    figures = read(
        "Consolidated Balance Sheets\n(In millions, except per share amounts)\nDecember 31, 2022 2021\nCash $ 5 $ 6\n"
        "Common stock, $0.01 par value; 10,175 and\n10,242 shares outstanding 106 108\nWeighted-average shares outstanding 10 11\n"
    )
    assert {(f.text, f.unit, f.value) for f in figures} >= {
        ("106", "USD", Decimal(106_000_000)), ("10", "shares", Decimal(10_000_000)),
    }  # fmt: skip


def test_cents_in_a_table_of_millions_are_left_out() -> None:
    figures = read("(in millions)\n2022 2021\nNet income $ 12 $ 11\nGranted 116.33 150.70\n")
    assert {f.row for f in figures} == {"Net income"}


def test_a_row_with_too_few_cells_has_no_period() -> None:
    figures = read("(in millions)\n2022 2021 2020\nRevenue $ 12 $ 11 $ 10\nOther $ 7 $ 6\nCosts 3 4 5\n")
    other = [f for f in figures if f.row == "Other"]
    assert [f.period for f in other] == [None, None]
    assert all(f.period for f in figures if f.row != "Other")


def test_bare_years_in_a_quarterly_report_have_no_period() -> None:
    figures = read(
        "(in millions)\n2023 2022\nRevenue $ 12 $ 11\nCosts 3 4\n",
        form="10-Q",
        fiscal_quarter=1,
        period_end=date(2023, 3, 31),
    )
    assert figures
    assert all(f.period is None for f in figures)


def test_equal_columns_that_nothing_tells_apart_have_no_period() -> None:
    figures = read(
        "(in millions)\nRevenue Mix Comparable Sales\n2022 2021 2022 2021\nPhones $ 12 $ 11 $ 3 $ 4\nOther 1 2 3 4\n"
    )
    assert figures
    assert all(f.period is None for f in figures)


def test_ids_depend_on_document_page_and_offset_only() -> None:
    assert figure_id("d", 1, 5) == figure_id("d", 1, 5)
    assert len({figure_id("d", 1, 5), figure_id("d", 1, 6), figure_id("d", 2, 5), figure_id("e", 1, 5)}) == 4


def test_a_region_at_the_foot_of_a_page_names_the_table_of_the_next() -> None:
    pages = [
        Page("doc_1", 1, "Revenues are shown by region below.\nUnited States and Canada (UCAN)\n20"),
        Page(
            "doc_1",
            2,
            "Table of Contents\nYear Ended December 31,\n2022 2021\n(in thousands)\nRevenues $ 14,084 $ 12,972\nPaid memberships 74 75\n",
        ),
    ]
    figures = read_figures(document(), pages)
    assert {f.dimension for f in figures} == {"United States and Canada (UCAN)"}
    assert [f.concept for f in figures[:2]] == ["revenue", "revenue"]


def test_a_segment_among_columns_is_the_dimension_and_the_whole_is_none() -> None:
    figures = read(
        "Segments (in millions):\nUnited States Canada Total\n2022\nTotal revenue $ 165 $ 31 $ 196\nTotal assets 44 6 50\n"
    )
    assert [(f.text, f.dimension, f.concept, f.period.kind if f.period else None) for f in figures] == [
        ("$ 165", "United States", "revenue", "year"), ("$ 31", "Canada", "revenue", "year"), ("$ 196", None, None, "year"),
        ("44", "United States", None, "instant"), ("6", "Canada", None, "instant"), ("50", None, None, "instant"),
    ]  # fmt: skip


def test_what_falls_due_in_a_year_is_of_that_year() -> None:
    figures = read(
        "Maturities of long-term debt are as follows (in millions):\n2023 $ 73\n2024 1,088\n2025 110\nThereafter 9\n"
    )
    assert [(f.row, f.period.fiscal_year if f.period else None) for f in figures] == [
        ("Maturities of long-term debt", 2023), ("Maturities of long-term debt", 2024), ("Maturities of long-term debt", 2025),
        ("Thereafter", None),
    ]  # fmt: skip


def test_bare_years_under_two_dates_are_balances() -> None:
    figures = read(
        "Details as of December 31, 2022 and December 31, 2021 (in millions):\nProperty\n2022 2021\nLand $ 22 $ 20\nMachinery 81 78\n"
    )
    assert {f.period.kind for f in figures if f.period} == {"instant"}


def test_the_day_of_a_whole_date_in_a_sentence_heads_no_columns() -> None:
    figures = read(
        "We had letters of credit as of January 29, 2022. Revenue was as follows ($ in millions): 2022 2021 2020\nSales $ 5 $ 4 $ 3\nFees 2 1 1\n"
    )
    assert {(f.period.kind, f.period.fiscal_year) for f in figures if f.period} == {
        ("year", 2022),
        ("year", 2021),
        ("year", 2020),
    }


def test_square_feet_are_counted_even_among_money() -> None:
    figures = read(
        "(Amounts in millions, except unit counts)\n2022 2021\nTotal revenues $ 572 $ 559\nUnit counts 10,593 11,443\nRetail square feet 1,060 1,121\n"
    )
    assert [(f.value, f.unit) for f in figures][2:] == [
        (Decimal(10_593), "count"), (Decimal(11_443), "count"), (Decimal(1_060_000_000), "count"), (Decimal(1_121_000_000), "count"),
    ]  # fmt: skip


def test_every_row_of_a_segments_own_table_is_of_that_segment() -> None:
    figures = read(
        "International Segment\n(Amounts in millions)\n2022 2021\nNet sales $ 100 $ 121\nGross margin 30 40\n"
    )
    assert {f.dimension for f in figures} == {"International"}


def test_balances_of_segments_stand_at_the_date_of_their_row() -> None:
    figures = read(
        "The following summarizes our goodwill activity by segment (in millions):\nUnited States Canada Total\n"
        "Goodwill - December 31, 2021 $ 12 $ 1 $ 13\nNew acquisitions 2 3 5\nGoodwill - December 31, 2022 $ 14 $ 4 $ 18\n"
    )
    rows = [(f.row, f.text, f.dimension, f.period.end if f.period else None) for f in figures]
    assert ("Goodwill", "$ 4", "Canada", date(2022, 12, 31)) in rows
    assert ("Goodwill", "$ 13", None, date(2021, 12, 31)) in rows
    assert all(period is None for row, _, _, period in rows if row == "New acquisitions")


def test_a_mix_is_a_share_of_the_whole() -> None:
    figures = read("(in millions)\n2022 2021\nNet sales $ 5 $ 4\nNet sales mix:\nNorth 61 % 60 %\nSouth 39 40\n")
    assert [(f.value, f.unit) for f in figures if f.row == "South"] == [
        (Decimal("0.39"), "fraction"),
        (Decimal("0.4"), "fraction"),
    ]
