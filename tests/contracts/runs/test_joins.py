"""Joins in every RunStore: the last parent opens a step once, whether its parents have a result or not."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import (
    ANN,
    LATER,
    NOW,
    do,
    kill,
    kinds,
    plan,
    planned,
    quorum,
    skip,
    start,
    state,
    states,
    step,
    step_id,
    take,
    together,
)
from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import JoinPolicy, RunState, StepSpec
from tieout.ports import RunStore

# ---------------------------------------------------------------- the last parent


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "general"])
def test_the_last_two_siblings_together_open_the_join_once(served: Database, quick: bool) -> None:
    """A thousand times, two threads at the same moment."""
    store = SqlRunStore(served, quick=quick)
    pairs, rounds = 25, 40 if quick else 8
    shape = plan(
        **{f"p{n}": () for n in range(2 * pairs)}, **{f"j{n}": (f"p{2 * n}", f"p{2 * n + 1}") for n in range(pairs)}
    )
    with ThreadPoolExecutor(2) as pool:
        for _ in range(rounds):
            run = start(store, shape)
            ids = {one.key: one.id for one in store.steps(ANN, run.id)}
            for number in range(pairs):
                both = [store.claim_step(ids[f"p{2 * number + side}"], "me", lease_s=30, now=NOW) for side in (0, 1)]
                opened = together(pool, *(partial(store.complete_step, one, {}, now=NOW) for one in both if one))
                assert sorted(len(some) for some in opened) == [0, 1]
                assert max(opened, key=len)[0].step_id == ids[f"j{number}"]
            assert [key for key, how in states(store, run).items() if how == "ready"] == [f"j{n}" for n in range(pairs)]


def test_a_success_and_a_failure_together_open_the_join_once(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(50):
            run = start(store, planned(step("a"), step("b"), skip("join", "a", "b")))
            good, bad = take(store, run, "a"), take(store, run, "b")
            opened = together(
                pool,
                partial(store.complete_step, good, {}, now=NOW),
                partial(store.fail_step, bad, "broken", retry_at=None, now=NOW),
            )
            assert sorted(len(some) for some in opened) == [0, 1]
            assert states(store, run) == {"a": "done", "b": "dead", "join": "ready"}


def test_the_last_steps_together_end_the_run_once(store: RunStore) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in range(20):
            run = start(store, plan(left=(), right=()))
            claims = [take(store, run, key) for key in ("left", "right")]
            together(pool, *(partial(store.complete_step, claimed, {}, now=NOW) for claimed in claims))
            assert store.get_run(ANN, run.id).state is RunState.DONE
            assert kinds(store, run).count("run_finished") == 1


# ---------------------------------------------------------------- fail


def test_a_dead_parent_fails_the_run_by_default(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), join=("a", "b")))
    assert kill(store, run, "a") == []
    assert states(store, run) == {"a": "dead", "b": "cancelled", "join": "cancelled"}
    assert state(store, run) == "failed"


def test_one_successor_that_needs_the_result_is_enough_to_fail(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("easy", "a"), step("strict", "a")))
    kill(store, run, "a")
    assert (state(store, run), store.get_run(ANN, run.id).error) == ("failed", "a: broken")


def test_a_last_step_that_dies_fails_the_run_whatever_its_policy(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("b", "a")))
    do(store, run, "a")
    kill(store, run, "b")
    assert state(store, run) == "failed"


# ---------------------------------------------------------------- skip


@pytest.mark.parametrize("order", list(itertools.permutations("abc")), ids="".join)
def test_a_join_that_skips_runs_when_all_have_ended_in_any_order(store: RunStore, order: tuple[str, ...]) -> None:
    run = start(store, planned(step("a"), step("b"), step("c"), skip("join", "a", "b", "c"), step("end", "join")))
    opened = [do(store, run, key) if key == "a" else kill(store, run, key) for key in order]
    assert opened == [[], [], ["join"]]
    assert set(take(store, run, "join").inputs) == {"a"}
    assert states(store, run) == {"a": "done", "b": "dead", "c": "dead", "join": "running", "end": "blocked"}


def test_a_join_that_skips_runs_without_any_parent(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b")))
    assert kill(store, run, "a", "b") == ["join"]
    do(store, run, "join")
    assert state(store, run) == "done"
    assert kinds(store, run)[-2:] == ["step_finished", "run_finished"]


def test_a_run_that_needs_review_keeps_that_beside_dead_steps(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b")))
    store.complete_step(take(store, run, "a"), {}, now=NOW, run_state=RunState.NEEDS_REVIEW)
    kill(store, run, "b")
    do(store, run, "join", now=LATER)
    ended = store.get_run(ANN, run.id)
    assert (ended.state, ended.finished_at, ended.error) == (RunState.NEEDS_REVIEW, LATER, None)
    assert [letter.step.key for letter in store.dead_letters(ANN)] == ["b"]


def test_a_step_that_its_process_never_finishes_counts_as_dead(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("join", "a")))
    take(store, run, "a")
    freed = store.release_lost(now=NOW, alive=lambda owner: False)
    assert [ready.step_id for ready in freed] == [step_id(store, run, "join")]
    assert states(store, run) == {"a": "dead", "join": "ready"}


# ---------------------------------------------------------------- quorum


@pytest.mark.parametrize(("alive", "ends"), [("abc", "ready"), ("ab", "ready"), ("a", "dead"), ("", "dead")])
def test_a_quorum_is_judged_when_all_parents_have_ended(store: RunStore, alive: str, ends: str) -> None:
    run = start(store, planned(step("a"), step("b"), step("c"), quorum(2, "join", "a", "b", "c"), skip("end", "join")))
    for key in "abc":
        opened = do(store, run, key) if key in alive else kill(store, run, key)
    assert states(store, run)["join"] == ends
    assert opened == (["join"] if ends == "ready" else ["end"])
    if ends == "dead":
        (letter,) = [one for one in store.dead_letters(ANN) if one.step.key == "join"]
        assert letter.step.error == f"{len(alive)} of the 3 steps before 'join' have a result, and it needs 2"
        assert letter.step.attempt == 0


def test_a_missed_quorum_at_the_end_fails_the_run(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), quorum(2, "join", "a", "b")))
    do(store, run, "a")
    assert kill(store, run, "b") == []
    failed = store.get_run(ANN, run.id)
    assert failed.state is RunState.FAILED
    assert failed.error == "join: 1 of the 2 steps before 'join' have a result, and it needs 2"
    assert kinds(store, run)[-3:] == ["step_failed", "step_failed", "run_finished"]


def test_a_quorum_of_more_than_all_parents_is_missed_with_all_results(store: RunStore) -> None:
    """A plan cannot tell: a parent may add more of them."""
    run = start(store, planned(step("a"), step("b"), quorum(3, "join", "a", "b")))
    do(store, run, "a", "b")
    assert states(store, run) == {"a": "done", "b": "done", "join": "dead"}
    with pytest.raises(InvalidInput, match="quorum of at least 1"):
        start(store, planned(step("a"), quorum(0, "join", "a")))


def test_missed_quorums_follow_from_each_other(store: RunStore) -> None:
    run = start(
        store,
        planned(
            step("a"),
            step("b"),
            quorum(1, "left", "a"),
            quorum(1, "right", "b"),
            quorum(2, "both", "left", "right"),
            quorum(1, "either", "left", "right"),
            skip("end", "both", "either"),
        ),
    )
    assert kill(store, run, "a") == []
    assert states(store, run)["left"] == "dead"
    assert do(store, run, "b") == ["right"]
    assert do(store, run, "right") == ["either"]
    assert states(store, run)["both"] == "dead"
    assert do(store, run, "either") == ["end"]
    do(store, run, "end")
    assert state(store, run) == "done"


def test_a_run_whose_last_step_lost_everything_before_it_fails(store: RunStore) -> None:
    run = start(store, planned(step("a"), quorum(1, "one", "a"), quorum(1, "two", "one"), quorum(1, "three", "two")))
    kill(store, run, "a")
    assert states(store, run) == {"a": "dead", "one": "dead", "two": "dead", "three": "dead"}
    assert state(store, run) == "failed"


# ---------------------------------------------------------------- a cancelled parent


@pytest.mark.parametrize("how", ["ready", "running", "retry", "blocked", "waiting"])
def test_a_cancelled_step_is_a_parent_without_a_result(store: RunStore, how: str) -> None:
    from tests.support.waits import timer

    first = StepSpec("a", "work", ("z",), max_attempts=2)
    run = start(store, planned(step("z"), first, step("b"), skip("join", "a", "b")))
    if how != "blocked":
        do(store, run, "z")
    if how in ("running", "retry", "waiting"):
        claimed = take(store, run, "a")
        if how == "retry":
            store.fail_step(claimed, "later", retry_at=LATER, now=NOW)
        if how == "waiting":
            store.suspend_step(claimed, [timer("nap", LATER)], {}, now=NOW)
    assert states(store, run)["a"] == how
    store.cancel_step(ANN, run.id, "a", now=NOW)
    assert states(store, run)["a"] == "cancelled"
    assert store.promote_due(now=LATER) == ([], None)
    assert kinds(store, run)[-1] == "step_cancelled"
    if how == "blocked":
        do(store, run, "z")
    assert do(store, run, "b") == ["join"]
    assert set(take(store, run, "join").inputs) == {"z", "b"}


def test_a_cancelled_step_that_something_needs_cancels_the_run(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), join=("a", "b")))
    assert store.cancel_step(ANN, run.id, "a", now=NOW).state is RunState.CANCELLED
    assert states(store, run) == {"a": "cancelled", "b": "cancelled", "join": "cancelled"}


def test_a_cancelled_successor_needs_no_result_any_more(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("strict", "a"), skip("easy", "a"), skip("end", "strict", "easy")))
    store.cancel_step(ANN, run.id, "strict", now=NOW)
    assert kill(store, run, "a") == ["easy"]
    do(store, run, "easy", "end")
    assert state(store, run) == "done"


@pytest.mark.parametrize("how", ["done", "dead", "cancelled"])
def test_a_step_that_has_ended_cannot_be_cancelled(store: RunStore, how: str) -> None:
    run = start(store, planned(step("a"), skip("join", "a"), skip("end", "join")))
    if how == "done":
        do(store, run, "a")
    elif how == "dead":
        kill(store, run, "a")
    else:
        store.cancel_step(ANN, run.id, "a", now=NOW)
    before = kinds(store, run)
    with pytest.raises(Conflict, match=f"is {how} already"):
        store.cancel_step(ANN, run.id, "a", now=NOW)
    with pytest.raises(NotFound, match="no step 'x'"):
        store.cancel_step(ANN, run.id, "x", now=NOW)
    assert kinds(store, run) == before


def test_a_partial_result_of_a_cancelled_step_is_kept_once_and_for_this_claim_alone(store: RunStore) -> None:
    run = start(store, planned(step("a"), skip("join", "a")))
    claimed = take(store, run, "a")
    assert not store.keep_partial(claimed, {"rows": 0}, now=NOW)
    store.cancel_step(ANN, run.id, "a", now=NOW)
    assert store.keep_partial(claimed, {"rows": 7}, now=NOW)
    assert store.steps(ANN, run.id)[0].output == {"rows": 7}
    assert kinds(store, run)[-1] == "partial_result_kept"
    assert "a" not in take(store, run, "join").inputs
    store.cancel_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert not store.keep_partial(claimed, {"rows": 9}, now=NOW)


# ---------------------------------------------------------------- resuming around tolerated failures


def test_resuming_brings_back_a_dead_step_only_while_its_joins_still_wait(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b"), step("end", "join")))
    kill(store, run, "a")
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run)["a"] == "ready"
    assert do(store, run, "b") == []  # the join waits for the one that came back
    assert kill(store, run, "a") == ["join"]
    store.resume_run(ANN, run.id, now=NOW)  # the join could start, and has not
    assert states(store, run) == {"a": "ready", "b": "done", "join": "blocked", "end": "blocked"}
    kill(store, run, "a")
    do(store, run, "join")
    kill(store, run, "end")
    store.resume_run(ANN, run.id, now=NOW)  # the join went on without it
    assert states(store, run) == {"a": "dead", "b": "done", "join": "done", "end": "ready"}
    do(store, run, "end")
    assert state(store, run) == "done"


def test_a_waiting_join_keeps_its_own_count_when_the_run_is_resumed(store: RunStore) -> None:
    from tests.support.waits import timer

    run = start(store, planned(step("a"), skip("join", "a")))
    kill(store, run, "a")
    store.suspend_step(take(store, run, "join"), [timer("one", LATER), timer("two", LATER)], {}, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run) == {"a": "dead", "join": "waiting"}
    assert len(store.promote_due(now=LATER)[0]) == 1


def test_a_step_cancelled_by_itself_stays_so_while_its_run_goes_on(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), skip("join", "a", "b")))
    store.cancel_step(ANN, run.id, "a", now=NOW)
    store.pause_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run) == {"a": "cancelled", "b": "ready", "join": "blocked"}
    store.cancel_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run) == {"a": "ready", "b": "ready", "join": "blocked"}


def test_a_missed_quorum_is_judged_anew_when_the_run_is_resumed(store: RunStore) -> None:
    run = start(store, planned(step("a"), step("b"), quorum(2, "join", "a", "b"), skip("end", "join")))
    store.cancel_step(ANN, run.id, "a", now=NOW)
    do(store, run, "b")
    assert states(store, run)["join"] == "dead"
    store.resume_run(ANN, run.id, now=NOW)  # the parent stays cancelled, so the join cannot run
    assert states(store, run) == {"a": "cancelled", "b": "done", "join": "dead", "end": "ready"}
    store.cancel_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run) == {"a": "ready", "b": "done", "join": "blocked", "end": "blocked"}
    assert do(store, run, "a") == ["join"]


def test_every_policy_comes_back_as_it_was_planned(store: RunStore) -> None:
    shape = planned(step("a"), skip("b", "a"), quorum(1, "c", "a"))
    run = start(store, shape)
    assert store.get_run(ANN, run.id).plan == shape
    assert [spec.on_failed for spec in shape.steps] == list(JoinPolicy)
