"""Covers say form, registrant, symbol and period; names of fiscal years follow the company's own."""

from datetime import date
from pathlib import Path

import pytest

from pipelines.ingest.dates import evidence, fiscal_quarter_of, fiscal_year_of, parse_date
from pipelines.ingest.identity import identify
from pipelines.ingest.pages import RawPage
from pipelines.ingest.parsed import parse
from pipelines.ingest.recognise import Cover, hints_of, read_cover
from pipelines.registry.catalog import built_in
from pipelines.registry.lookup import Lookup

FILINGS = Path(__file__).parents[4] / "shared" / "data" / "filings"
COVER = """UNITED STATES
FORM 10-K
For the fiscal year ended March 31, 2023
Commission File Number: 001-12345
____________ Zebra Widgets, Inc.
(Exact name of registrant as specified in its charter)
Common Stock, $0.01 par value per share ZWID The Nasdaq Stock Market LLC"""
SIGNATURE = "duly authorized.\nDate: May 30, 2023 By: /s/ A. Person"
KNOWN = Lookup(built_in())


def test_a_cover_is_read() -> None:
    cover = read_cover([RawPage(1, COVER), RawPage(2, SIGNATURE)])
    assert (cover.form, cover.registrant, cover.symbol) == ("10-K", "Zebra Widgets, Inc.", "ZWID")
    assert (cover.period_end, cover.signed_on) == (date(2023, 3, 31), date(2023, 5, 30))


def test_a_company_that_nobody_knows_is_taken_from_the_cover() -> None:
    identity = identify("x.pdf", read_cover([RawPage(1, COVER), RawPage(2, SIGNATURE)]), KNOWN)
    assert identity.fresh and identity.instrument is not None
    assert (identity.instrument.name, identity.instrument.ticker) == ("Zebra Widgets, Inc.", "ZWID")
    assert identity.instrument.fiscal_year_end == "03-31"
    assert (identity.fiscal_year, identity.form, identity.filed_on) == (2023, "10-K", date(2023, 5, 30))


def test_a_current_report_has_its_report_date() -> None:
    text = "FORM 8-K\nDate of Report (Date of earliest event reported): July 5, 2022\nFoot Locker, Inc.\n"
    text += "(Exact name of registrant"
    identity = identify("a.pdf", read_cover([RawPage(1, text)]), KNOWN)
    assert (identity.form, identity.period_end, identity.fiscal_year) == ("8-K", date(2022, 7, 5), 2022)
    assert identity.instrument is not None and identity.instrument.ticker == "FL"


@pytest.mark.parametrize(
    ("name", "hints"),
    [
        ("WALMART_2024Q1_10Q.pdf", ("10-Q", 2024, 1)),
        ("APPLE_2022_10K.pdf", ("10-K", 2022, None)),
        ("FOOTLOCKER_2022_8K_dated-2022-05-20.pdf", ("8-K", 2022, None)),
        ("notes.md", (None, None, None)),
    ],
)
def test_a_file_name_gives_hints(name: str, hints: object) -> None:
    assert hints_of(name) == hints


def test_a_note_is_about_the_one_company_that_its_name_or_opening_names() -> None:
    assert (found := identify("BESTBUY notes.md", Cover(), KNOWN).instrument) and found.ticker == "BBY"
    assert (found := identify("a.md", Cover(opening="Netflix did well."), KNOWN).instrument) and found.ticker == "NFLX"
    assert identify("a.md", Cover(opening="Netflix and Amazon did well."), KNOWN).instrument is None


@pytest.mark.parametrize(
    ("end", "text", "year"),
    [
        (date(2022, 1, 31), "fiscal 2022 fiscal 2022 fiscal 2021", 2022),
        (date(2022, 1, 29), "fiscal 2021 fiscal 2021 fiscal 2022", 2021),
        (date(2022, 1, 29), "", 2022),
        (date(2022, 1, 2), "fiscal 2022", 2021),
        (date(2022, 9, 24), "fiscal 2021 fiscal 2021", 2022),
    ],
)
def test_a_fiscal_year_is_named_as_the_company_names_it(end: date, text: str, year: int) -> None:
    assert fiscal_year_of(end, text) == year


@pytest.mark.parametrize(
    ("end", "text", "close", "expected"),
    [
        (date(2023, 4, 30), "", "01-31", (2024, 1)),
        (date(2023, 7, 1), "", "09-30", (2023, 3)),
        (date(2023, 7, 1), "nine months ended", None, (2023, 3)),
        (date(2022, 6, 30), "six months ended", None, (2022, 2)),
        (date(2022, 12, 31), "", "06-30", (2023, 2)),
        (date(2022, 4, 30), "first quarter of fiscal 2022", "01-31", (2022, 1)),
    ],
)
def test_a_quarter_is_counted_from_the_fiscal_year_end(
    end: date, text: str, close: str | None, expected: tuple[int, int]
) -> None:
    assert fiscal_quarter_of(end, text, close) == expected


def test_dates_are_parsed_or_none() -> None:
    assert parse_date("January26, 2023") == parse_date("1/26/2023") == parse_date("2023-01-26") == date(2023, 1, 26)
    assert parse_date("February 30, 2023") is None and parse_date("soon") is None


def test_evidence_keeps_only_what_names_periods() -> None:
    assert evidence("Secret. Fiscal 2022 was good; nine months ended.") == "Fiscal 2022\nnine months"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AMAZON_2021_10K", ("AMZN", "10-K", 2021, None, date(2021, 12, 31), date(2022, 2, 3))),
        ("AMAZON_2022_10K", ("AMZN", "10-K", 2022, None, date(2022, 12, 31), date(2023, 2, 2))),
        ("AMD_2021_10K", ("AMD", "10-K", 2021, None, date(2021, 12, 25), date(2022, 2, 3))),
        ("APPLE_2021_10K", ("AAPL", "10-K", 2021, None, date(2021, 9, 25), date(2021, 10, 28))),
        ("APPLE_2022_10K", ("AAPL", "10-K", 2022, None, date(2022, 9, 24), date(2022, 10, 27))),
        ("APPLE_2023Q3_10Q", ("AAPL", "10-Q", 2023, 3, date(2023, 7, 1), date(2023, 8, 3))),
        ("BESTBUY_2022_10K", ("BBY", "10-K", 2022, None, date(2022, 1, 29), date(2022, 3, 18))),
        ("COSTCO_2022_10K", ("COST", "10-K", 2022, None, date(2022, 8, 28), date(2022, 10, 4))),
        ("MICROSOFT_2021_10K", ("MSFT", "10-K", 2021, None, date(2021, 6, 30), date(2021, 7, 29))),
        ("MICROSOFT_2022_10K", ("MSFT", "10-K", 2022, None, date(2022, 6, 30), date(2022, 7, 28))),
        ("NETFLIX_2022_10K", ("NFLX", "10-K", 2022, None, date(2022, 12, 31), date(2023, 1, 26))),
        ("PFIZER_2022_10K", ("PFE", "10-K", 2022, None, date(2022, 12, 31), date(2023, 2, 23))),
        ("WALMART_2022_10K", ("WMT", "10-K", 2022, None, date(2022, 1, 31), date(2022, 3, 18))),
        ("WALMART_2024Q1_10Q", ("WMT", "10-Q", 2024, 1, date(2023, 4, 30), date(2023, 6, 2))),
    ],
)
def test_real_filings_are_recognised_without_the_help_of_their_names(name: str, expected: object) -> None:
    path = FILINGS / f"{name}.pdf"
    if not path.exists():
        pytest.skip("the real filings are not here")
    found = identify("unnamed.pdf", parse(path.name, path.read_bytes()).cover, KNOWN)
    assert found.instrument is not None
    assert expected == (
        found.instrument.ticker, found.form, found.fiscal_year, found.fiscal_quarter, found.period_end, found.filed_on
    )  # fmt: skip
