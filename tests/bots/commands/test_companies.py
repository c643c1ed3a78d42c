"""Commands about companies, over the sample pack: brief, chart, compare, market."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from bots.commands._asking import suggest_tickers
from bots.commands.chart import range_in_words
from bots.commands.market import months_before
from pipelines.agents.question import read_question
from pipelines.agents.windows import price_window
from tieout.errors import InvalidInput, UnknownInstrument
from tieout.model import Instrument, Message, RunState


def said(text: str) -> Message:
    return Message(text, "conv", text, "U1", "person", text, datetime(2026, 11, 26, tzinfo=UTC))


APPLE = Instrument("AAPL", "Apple Inc.", "AAPL")
AS_OF = date(2024, 11, 29)


def test_a_brief_tells_of_the_latest_year_and_of_the_stock(trader, ends):
    run = ends(trader.starts("brief Apple"))
    assert run.state is RunState.DONE
    assert run.request.tickers == ("AAPL",)
    assert "fiscal 2022" in run.result["answer"]
    assert "shares returned" in run.result["answer"]


def test_a_brief_of_nobody_says_so(trader):
    with pytest.raises(UnknownInstrument):
        trader.starts("brief Nonesuch")


def test_a_sentence_that_begins_with_brief_is_a_question(trader):
    assert trader.starts("brief overview of Apple's margins").question == "Brief overview of Apple's margins"


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        ("1y", date(2023, 11, 29), AS_OF),
        ("5 years", date(2019, 11, 29), AS_OF),
        ("6m", date(2024, 5, 28), AS_OF),
        ("2w", date(2024, 11, 15), AS_OF),
        ("ytd", date(2023, 12, 31), AS_OF),
        ("2020", date(2019, 12, 31), date(2020, 12, 31)),
        ("2020-2023", date(2019, 12, 31), date(2023, 12, 31)),
        ("2000..2020", date(1999, 12, 31), date(2020, 12, 31)),
        ("since 2020", date(2019, 12, 31), AS_OF),
        ("2020-03-02", date(2020, 3, 2), AS_OF),
        ("2020-03-02 to 2021-03-02", date(2020, 3, 2), date(2021, 3, 2)),
    ],
)
def test_a_range_of_a_chart_is_read_as_the_days_it_means(written, start, end):
    question = f"How did the stock of Apple Inc. perform {range_in_words(written)}?"
    window = price_window(read_question(question, [APPLE]), AS_OF, date(1990, 1, 2), None)
    assert (window.start, window.end) == (start, end)


@pytest.mark.parametrize("written", ["0y", "soon", "2024-2020", "2020-02-30", "2021-01-02 to 2020-01-02"])
def test_what_is_no_range_is_refused(written):
    with pytest.raises(InvalidInput, match=r"range of time|calendar"):
        range_in_words(written)


@pytest.mark.parametrize("text", ["chart AAPL 5y", "chart AAPL JPM max", "chart Apple and JPMorgan Chase 2020-2023"])
def test_a_chart_is_drawn(trader, ends, text):
    run = ends(trader.starts(text))
    assert run.state is RunState.DONE, run.error
    assert "chart-1.png" in [one.name for one in trader.desk.artifacts(trader.who, run.id)]


def test_a_company_whose_name_looks_like_a_range_is_a_company(trader):
    assert trader.starts("chart 3M").tickers == ("MMM",)


def test_companies_are_set_side_by_side(trader, ends):
    request = trader.starts("compare AAPL JPM on stock returns over the last year")
    assert request.tickers == ("AAPL", "JPM")
    answer = ends(request).result["answer"]
    assert "Apple" in answer
    assert "JPM" in answer


def test_a_sentence_that_compares_is_a_question_as_it_is(trader):
    request = trader.starts("Compare Apple's cost with Walmart's in 2022")
    assert request.question == "Compare Apple's cost with Walmart's in 2022"
    assert request.tickers == ()


def test_one_company_alone_is_not_compared(trader):
    with pytest.raises(InvalidInput, match="name another"):
        trader.starts("compare AAPL")


def test_the_prices_at_hand_are_listed(trader):
    assert "| AAPL | splits and dividends | USD | 1990-01-02 | 2024-11-29 |" in trader.told("market")


def test_a_stocks_returns_name_their_days_and_their_method(trader):
    said = trader.told("market AAPL")
    assert "| 1 year | +25.94% | 2023-11-29 |" in said
    assert "Simple returns" in said
    assert "dividends included" in said


def test_an_old_price_is_not_told_as_the_last_one(trader):
    assert "178.46 USD** on 2018-01-19" in trader.told("market AAPL")
    assert "Newer closes embed dividends" in trader.told("market AAPL")
    assert "Last close: unknown" in trader.told("market JPM")


def test_a_sentence_about_a_market_is_a_question(trader):
    assert trader.starts("market share of Apple").question == "Market share of Apple"


def test_a_month_before_the_last_day_of_march_is_the_last_of_february():
    assert months_before(date(2024, 3, 31), 1) == date(2024, 2, 29)


def test_a_follow_up_in_a_thread_is_answered_for_the_company_and_year_before(trader, ends):
    trader.more["history"] = [said("What was Apple's revenue in fiscal 2022?"), said("thanks, that helps")]
    request = trader.starts("ask and in 2021?")
    assert request.question == "What was Apple's revenue in 2021?"
    answer = ends(request).result["answer"]
    assert "$365,817 million" in answer
    assert "fiscal 2021" in answer


def test_tickers_are_suggested_by_ticker_and_name_those_with_prices_first(trader):
    assert suggest_tickers(trader.desk, trader.who, "appl")[0] == "AAPL"
    assert "JPM" in suggest_tickers(trader.desk, trader.who, "AAPL jp")
    assert len(suggest_tickers(trader.desk, trader.who, "")) == 25
