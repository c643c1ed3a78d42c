"""Which research requests are good: only those make a run."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.support.desk import MEMBER
from tieout.application import MAX_QUESTION, Application
from tieout.errors import InvalidInput, NotFound, UnknownInstrument
from tieout.model import RunRequest
from tieout.ports import ImportOptions


@pytest.mark.parametrize("question", ["", "  \n", "a" * (MAX_QUESTION + 1), "what\x00ever", "caf\udce9"])
def test_a_question_that_cannot_be_answered_makes_no_run(desk: Application, question: str) -> None:
    with pytest.raises(InvalidInput):
        desk.start_run(MEMBER, RunRequest(question))
    assert desk.runs(MEMBER) == []


def test_an_unknown_ticker_or_agent_makes_no_run(desk: Application) -> None:
    with pytest.raises(UnknownInstrument):
        desk.start_run(MEMBER, RunRequest("How much?", tickers=("QQXZ",)))
    with pytest.raises(NotFound, match="research"):
        desk.start_run(MEMBER, RunRequest("How much?", agent="oracle"))
    assert desk.runs(MEMBER) == []


def test_tickers_are_resolved_once_each(desk: Application) -> None:
    run = desk.start_run(MEMBER, RunRequest("How much?", tickers=("aapl", "AAPL", "Apple Inc.")))
    assert run.request.tickers == ("AAPL",)


def test_a_ticker_with_prices_needs_no_entry_in_the_registry(desk: Application, tmp_path: Path) -> None:
    path = tmp_path / "zzz.csv"
    path.write_text("Date,Close\n2020-01-02,10\n2020-01-03,11\n")
    desk.import_bars(MEMBER, path, ImportOptions(ticker="ZZQX", adjustment="none"))
    assert desk.start_run(MEMBER, RunRequest("How much?", tickers=("zzqx",))).request.tickers == ("ZZQX",)


def test_an_as_of_before_the_first_bar_names_that_day(desk: Application, prices: Path) -> None:
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    with pytest.raises(InvalidInput, match="2020-01-02"):
        desk.start_run(MEMBER, RunRequest("How did the stock do?", tickers=("AAPL",), as_of=date(2019, 12, 31)))
    with pytest.raises(InvalidInput, match="2020-01-02"):
        desk.start_run(MEMBER, RunRequest("What was the return?", as_of=date(1980, 1, 1)))
    with pytest.raises(InvalidInput, match="future"):
        desk.start_run(MEMBER, RunRequest("How much?", as_of=date.today() + timedelta(days=3)))  # noqa: DTZ011
    assert desk.start_run(MEMBER, RunRequest("How much?", tickers=("AAPL",), as_of=date(2020, 1, 2)))


@pytest.mark.parametrize("question", ["What was revenue?", "What were earnings per share?", "Return on equity?"])
def test_a_question_without_prices_may_be_of_a_day_before_the_first_bar(
    desk: Application, prices: Path, question: str
) -> None:
    desk.import_bars(MEMBER, prices, ImportOptions(adjustment="none"))
    assert desk.start_run(MEMBER, RunRequest(question, tickers=("AAPL",), as_of=date(2019, 12, 31)))
