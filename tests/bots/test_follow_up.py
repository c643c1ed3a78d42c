"""Follow-ups: what they leave out comes from the thread, and the agents read the whole as it was meant."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.follow_up import whole_question
from pipelines.agents.question import Reading, read_question
from pipelines.agents.windows import price_window
from pipelines.registry.registry import CompanyRegistry
from store.memory_content import MemoryContentStore
from tieout.model import Message, Principal

ANN = Principal("ann", "desk")
REGISTRY = CompanyRegistry(MemoryContentStore())
REVENUE = "What was Apple's revenue in fiscal 2022?"


def said(text: str, role: str = "person") -> Message:
    return Message(text, "conv", text, "U1", role, text, datetime(2026, 11, 26, tzinfo=UTC))  # type: ignore[arg-type]


def whole(text: str, *before: str) -> str:
    return whole_question(text, [said(one) for one in before])


def reading(text: str) -> Reading:
    return read_question(text, REGISTRY.mentioned(ANN, text))


def about(text: str) -> tuple[list[str | None], tuple[int, ...]]:
    """Return the tickers and fiscal years that the agents read in a question."""
    found = reading(text)
    return [one.ticker for one in found.instruments], found.fiscal_years


@pytest.mark.parametrize(
    ("text", "tickers", "years", "measure"),
    [
        ("and in 2021?", ["AAPL"], (2021,), "revenue"),
        ("what about 2023?", ["AAPL"], (2023,), "revenue"),
        ("and the year before?", ["AAPL"], (2021,), "revenue"),
        ("from 2019 to 2022?", ["AAPL"], (2019, 2020, 2021, 2022), "revenue"),
        ("how did it change from 2020 to 2022?", ["AAPL"], (2020, 2021, 2022), "revenue"),
        ("versus 2021", ["AAPL"], (2021, 2022), "revenue"),
        ("and its net income?", ["AAPL"], (2022,), "net_income"),
        ("net income?", ["AAPL"], (2022,), "net_income"),
        ("what about its net income in 2020?", ["AAPL"], (2020,), "net_income"),
        ("and gross margin?", ["AAPL"], (2022,), "gross_margin"),
        ("what about Walmart?", ["WMT"], (2022,), "revenue"),
        ("and Walmart in 2021?", ["WMT"], (2021,), "revenue"),
        ("wmt?", ["WMT"], (2022,), "revenue"),
        ("and Walmart's net income?", ["WMT"], (2022,), "net_income"),
        ("and compared with Walmart?", ["AAPL", "WMT"], (2022,), "revenue"),
        ("how does that compare with Walmart's?", ["AAPL", "WMT"], (2022,), "revenue"),
        ("compare its net income with Walmart's", ["AAPL", "WMT"], (2022,), "net_income"),
        ("how much did it spend on R&D in 2021?", ["AAPL"], (2021,), "r_and_d"),
        ("by segment?", ["AAPL"], (2022,), "revenue"),
        ("why did it fall?", ["AAPL"], (2022,), "revenue"),
    ],
)
def test_a_follow_up_keeps_what_it_leaves_out_and_replaces_what_it_names(text, tickers, years, measure):
    question = whole(text, REVENUE)
    assert about(question) == (tickers, years), question
    assert measure in reading(question).measures, question


def test_the_stock_is_the_companys_and_its_period_the_one_before():
    question = whole("how did the stock do?", REVENUE)
    assert question == "How did Apple's stock do in fiscal 2022?"
    assert reading(question).wants_prices


def test_since_is_since_the_year_before():
    question = whole("and how has the stock done since?", REVENUE)
    window = price_window(reading(question), date(2024, 11, 29), date(1990, 1, 2), date(2022, 9, 24))
    assert window.start == date(2022, 9, 24)


def test_now_is_not_the_year_before():
    assert about(whole("what is the stock price now?", REVENUE)) == (["AAPL"], ())


def test_a_quarter_without_a_year_is_one_of_the_year_before():
    question = whole("and in Q2?", REVENUE)
    assert (reading(question).quarter, about(question)) == (2, (["AAPL"], (2022,)))


def test_a_span_takes_the_place_of_a_span():
    before = "How did the stocks of Apple and Microsoft do over the last year?"
    question = whole("what about the last 5 years?", before)
    assert question == "How did the stocks of Apple and Microsoft do over the last 5 years?"
    assert about(whole("and their volatility?", before)) == (["AAPL", "MSFT"], ())
    assert about(whole("and Walmart?", before)) == (["AAPL", "MSFT", "WMT"], ())


def test_a_thread_is_followed_from_its_first_question():
    question = whole("and its net income?", REVENUE, "and in 2021?", "thanks, great", "what about Walmart?")
    assert (about(question), reading(question).measures) == ((["WMT"], (2021,)), ("net_income",))


def test_commands_count_as_what_they_ask():
    assert whole("and in 2021?", f"ask {REVENUE}") == "What was Apple's revenue in 2021?"
    assert about(whole("and its net income in 2021?", "brief AAPL")) == (["AAPL"], (2021,))


def test_words_that_are_also_tickers_stay_words():
    assert whole("and Target?", "What was Costco's cost of revenue in 2020?") == (
        "What was Target's cost of revenue in 2020?"
    )


@pytest.mark.parametrize(
    "text",
    [
        "What was Microsoft's revenue in 2020?",
        "How did the market do in 2020?",
        "Which company grew most?",
        "great, that helps",
        "can you post it to the board?",
        "hello",
    ],
)
def test_what_stands_by_itself_or_asks_nothing_is_left_alone(text):
    assert whole(text, REVENUE) == text


def test_a_long_text_is_neither_a_follow_up_nor_followed_up():
    pasted = "and Walmart's net sales were as follows. " * 50
    assert whole(pasted, REVENUE) == pasted.strip()
    assert whole("and in 2021?", REVENUE, pasted) == "What was Apple's revenue in 2021?"


def test_without_anything_before_a_text_is_left_alone():
    assert whole("and in 2021?") == "and in 2021?"
    assert whole_question("and in 2021?", [said(REVENUE, role="tieout")]) == "and in 2021?"


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_give_a_text(before, text):
    assert isinstance(whole(text, before, REVENUE), str)
    assert whole(text) == text.strip()
