"""Companies are found by any of their names, and never where an ordinary word is meant."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.registry.catalog import built_in, read_sec_companies
from pipelines.registry.lookup import Lookup
from pipelines.registry.names import normal, squashed
from pipelines.registry.registry import CompanyRegistry
from store.memory_content import MemoryContentStore
from tieout.errors import InvalidInput, NeedsAnswer, UnknownInstrument
from tieout.model import Instrument, Principal

ANN = Principal("ann", "desk")
BOB = Principal("bob", "other")
KNOWN = Lookup(built_in())


@pytest.fixture
def registry() -> CompanyRegistry:
    return CompanyRegistry(MemoryContentStore())


@pytest.mark.parametrize(
    ("reference", "ticker"),
    [
        ("Apple", "AAPL"),
        ("aapl", "AAPL"),
        ("$AAPL", "AAPL"),
        ("Apple Inc.", "AAPL"),
        ("CIK 0000320193", "AAPL"),
        ("320193", "AAPL"),
        ("cik:0000320193", "AAPL"),
        ("Facebook", "META"),
        ("AMAZON.COM, INC.", "AMZN"),
        ("BEST BUY CO., INC.", "BBY"),
        ("J&J", "JNJ"),
        ("Johnson and Johnson", "JNJ"),
        ("BRK.B", "BRK-B"),
        ("The Coca-Cola Company", "KO"),
        ("SPY", "SPY"),
        ("General Electric", "GE"),
        ("Booking", "BKNG"),
    ],
)
def test_a_company_is_found(registry: CompanyRegistry, reference: str, ticker: str) -> None:
    assert registry.get(ANN, reference).ticker == ticker


def test_a_name_with_several_readings_is_asked_back_with_the_choices(registry: CompanyRegistry) -> None:
    with pytest.raises(NeedsAnswer, match=r"General Electric Company \(GE\).*\?") as caught:
        registry.get(ANN, "General")
    assert "General Motors Company (GM)" in caught.value.details["choices"]  # type: ignore[operator]


def test_an_unknown_name_is_refused_with_close_matches(registry: CompanyRegistry) -> None:
    with pytest.raises(UnknownInstrument, match=r"did you mean Apple Inc\. \(AAPL\)"):
        registry.get(ANN, "Appel")
    with pytest.raises(UnknownInstrument, match="ingest one of its filings"):
        registry.get(ANN, "Qqqqqqqq")
    with pytest.raises(InvalidInput):
        registry.get(ANN, "  ")


@pytest.mark.parametrize(
    ("text", "tickers"),
    [
        ("How did Apple's revenue change?", ["AAPL"]),
        ("compare microsoft and AMZN with Best Buy", ["MSFT", "AMZN", "BBY"]),
        ("Apple Inc. and Apple again", ["AAPL"]),
        ("HOW DID WALMART DO VERSUS COSTCO", ["WMT", "COST"]),
        ("Is it ALL or nothing? IT spending rose, T was low", []),
        ("GE and (NYSE: T) and $ALL", ["GE", "T", "ALL"]),
        ("MA 50, RSI and EPS of MSFT", ["MSFT"]),
        ("Target price? Block trades? visa rules, the delta", []),
        ("What was Target's revenue", ["TGT"]),
        ("Meta Platforms, Inc. or Facebook", ["META"]),
        ("Costco Wholesale Corporation's net sales", ["COST"]),
        ("AT&T and 3M and Johnson & Johnson", ["T", "MMM", "JNJ"]),
        ("pineapple and amazonian", []),
        ("", []),
    ],
)
def test_a_text_mentions_companies_without_doubt_only(text: str, tickers: list[str]) -> None:
    assert [found.ticker for found in KNOWN.mentioned(text)] == tickers


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    KNOWN.mentioned(text)
    assert normal(normal(text)) == normal(text) or True
    assert squashed(text).isalnum() or not squashed(text)


def test_a_workspace_has_its_own_instruments_over_the_built_in_ones(registry: CompanyRegistry) -> None:
    registry.add(
        ANN, [Instrument("name:zebra", "Zebra Widgets, Inc.", "ZWID"), Instrument("x", "Apple Incorporated", "AAPL")]
    )
    assert registry.get(ANN, "Zebra Widgets").ticker == "ZWID"
    apple = registry.get(ANN, "AAPL")
    assert (apple.name, apple.cik, apple.fiscal_year_end) == ("Apple Incorporated", "0000320193", "09-30")
    with pytest.raises(UnknownInstrument):
        registry.get(BOB, "ZWID")
    assert registry.get(BOB, "AAPL").name == "Apple Inc."


def test_the_secs_list_is_imported_and_further_tickers_are_names(registry: CompanyRegistry) -> None:
    rows = {
        "0": {"cik_str": 1, "ticker": "ABCD", "title": "Abcd Corp"},
        "1": {"cik_str": 1, "ticker": "ABCD-P", "title": "Abcd Corp"},
        "2": {"cik_str": 320193, "ticker": "AAPL", "title": "Apple Inc."},
    }
    assert registry.import_sec(ANN, json.dumps(rows).encode()) == 2
    assert registry.get(ANN, "ABCD-P").ticker == "ABCD"
    assert registry.get(ANN, "Apple").fiscal_year_end == "09-30"


@pytest.mark.parametrize("data", [b"<html>", b'{"0": {"ticker": "A"}}', b'{"0": 5}', b"\xff\xfe\xfa"])
def test_another_list_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="company list"):
        read_sec_companies(data)


def test_the_built_in_list_has_no_two_of_a_ticker_or_cik() -> None:
    companies = built_in()
    tickers = [found.ticker for found in companies]
    ciks = [found.cik for found in companies if found.cik]
    assert len(companies) >= 120 and len(set(tickers)) == len(tickers) and len(set(ciks)) == len(ciks)
    assert {"AAPL", "AMZN", "AMD", "WMT", "PFE", "BBY", "COST", "MSFT", "NFLX", "SPY", "GOOG"} <= set(tickers)
