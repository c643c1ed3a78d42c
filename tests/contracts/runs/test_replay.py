"""Doing steps again in every RunStore: a dead one, a run from a step on, and what a filter finds."""

from datetime import timedelta

import pytest

from tests.support.run_store import (
    ANN,
    CHAIN,
    DIAMOND,
    EVE,
    LATER,
    NOW,
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
    take,
)
from tests.support.waits import timer
from tieout.errors import Conflict, NotFound
from tieout.model import Plan, RunRequest, RunState, StepSpec
from tieout.ports import RunFilter, RunStore


def test_a_dead_step_is_done_again_with_fresh_attempts(store: RunStore) -> None:
    run = start(store, CHAIN)
    do(store, run, "first")
    kill(store, run, "second")
    replayed = store.replay_run(ANN, run.id, step="second", now=LATER)
    assert (replayed.state, replayed.error, replayed.finished_at) == (RunState.QUEUED, None, None)
    assert states(store, run) == {"first": "done", "second": "ready", "third": "blocked"}
    assert store.dead_letters(ANN) == []
    assert store.events(ANN, run.id)[-1].data == {"principal": "ann", "from": "second", "redeliver": False}
    claimed = take(store, run, "second")
    assert (claimed.step.attempt, claimed.step.error) == (1, None)
    store.complete_step(claimed, {}, now=LATER)
    do(store, run, "third")
    assert state(store, run) == "done"


def test_a_finished_run_is_done_again_from_a_step_on(store: RunStore) -> None:
    run = start(store, DIAMOND)
    for key in ("split", "left", "right"):
        store.complete_step(take(store, run, key), {"of": key}, now=NOW, run_result={key: 1})
    do(store, run, "join")
    store.replay_run(ANN, run.id, step="left", now=LATER)
    assert states(store, run) == {"split": "done", "left": "ready", "right": "done", "join": "blocked"}
    left = next(one for one in store.steps(ANN, run.id) if one.key == "left")
    assert (left.output, left.started_at, left.finished_at, left.generation) == (None, None, None, 0)
    assert set(take(store, run, "left").inputs) == {"split", "right"}
    store.cancel_run(ANN, run.id, now=LATER)
    store.resume_run(ANN, run.id, now=LATER)
    do(store, run, "left", "join")
    assert state(store, run) == "done"


def test_a_run_done_again_needs_review_only_if_it_says_so_again(store: RunStore) -> None:
    run = start(store, CHAIN)
    store.complete_step(take(store, run, "first"), {}, now=NOW, run_state=RunState.NEEDS_REVIEW)
    do(store, run, "second", "third")
    assert state(store, run) == "needs_review"
    store.replay_run(ANN, run.id, step="first", now=NOW)
    do(store, run, "first", "second", "third")
    assert state(store, run) == "done"


def test_a_run_that_asked_back_is_done_again_from_a_step_and_not_by_resuming(store: RunStore) -> None:
    run = start(store, CHAIN)
    store.complete_step(take(store, run, "first"), {}, now=NOW, run_state=RunState.NEEDS_ANSWER)
    asked = store.get_run(ANN, run.id)
    assert store.resume_run(ANN, run.id, now=LATER) == asked
    assert store.replay_run(ANN, run.id, step=None, now=LATER) == asked
    store.replay_run(ANN, run.id, step="second", now=LATER)
    do(store, run, "second", "third")
    assert state(store, run) == "done"


def test_replaying_no_step_in_particular_resumes(store: RunStore) -> None:
    run = start(store, CHAIN)
    kill(store, run, "first")
    store.replay_run(ANN, run.id, step=None, now=NOW)
    assert states(store, run) == {"first": "ready", "second": "blocked", "third": "blocked"}
    assert kinds(store, run)[-1] == "run_replayed"


def test_replaying_a_finished_run_without_a_step_changes_nothing(store: RunStore) -> None:
    run = start(store)
    do(store, run, "only")
    done = store.get_run(ANN, run.id)
    assert store.replay_run(ANN, run.id, step=None, now=LATER) == done


def test_a_tolerated_dead_step_is_done_again_with_its_join(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b"), step("end", "join")))
    kill(store, run, "a")
    do(store, run, "b", "join", "end")
    store.replay_run(ANN, run.id, step="a", now=NOW)
    assert states(store, run) == {"a": "ready", "b": "done", "join": "blocked", "end": "blocked"}
    assert do(store, run, "a") == ["join"]
    assert set(take(store, run, "join").inputs) == {"a", "b"}


def test_a_step_done_again_leaves_what_others_did_without_a_dead_one(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("one", "a"), skip("two", "a"), skip("end", "one", "two")))
    kill(store, run, "a")
    do(store, run, "one", "two", "end")
    store.replay_run(ANN, run.id, step="two", now=NOW)
    assert states(store, run) == {"a": "dead", "one": "done", "two": "ready", "end": "blocked"}
    assert do(store, run, "two") == ["end"]


def test_a_replay_from_a_join_brings_back_the_parents_that_it_had_done_without(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b")))
    kill(store, run, "a")
    do(store, run, "b", "join")
    store.replay_run(ANN, run.id, step="join", now=NOW)
    assert states(store, run) == {"a": "ready", "b": "done", "join": "blocked"}


@pytest.mark.parametrize("how", ["running", "waiting"])
def test_a_replay_waits_for_no_step_that_is_under_way(store: RunStore, how: str) -> None:
    run = start(store, plan(a=(), b=("a",), other=()))
    do(store, run, "a")
    claimed = take(store, run, "b")
    if how == "waiting":
        store.suspend_step(claimed, [timer("nap", LATER)], {}, now=NOW)
    before = store.steps(ANN, run.id), store.events(ANN, run.id)
    with pytest.raises(Conflict, match=r"b of run_.* is under way"):
        store.replay_run(ANN, run.id, step="a", now=NOW)
    assert (store.steps(ANN, run.id), store.events(ANN, run.id)) == before
    store.replay_run(ANN, run.id, step="other", now=NOW)


def test_a_replay_beside_a_running_step_leaves_its_claim_alone(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), join=("a", "b")))
    do(store, run, "a")
    running = take(store, run, "b")
    store.replay_run(ANN, run.id, step="a", now=NOW)
    assert store.complete_step(running, {}, now=NOW) == []
    assert do(store, run, "a") == ["join"]


def test_an_unknown_step_or_run_is_said(store: RunStore) -> None:
    run = start(store, CHAIN)
    with pytest.raises(NotFound, match="its steps are first, second, third"):
        store.replay_run(ANN, run.id, step="fourth", now=NOW)
    with pytest.raises(NotFound):
        store.replay_run(EVE, run.id, step="first", now=NOW)
    assert kinds(store, run) == ["run_submitted"]


def test_a_replay_ends_a_pause_and_a_wait(store: RunStore) -> None:
    run = start(store, plan(a=(), b=()))
    do(store, run, "a")
    store.suspend_step(take(store, run, "b"), [timer("nap", LATER)], {}, now=NOW)
    assert state(store, run) == "waiting"
    assert store.replay_run(ANN, run.id, step="a", now=NOW).state is RunState.RUNNING
    store.pause_run(ANN, run.id, now=NOW)
    assert store.replay_run(ANN, run.id, step="a", now=NOW).state is RunState.RUNNING
    do(store, run, "a")
    assert state(store, run) == "waiting"


def test_only_an_explicit_redelivery_raises_the_generation(store: RunStore) -> None:
    run = start(store, CHAIN)
    do(store, run, "first", "second", "third")

    def generations() -> list[int]:
        return [one.generation for one in store.steps(ANN, run.id)]

    store.replay_run(ANN, run.id, step="second", now=NOW)
    assert generations() == [0, 0, 0]
    for expected in ([0, 1, 1], [0, 2, 2]):
        store.replay_run(ANN, run.id, step="second", redeliver=True, now=NOW)
        assert generations() == expected
    assert take(store, run, "second").step.generation == 2


def test_effects_that_were_done_are_known_when_their_step_is_done_again(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    store.begin_effect(claimed, "k", "delivery", {"to": "x"}, now=NOW)
    store.finish_effect("k", {"receipt": 1}, now=NOW)
    store.complete_step(claimed, {}, now=NOW)
    store.replay_run(ANN, run.id, step="only", now=NOW)
    known = store.begin_effect(take(store, run, "only"), "k", "delivery", {"to": "x"}, now=NOW)
    assert (known.fresh, known.outcome) == (False, {"receipt": 1})


def test_runs_are_found_by_what_a_filter_says(store: RunStore) -> None:
    other = Plan("other", "1", (StepSpec("only", "work", max_attempts=1),))
    runs = [
        store.create_run(ANN, RunRequest(str(number)), plan_, now=NOW + timedelta(seconds=number))
        for number, plan_ in enumerate([CHAIN, other, CHAIN, CHAIN])
    ]
    store.create_run(EVE, RunRequest("?"), CHAIN, now=NOW)
    ids = [run.id for run in runs]
    claimed = take(store, runs[0], "first")
    store.fail_step(claimed, "100% of_disk full", retry_at=None, now=LATER)
    store.cancel_run(ANN, ids[3], now=LATER)

    def found(**where: object) -> list[str]:
        return store.find_runs(ANN, RunFilter(**where))  # type: ignore[arg-type]

    assert found() == ids
    assert found(states=(RunState.FAILED, RunState.CANCELLED)) == [ids[0], ids[3]]
    assert found(agent="other") == [ids[1]]
    assert found(error="100% of_disk") == [ids[0]]
    assert found(error="1000") == found(error="of-disk") == []
    assert found(since=NOW + timedelta(seconds=1), until=NOW + timedelta(seconds=3)) == ids[1:3]
    assert store.find_runs(ANN, RunFilter(), limit=2) == ids[:2]


def test_dead_letters_tell_run_and_step_newest_first(store: RunStore) -> None:
    first, second = start(store), start(store, CHAIN)
    kill(store, first, "only", now=NOW)
    kill(store, second, "first", now=LATER)
    letters = store.dead_letters(ANN)
    assert [(one.run_id, one.step.key, one.step.error) for one in letters] == [
        (second.id, "first", "broken"),
        (first.id, "only", "broken"),
    ]
    assert (letters[0].agent, letters[0].run_state, letters[0].question) == ("toy", RunState.FAILED, "why?")
    assert [one.run_id for one in store.dead_letters(ANN, run_id=first.id)] == [first.id]
    assert len(store.dead_letters(ANN, limit=1)) == 1
    assert store.dead_letters(EVE) == []
    with pytest.raises(NotFound):
        store.dead_letters(EVE, run_id=first.id)
