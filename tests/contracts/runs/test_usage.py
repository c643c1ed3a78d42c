"""What runs cost and what people did to them, summed and listed by every RunStore for whom they are for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from tests.support.run_store import ANN, BEN, EVE, NOW, SINGLE, start, take
from tieout.model import Principal, RunState, Usage
from tieout.ports import RunStore

SPENT = Usage(1, 1_000, 200, Decimal("0.0123456789"))


def buy(store: RunStore, who: Principal, model: str, key: str) -> None:
    """Start a run and let its step buy an answer of that model."""
    run = start(store, SINGLE, who)
    claimed = take(store, run, run.plan.steps[0].key)
    store.begin_effect(claimed, key, "model_call", {}, now=NOW, estimate=SPENT)
    store.finish_effect(key, {"answer": {"model": model}}, now=NOW, usage=SPENT)
    store.complete_step(claimed, {}, now=NOW)


def test_usage_is_summed_by_agent_person_model_and_day(store: RunStore) -> None:
    buy(store, ANN, "small", "a")
    buy(store, ANN, "large", "b")
    buy(store, BEN, "large", "c")
    assert store.usage(EVE, by="agent", since=NOW) == []
    (agent,) = store.usage(ANN, by="agent", since=NOW)
    assert (agent.runs, agent.usage.cost) == (3, 3 * SPENT.cost)
    by_person = {line.name: line.usage.tokens_in for line in store.usage(ANN, by="principal", since=NOW)}
    assert by_person == {ANN.id: 2_000, BEN.id: 1_000}
    by_model = [(line.name, line.runs, line.usage.calls) for line in store.usage(ANN, by="model", since=NOW)]
    assert by_model == [("large", 2, 2), ("small", 1, 1)]
    (day,) = store.usage(ANN, by="day", since=NOW)
    assert day.name == f"{NOW:%Y-%m-%d}"
    assert store.usage(ANN, by="agent", since=NOW + timedelta(seconds=1)) == []


def test_the_trail_tells_who_did_what_the_newest_first(store: RunStore) -> None:
    run = start(store, SINGLE)
    store.cancel_run(BEN, run.id, now=NOW + timedelta(seconds=5))
    trail = store.deeds(ANN, limit=10)
    assert [(event.kind, event.data["principal"]) for event in trail] == [
        ("run_cancelled", BEN.id),
        ("run_submitted", ANN.id),
    ]
    assert [event.kind for event in store.deeds(ANN, limit=1)] == ["run_cancelled"]
    assert store.deeds(EVE) == []


def test_runs_are_counted_by_state_as_far_as_one_may_see_them(store: RunStore) -> None:
    start(store, SINGLE)
    hidden = start(store, audience="slack:C1")
    store.cancel_run(ANN, start(store, SINGLE).id, now=NOW)
    assert store.states(BEN) == {RunState.QUEUED: 1, RunState.CANCELLED: 1}
    assert store.states(replace(BEN, audience="slack:C1"))[RunState.QUEUED] == 2
    assert store.states(EVE) == {}
    assert hidden.state is RunState.QUEUED
