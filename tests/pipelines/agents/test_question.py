"""Reading a question: what the words settle, and nothing more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.agents.question import asks_something, dates_named, read_question
from pipelines.agents.windows import price_window, price_windows
from tieout.errors import InvalidInput
from tieout.model import Instrument

APPLE = Instrument("AAPL", "Apple Inc.", "AAPL")
AS_OF = date(2024, 11, 29)
FIRST = date(1990, 1, 2)


def window(text: str, year_end: date | None = None):
    return price_window(read_question(text, [APPLE]), AS_OF, FIRST, year_end)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("How did revenue change in fiscal 2022?", (2022,)),
        ("Revenue in FY22 against FY2021", (2021, 2022)),
        ("What happened to margins from 2019 to 2022?", (2019, 2020, 2021, 2022)),
        ("net sales in Q3 2023", (2023,)),
        ("What was the closing price on 2018-01-19?", ()),
        ("revenue for the year ended 2021", (2021,)),
        ("a 2,021 count and $2022 and 20221 are no years", ()),
        ("sales since September 24, 2022", ()),
    ],
)
def test_fiscal_years_are_read_from_the_ways_people_write_them(text, years):
    assert read_question(text, [APPLE]).fiscal_years == years


@pytest.mark.parametrize(
    ("text", "quarter"),
    [("Q3 2023", 3), ("the third quarter of fiscal 2023", 3), ("in the first quarter", 1), ("in 2023", None)],
)
def test_quarters_are_read(text, quarter):
    assert read_question(text, [APPLE]).quarter == quarter


def test_since_with_a_fiscal_year_starts_at_the_years_end_and_says_so():
    found = window("How did revenue change in fiscal 2022, and how has the stock done since?", date(2022, 9, 24))
    assert (found.start, found.end) == (date(2022, 9, 24), AS_OF)
    assert "fiscal year's end, 24 September 2022" in found.note


@pytest.mark.parametrize("text", ["return since fiscal 2021", "How has the stock done since FY2021?"])
def test_since_a_fiscal_year_alone_starts_at_its_end_too(text):
    found = window(text, date(2021, 9, 25))
    assert (found.start, found.end) == (date(2021, 9, 25), AS_OF)
    assert "fiscal year's end, 25 September 2021" in found.note


def test_since_a_calendar_year_starts_with_it():
    assert window("return since 2021", date(2021, 9, 25)).start == date(2020, 12, 31)


def test_since_a_named_date_starts_there():
    found = window("How has the stock done since 3 March 2020?", date(2022, 9, 24))
    assert (found.start, found.end) == (date(2020, 3, 3), AS_OF)


def test_two_dates_bound_the_window():
    found = window("return between January 3, 2007 and 2009-12-31")
    assert (found.start, found.end) == (date(2007, 1, 3), date(2009, 12, 31))


def test_years_for_prices_are_calendar_years_from_the_last_close_before():
    found = window("maximum drawdown of AAPL from 2007 to 2009")
    assert (found.start, found.end) == (date(2006, 12, 31), date(2009, 12, 31))


def test_the_last_five_years_count_back_from_as_of():
    assert window("beta over the last five years").start == date(2019, 11, 29)


def test_no_period_means_twelve_months_and_says_so():
    found = window("How volatile is AAPL?")
    assert found.start == date(2023, 11, 29)
    assert "no period was named" in found.note


def test_a_date_that_does_not_exist_is_refused():
    with pytest.raises(InvalidInput, match="2022-02-30"):
        dates_named("since 2022-02-30")


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2049, 12, 31)))
def test_every_written_form_of_a_date_is_read_back(day):
    for text in (f"{day:%Y-%m-%d}", f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%b} {day.year}"):
        assert dates_named(f"since {text} or so") == [day]


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_crash(text):
    reading = read_question(text, [APPLE])
    assert all(1980 <= year <= 2099 for year in reading.fiscal_years)


@pytest.mark.parametrize(
    ("text", "prices", "measures"),
    [
        ("What was Apple's total return in 2020?", {"return"}, ()),
        ("How volatile is Apple's stock?", {"volatility"}, ()),
        ("return and volatility of Apple", {"return", "volatility"}, ()),
        ("What is Apple's revenue CAGR?", set(), ("revenue",)),
        ("What is the CAGR of AAPL stock?", {"annualised"}, ()),
        ("How much stock-based compensation did Apple have?", set(), ("stock_compensation",)),
        ("How many diluted shares did Apple have?", set(), ("shares_diluted",)),
        ("How much cash did Apple have?", set(), ("cash",)),
        ("whats the drawdwn of apple", {"drawdown"}, ()),
        ("aapl revenu 2022", set(), ("revenue",)),
    ],
)
def test_what_is_asked_for_is_told_apart(text, prices, measures):
    reading = read_question(text, [APPLE])
    assert {topic.key for topic in reading.price_topics} == prices
    assert reading.measures == measures


def test_a_question_of_no_topic_is_about_the_whole_company():
    assert [topic.key for topic in read_question("how's apple doing", [APPLE]).topics] == [
        "revenue",
        "margins",
        "cash_flow",
    ]


def test_the_year_to_date_and_the_first_bar_bound_windows():
    assert window("YTD return of AAPL").start == date(2023, 12, 31)
    assert window("return since its IPO").start == FIRST


def test_a_price_on_a_date_ends_there():
    assert window("What was the closing price of AAPL on 2018-01-19?").end == date(2018, 1, 19)


def test_years_one_by_one_are_windows_of_their_own():
    found = price_windows(read_question("return by calendar year from 2019 to 2021", [APPLE]), AS_OF, FIRST, None)
    assert [(one.start.year, one.end.year) for one in found] == [(2018, 2019), (2019, 2020), (2020, 2021)]


@pytest.mark.parametrize("text", ["What is the capital of France?", "hello", "sing"])
def test_what_no_filing_or_price_says_asks_for_nothing(text):
    assert not asks_something(text)
