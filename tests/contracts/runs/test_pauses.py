"""Pauses in every RunStore: nothing begins, what runs may end, and what opens meanwhile is held."""

import pytest

from tests.support.run_store import (
    ALIVE,
    ANN,
    BEN,
    CHAIN,
    LATER,
    MUCH_LATER,
    NOW,
    SINGLE,
    do,
    kill,
    kinds,
    plan,
    planned,
    skip,
    start,
    state,
    states,
    step,
    step_id,
    take,
)
from tests.support.waits import timer
from tieout.errors import Conflict
from tieout.model import StepSpec
from tieout.ports import RunStore

TWO_TRIES = planned(StepSpec("a", "work", max_attempts=2), StepSpec("b", "work"))


def test_a_paused_run_begins_nothing_and_goes_on_as_it_was(store: RunStore) -> None:
    run = start(store)
    assert store.pause_run(BEN, run.id, now=NOW).state.value == "paused"
    assert store.ready_steps(limit=9, now=NOW) == []
    assert store.claim_step(step_id(store, run, "only"), "me", lease_s=30, now=NOW) is None
    assert kinds(store, run) == ["run_submitted", "run_paused"]
    assert store.resume_run(ANN, run.id, now=NOW).state.value == "queued"
    do(store, run, "only")
    assert kinds(store, run)[2:] == ["run_resumed", "run_started", "step_started", "step_finished", "run_finished"]


def test_pausing_twice_is_pausing_once(store: RunStore) -> None:
    run = start(store)
    paused = store.pause_run(ANN, run.id, now=NOW)
    assert store.pause_run(ANN, run.id, now=LATER) == paused


def test_a_final_run_cannot_be_paused(store: RunStore) -> None:
    run = start(store)
    do(store, run, "only")
    with pytest.raises(Conflict, match="is done already"):
        store.pause_run(ANN, run.id, now=NOW)


def test_a_running_step_may_end_and_what_it_opens_is_held(store: RunStore) -> None:
    run = start(store, CHAIN)
    claimed = take(store, run, "first")
    store.pause_run(ANN, run.id, now=NOW)
    assert store.holds_claim(claimed)
    assert store.complete_step(claimed, {}, now=NOW) == []
    assert states(store, run) == {"first": "done", "second": "ready", "third": "blocked"}
    assert store.ready_steps(limit=9, now=NOW) == []
    assert state(store, run) == "paused"
    assert store.resume_run(ANN, run.id, now=NOW).state.value == "running"
    assert [one.step_id for one in store.ready_steps(limit=9, now=NOW)] == [step_id(store, run, "second")]
    do(store, run, "second", "third")
    assert state(store, run) == "done"


def test_the_last_step_may_end_a_paused_run(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.pause_run(ANN, run.id, now=NOW)
    store.complete_step(claimed, {}, now=NOW)
    assert state(store, run) == "done"


def test_a_step_may_die_in_a_paused_run(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("b", "a"), step("c")))
    claimed = take(store, run, "a")
    store.pause_run(ANN, run.id, now=NOW)
    assert store.fail_step(claimed, "broken", retry_at=None, now=NOW) == []
    assert (state(store, run), states(store, run)["b"]) == ("paused", "ready")


def test_a_retry_that_is_due_in_a_pause_is_held(store: RunStore) -> None:
    run = start(store, TWO_TRIES)
    store.fail_step(take(store, run, "a"), "once", retry_at=LATER, now=NOW)
    store.pause_run(ANN, run.id, now=NOW)
    assert store.promote_due(now=MUCH_LATER) == ([], None)
    assert states(store, run)["a"] == "retry"
    store.resume_run(ANN, run.id, now=MUCH_LATER)
    assert states(store, run)["a"] == "ready"
    assert len(store.ready_steps(limit=9, now=MUCH_LATER)) == 2


def test_a_step_that_fails_in_a_pause_is_not_tried_again_before_its_end(store: RunStore) -> None:
    run = start(store, TWO_TRIES)
    claimed = take(store, run, "a")
    store.pause_run(ANN, run.id, now=NOW)
    store.fail_step(claimed, "once", retry_at=LATER, now=NOW)
    assert store.promote_due(now=MUCH_LATER) == ([], None)


def test_a_wait_that_ends_in_a_pause_leaves_its_step_held(store: RunStore) -> None:
    run = start(store)
    store.suspend_step(take(store, run, "only"), [timer("nap", LATER)], {"half": 1}, now=NOW)
    assert state(store, run) == "waiting"
    store.pause_run(ANN, run.id, now=NOW)
    assert store.promote_due(now=LATER)[0] == []
    assert states(store, run) == {"only": "ready"}
    assert store.ready_steps(limit=9, now=LATER) == []
    assert store.resume_run(ANN, run.id, now=LATER).state.value == "running"
    assert take(store, run, "only", now=LATER).step.output == {"half": 1}


def test_a_run_whose_steps_still_wait_waits_again_after_a_pause(store: RunStore) -> None:
    run = start(store)
    store.suspend_step(take(store, run, "only"), [timer("nap", LATER)], {}, now=NOW)
    store.pause_run(ANN, run.id, now=NOW)
    assert store.resume_run(ANN, run.id, now=NOW).state.value == "waiting"


def test_a_step_may_begin_to_wait_in_a_pause(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.pause_run(ANN, run.id, now=NOW)
    store.suspend_step(claimed, [timer("nap", LATER)], {}, now=NOW)
    assert (state(store, run), states(store, run)) == ("paused", {"only": "waiting"})


def test_a_claim_that_is_lost_or_handed_back_in_a_pause_is_held(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), c=()))
    take(store, run, "a", owner="dead")
    back, away = take(store, run, "b"), take(store, run, "c")
    store.pause_run(ANN, run.id, now=NOW)
    assert store.release_lost(now=NOW, alive=lambda owner: owner != "dead") == []
    store.hand_back(back, now=NOW)
    store.defer_step(away, "no such action here", retry_at=LATER, now=NOW)
    assert states(store, run) == {"a": "ready", "b": "ready", "c": "retry"}
    assert store.ready_steps(limit=9, now=LATER) == []
    store.resume_run(ANN, run.id, now=LATER)
    assert len(store.ready_steps(limit=9, now=LATER)) == 3


def test_a_paused_run_may_be_cancelled_and_resumed(store: RunStore) -> None:
    run = start(store, CHAIN)
    claimed = take(store, run, "first")
    store.pause_run(ANN, run.id, now=NOW)
    assert store.cancel_run(ANN, run.id, now=NOW).state.value == "cancelled"
    assert not store.holds_claim(claimed)
    assert store.resume_run(ANN, run.id, now=NOW).state.value == "queued"
    do(store, run, "first", "second", "third")
    assert state(store, run) == "done"


def test_a_step_of_a_paused_run_may_be_cancelled(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("b", "a")))
    store.pause_run(ANN, run.id, now=NOW)
    store.cancel_step(ANN, run.id, "a", now=NOW)
    assert states(store, run) == {"a": "cancelled", "b": "ready"}
    assert store.ready_steps(limit=9, now=NOW) == []


def test_other_runs_go_on_beside_a_paused_one(store: RunStore) -> None:
    paused, other = start(store), start(store)
    store.pause_run(ANN, paused.id, now=NOW)
    assert [one.run_id for one in store.ready_steps(limit=9, now=NOW)] == [other.id]
    do(store, other, "only")


def test_a_step_of_another_version_is_left_without_counting_the_attempt(store: RunStore) -> None:
    run = start(store, SINGLE)
    for _ in range(5):
        store.defer_step(take(store, run, "only", now=LATER), "no such action here", retry_at=LATER, now=LATER)
    (deferred,) = store.steps(ANN, run.id)
    assert (deferred.state.value, deferred.attempt, deferred.fence) == ("retry", 0, 5)
    assert deferred.error == "no such action here"
    assert kinds(store, run).count("step_deferred") == 5
    kill(store, run, "only", now=LATER)
    assert store.release_lost(now=MUCH_LATER, alive=ALIVE) == []
    assert state(store, run) == "failed"
