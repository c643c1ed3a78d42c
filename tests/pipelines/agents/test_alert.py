"""The alert agent beside pandas, on the sample pack's real prices: which days it finds, and that its numbers tie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipelines.agents.alert import AGENT, SAY_NOTHING, Watch, watch_of
from pipelines.agents.discover import discover
from pipelines.tools.market_history import read_history, words
from pipelines.tools.price_condition import parse_condition
from pipelines.tools.price_watch import became_true, read_days, series_of
from store.lake.lake import MemoryLake
from tieout import codec
from tieout.errors import InvalidInput, NotFound
from tieout.model import Principal, RunRequest, RunState, SeriesKey, Usage
from tieout.ports import StepOutcome

PACK = Path(__file__).parents[3] / "tieout" / "sample_pack"
ME = Principal("ann", "main")
LEVELS = SeriesKey("AAPL", "mplfinance", "splits")


@pytest.fixture(scope="module")
def lake() -> MemoryLake:
    """The sample pack's prices."""
    lake = MemoryLake()
    for path in sorted(PACK.rglob("*.parquet")):
        lake.import_bars(ME, path)
    return lake


@pytest.fixture(scope="module")
def closes() -> pd.Series:
    """Apple's closes to January 2018, adjusted for splits, as pandas reads them."""
    return pd.read_parquet(PACK / "bars" / "AAPL.parquet").set_index("Date")["Close"]


@dataclass
class Parts:
    lake: MemoryLake


@dataclass
class Run:
    request: RunRequest
    id: str = "run_1"
    state: RunState = RunState.RUNNING
    usage: Usage = field(default_factory=Usage)
    result: dict[str, Any] = field(default_factory=dict)
    error: str | None = None


@dataclass
class Context:
    """What the action sees."""

    run: Run
    parts: Parts
    principal: Principal = ME
    events: list[dict[str, Any]] = field(default_factory=list)

    def emit(self, kind: str, **data: Any) -> None:
        """Keep the event."""
        self.events.append({"kind": kind, **data})


Evaluate = Callable[..., StepOutcome]


@pytest.fixture
def evaluate(lake: MemoryLake) -> Evaluate:
    """Return a function that carries a request out."""

    def act(condition: str, since: str | None = None, through: str | None = None, **more: Any) -> StepOutcome:
        days = [date.fromisoformat(day) if day else None for day in (since, through)]
        watch = Watch(condition, *days, more.pop("series", None))
        request = RunRequest(condition, agent="alert", params={"watch": codec.dump(watch)}, **more)
        return AGENT.actions["evaluate"](Context(Run(request), Parts(lake)))

    return act


def found(lake: MemoryLake, text: str, first: str, last: str) -> list[date]:
    """Return the days on which a condition became true."""
    condition = parse_condition(text)
    history = read_history(lake, ME, series_of(lake.series(ME), condition, date(2018, 1, 19)))
    days = [day for day in history.days if date.fromisoformat(first) <= day <= date.fromisoformat(last)]
    return became_true(read_days(lake, ME, condition, history, days), days)


def rises(true: pd.Series) -> list[date]:
    """Return the days of 2016 and 2017 on which a series of truths became true."""
    became = true & ~true.shift(1, fill_value=True)
    return [day for day in pd.to_datetime(became[became].index).date if date(2016, 1, 5) <= day <= date(2017, 12, 31)]


def wilder(closes: pd.Series, length: int) -> pd.Series:
    moves = closes.diff().dropna()
    ups, downs = moves.clip(lower=0), -moves.clip(upper=0)
    return 100 - 100 / (1 + _smooth(ups, length) / _smooth(downs, length))


def _smooth(values: pd.Series, length: int) -> pd.Series:
    first = values.iloc[:length].mean()
    whole = pd.concat([pd.Series([first], index=[values.index[length - 1]]), values.iloc[length:]])
    return whole.ewm(alpha=1 / length, adjust=False).mean()


def test_the_days_on_which_a_close_crossed_a_level_are_those_of_pandas(lake: MemoryLake, closes: pd.Series) -> None:
    assert found(lake, "AAPL above 110", "2016-01-04", "2017-12-31") == rises(closes > 110)
    assert found(lake, "AAPL below 100", "2016-01-04", "2017-12-31") == rises(closes < 100)


def test_the_days_on_which_a_close_crossed_its_average_are_those_of_pandas(lake: MemoryLake, closes: pd.Series) -> None:
    days = found(lake, "AAPL crosses above sma(50)", "2016-01-04", "2017-12-31")
    assert days == rises(closes > closes.rolling(50).mean())
    assert len(days) > 5


def test_the_days_of_an_rsi_and_of_a_change_are_those_of_pandas(lake: MemoryLake) -> None:
    whole = pd.read_parquet(PACK / "prices" / "adj_close_1990_2024.parquet").set_index("date")["AAPL"].dropna()
    cut = whole[whole.index <= date(2018, 1, 19)]
    assert found(lake, "AAPL rsi > 70", "2016-01-04", "2017-12-31") == rises(wilder(cut.iloc[-2000:], 14) > 70)
    assert found(lake, "AAPL falls 3%", "2016-01-04", "2017-12-31") == rises(cut.pct_change() <= -0.03)


def test_what_is_told_has_the_value_now_and_before_each_tied_to_a_computed_fact(evaluate: Evaluate) -> None:
    outcome = evaluate("AAPL above 175.01", "2018-01-10", "2018-01-11")
    assert outcome.run_state is None
    result = outcome.result
    assert result["answer"] == (
        "“AAPL close > 175.01” became true on 11 January 2018. "
        "AAPL closed at $175.28 on 11 January 2018, after $174.29 on 10 January 2018."
    )
    assert result["ledger"] == {"numbers": 2, "tied": 2, "open": 0, "contradicted": 0}
    numbers = [number for claim in result["claims"] for number in claim["numbers"]]
    assert [Decimal(number["value"]).quantize(Decimal("0.01")) for number in numbers] == [
        Decimal("175.28"),
        Decimal("174.29"),
    ]
    assert all(number["source"]["snapshot"].startswith("bars@") and number["source"]["sql"] for number in numbers)
    assert any("closes adjusted for splits (vendor mplfinance" in note for note in result["notes"])


def test_days_on_which_nothing_became_true_end_with_nothing_to_say(evaluate: Evaluate) -> None:
    for since, through in (("2018-01-11", "2018-01-12"), ("2018-01-09", "2018-01-10")):  # true before; never true
        outcome = evaluate("AAPL above 175.01", since, through)
        assert (outcome.run_state, outcome.result["outcome"]) == (None, SAY_NOTHING)
        assert "did not become true" in outcome.result["answer"]


def test_no_newer_day_is_nothing_to_say(evaluate: Evaluate) -> None:
    outcome = evaluate("AAPL above 175.01", "2018-01-11", "2018-01-11")
    assert outcome.result["outcome"] == SAY_NOTHING
    assert "no newer prices than those of 11 January 2018" in outcome.result["answer"]


def test_bars_that_were_not_known_on_the_day_are_not_seen(evaluate: Evaluate) -> None:
    outcome = evaluate("AAPL above 175.01", "2018-01-09", as_of=date(2018, 1, 10))
    assert outcome.result["outcome"] == SAY_NOTHING
    assert outcome.result["as_of"] == "2018-01-10"
    outcome = evaluate("AAPL above 175.01", "2018-01-09", as_of=date(2018, 1, 11))
    assert "became true on 11 January 2018" in outcome.result["answer"]


def test_several_days_are_told_as_the_last_with_the_others_named_and_how_it_stands(evaluate: Evaluate) -> None:
    result = evaluate("AAPL above 170", "2017-10-30", "2017-12-29").result
    assert "is no longer true on 29 December 2017" in result["answer"]
    assert result["ledger"]["tied"] == result["ledger"]["numbers"] == 3
    assert any("it also became true on" in note for note in result["notes"])


def test_the_same_request_finds_the_same_however_often_it_is_carried_out(evaluate: Evaluate) -> None:
    first, again = (evaluate("AAPL rsi > 70", "2017-01-03", "2018-01-19") for _ in range(2))
    assert first == again


def test_one_look_at_many_days_finds_what_a_look_at_each_finds(lake: MemoryLake, evaluate: Evaluate) -> None:
    days = [one for one in lake.bars(ME, LEVELS)["day"].to_pylist() if date(2017, 11, 1) <= one <= date(2018, 1, 19)]
    spoken = [
        day
        for before, day in pairwise(days)
        if "outcome" not in evaluate("AAPL at least 175", str(before), str(day)).result
    ]
    whole = evaluate("AAPL at least 175", str(days[0]), str(days[-1])).result
    assert f"became true on {words(spoken[-1])}" in whole["answer"]
    assert spoken == found(lake, "AAPL at least 175", str(days[0]), str(days[-1]))


def test_without_days_it_says_how_the_condition_stands(evaluate: Evaluate) -> None:
    answer = evaluate("AAPL above 200").result["answer"]
    assert answer.startswith("“AAPL close > 200” is not true on 19 January 2018. AAPL closed at $178.46")
    assert "is true on" in evaluate("AAPL above 100", as_of=date(2017, 1, 5)).result["answer"]
    assert evaluate("AAPL above sma(200)").result["ledger"]["open"] == 0


def test_an_average_of_adjusted_closes_is_told_as_a_share(evaluate: Evaluate) -> None:
    """Closes that embed dividends are no price levels."""
    answer = evaluate("JPM below sma(50)").result["answer"]
    assert "JPM closed 10.4% from its average on 29 November 2024" in answer
    assert "$" not in answer


def test_a_condition_that_its_prices_cannot_answer_is_told_in_words(evaluate: Evaluate) -> None:
    with pytest.raises(NotFound, match="no prices of ACME"):
        evaluate("ACME above 10")
    with pytest.raises(InvalidInput, match="unadjusted or split-adjusted"):
        evaluate("JPM above 10")
    with pytest.raises(InvalidInput, match="needs more prices"):
        evaluate("AAPL above sma(500)", as_of=date(2004, 12, 1))


def test_the_agent_is_found_and_refuses_to_plan_what_is_no_condition() -> None:
    agent = discover().get("alert")
    assert [step.key for step in agent.plan(RunRequest("AAPL above 200")).steps] == ["evaluate"]
    assert watch_of(RunRequest("AAPL above 200")) == Watch("AAPL above 200")
    with pytest.raises(InvalidInput, match="`WHAT above 200`"):
        agent.plan(RunRequest("What is new?"))


def test_the_named_series_is_used_however_many_there_are(evaluate: Evaluate) -> None:
    adjusted = SeriesKey("AAPL", "mplfinance", "splits_dividends")
    result = evaluate("AAPL change > 1%", series=adjusted).result
    assert any("vendor mplfinance" in note for note in result["notes"])
    gone = SeriesKey("AAPL", "nobody", "none")
    assert any("pyportfolioopt" in note for note in evaluate("AAPL change > 1%", series=gone).result["notes"])
