"""Reading a question: what the words settle, and nothing more."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.agents.question import dates_named, read_question
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
