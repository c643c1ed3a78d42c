"""Effects and artifacts in every RunStore: intent before, outcome after, what they cost."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import ANN, CHAIN, EVE, NOW, plan, start, take, together
from tieout.errors import BudgetExceeded, Conflict, NotFound
from tieout.model import Artifact, Usage
from tieout.ports import Budget, Claimed, RunStore

CALL = Usage(1, 100, 50, Decimal("0.01"))
ESTIMATE = Usage(1, 1000, 500, Decimal("0.10"))


def test_an_effect_is_begun_once_and_its_outcome_kept(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    first = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (first.fresh, first.attempts, first.outcome) == (True, 1, None)
    unknown = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (unknown.fresh, unknown.attempts, unknown.outcome) == (False, 1, None)
    store.finish_effect("k", {"text": "yes"}, now=NOW, usage=CALL)
    store.finish_effect("k", {"text": "no"}, now=NOW, usage=CALL)
    known = store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW, estimate=ESTIMATE)
    assert (known.fresh, known.outcome) == (False, {"text": "yes"})
    assert store.get_run(ANN, run.id).usage == CALL


def test_an_effect_key_stands_for_one_thing(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "k", "model_call", {"a": 1}, now=NOW)
    with pytest.raises(Conflict):
        store.begin_effect(claimed, "k", "model_call", {"a": 2}, now=NOW)


def test_an_unknown_attempt_stays_charged_with_its_estimate(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    for attempt in (1, 2):
        effect = store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2)
        assert (effect.fresh, effect.attempts) == (True, attempt)
    assert not store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2).fresh
    assert store.get_run(ANN, run.id).usage == ESTIMATE + ESTIMATE
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == ESTIMATE + CALL


def test_an_attempt_that_did_not_happen_is_taken_back(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    for _ in range(3):
        assert store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE).attempts == 1
        store.withdraw_effect("k", now=NOW)
    assert store.get_run(ANN, run.id).usage == Usage()
    store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE)
    store.withdraw_effect("k", now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == CALL
    again = store.begin_effect(claimed, "k", "call", {}, now=NOW, estimate=ESTIMATE, max_attempts=2)
    assert (again.fresh, again.attempts) == (True, 2)
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    store.withdraw_effect("k", now=NOW)
    assert store.get_run(ANN, run.id).usage == CALL + CALL


@pytest.mark.parametrize("budget", [Budget(tokens=2999), Budget(money=Decimal("0.19"))])
def test_the_budget_is_checked_before_the_effect(store: RunStore, budget: Budget) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "one", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget)
    with pytest.raises(BudgetExceeded):
        store.begin_effect(claimed, "two", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget)
    assert store.get_run(ANN, run.id).usage == ESTIMATE
    store.finish_effect("one", {}, now=NOW, usage=CALL)
    assert store.begin_effect(claimed, "two", "call", {}, now=NOW, estimate=ESTIMATE, budget=budget).fresh


def test_parallel_effects_do_not_pass_the_budget_together(store: RunStore) -> None:
    run = start(store, plan(**{f"s{n}": () for n in range(6)}))
    claims = [take(store, run, f"s{n}") for n in range(6)]

    def begin(claimed: Claimed) -> int:
        try:
            store.begin_effect(
                claimed, claimed.step.id, "call", {}, now=NOW, estimate=ESTIMATE, budget=Budget(tokens=4500)
            )
        except BudgetExceeded:
            return 0
        return 1

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, claims)) == 3


def test_usage_arrives_even_after_the_run_was_cancelled(store: RunStore) -> None:
    run = start(store)
    store.begin_effect(take(store, run, "only"), "k", "call", {}, now=NOW, estimate=ESTIMATE)
    store.cancel_run(ANN, run.id, now=NOW)
    store.finish_effect("k", {}, now=NOW, usage=CALL)
    assert store.get_run(ANN, run.id).usage == CALL


def test_an_unknown_effect_cannot_be_finished(store: RunStore) -> None:
    with pytest.raises(NotFound):
        store.finish_effect("nothing", {}, now=NOW)
    with pytest.raises(NotFound):
        store.withdraw_effect("nothing", now=NOW)


def test_artifacts_are_kept_by_name_and_replaced(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    second = Artifact(run.id, "b.html", "text/html", "b" * 64, 2)
    first = Artifact(run.id, "a.md", "text/markdown", "a" * 64, 1)
    for artifact in (second, first, replace(first, sha256="c" * 64, size=3)):
        store.put_artifact(claimed, artifact, now=NOW)
    assert store.artifacts(ANN, run.id) == [replace(first, sha256="c" * 64, size=3), second]


def unknown(store: RunStore) -> list[tuple[str, str]]:
    return [(effect.key, effect.step) for effect in store.unknown_effects(ANN)]


def test_an_effect_is_unknown_when_its_claim_is_over_and_no_outcome_is_recorded(store: RunStore) -> None:
    run = start(store, CHAIN)
    claimed = take(store, run, "first")
    store.begin_effect(claimed, "k", "delivery", {}, now=NOW)
    assert unknown(store) == []  # its claim still stands
    store.release_lost(now=NOW, alive=lambda owner: False)
    assert unknown(store) == [("k", "first")]
    again = take(store, run, "first")
    assert unknown(store) == [("k", "first")]  # another claim's; nobody has looked yet
    assert store.depths(now=NOW).effects_unknown == 1
    assert store.unknown_effects(EVE) == []
    assert store.begin_effect(again, "k", "delivery", {}, now=NOW, max_attempts=2).attempts == 2
    assert unknown(store) == []
    store.finish_effect("k", {"receipt": 1}, now=NOW)
    store.release_lost(now=NOW, alive=lambda owner: False)
    assert unknown(store) == []


def test_an_attempt_that_is_known_to_have_failed_is_not_unknown(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "paid", "call", {}, now=NOW, estimate=ESTIMATE)
    store.withdraw_effect("paid", now=NOW, usage=CALL)
    store.begin_effect(claimed, "free", "call", {}, now=NOW)
    store.withdraw_effect("free", now=NOW)
    store.fail_step(claimed, "the provider failed", retry_at=None, now=NOW)
    assert unknown(store) == []


def test_a_refusal_after_an_unknown_attempt_leaves_that_one_unknown(store: RunStore) -> None:
    run = start(store)
    store.begin_effect(take(store, run, "only"), "k", "delivery", {}, now=NOW)
    store.release_lost(now=NOW, alive=lambda owner: False)
    claimed = take(store, run, "only")
    assert store.begin_effect(claimed, "k", "delivery", {}, now=NOW, max_attempts=2).fresh
    store.withdraw_effect("k", now=NOW)
    store.fail_step(claimed, "refused", retry_at=None, now=NOW)
    assert unknown(store) == [("k", "only")]


def test_a_key_of_another_run_is_refused_to_both_at_the_same_moment(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for number in range(25):
            claims = [take(store, start(store), "only") for _ in range(2)]
            begin = [partial(store.begin_effect, one, f"k{number}", "delivery", {}, now=NOW) for one in claims]
            outcomes = together(pool, *begin)
            assert sorted(isinstance(one, Conflict) for one in outcomes) == [False, True], outcomes
