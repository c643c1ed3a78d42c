"""Fan-out in every RunStore: steps that a result adds, and what becomes of them when it is made again."""

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import (
    ANN,
    NOW,
    do,
    kill,
    kinds,
    opened_keys,
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
)
from tieout.errors import Conflict, InvalidInput
from tieout.model import RunState, StepSpec
from tieout.ports import RunStore

FAN = plan(split=(), join=("split",))


def test_added_steps_run_before_the_successors(store: RunStore) -> None:
    run = start(store, FAN)
    spec = StepSpec("x", "look", input={"n": 1}, max_attempts=5, timeout_s=2.5, limit_key="model")
    assert do(store, run, "split", spawn=[spec, step("y", "split")]) == ["x", "y"]
    assert states(store, run) == {"split": "done", "join": "blocked", "x": "ready", "y": "ready"}
    added = store.steps(ANN, run.id)[2]
    assert (added.key, added.action, added.input, added.max_attempts, added.timeout_s) == (
        "x",
        "look",
        {"n": 1},
        5,
        2.5,
    )
    assert (added.spawned_by, added.attempt, added.fence) == ("split", 0, 0)
    assert do(store, run, "x") == []
    assert do(store, run, "y") == ["join"]
    assert set(take(store, run, "join").inputs) == {"split", "x", "y"}
    assert "steps_spawned" in kinds(store, run)


def test_added_steps_keep_their_inner_order(store: RunStore) -> None:
    run = start(store, FAN)
    assert do(store, run, "split", spawn=[step("x"), step("y", "x"), step("z", "x", "y", "split")]) == ["x"]
    assert do(store, run, "x") == ["y"]
    assert do(store, run, "y") == ["z"]
    assert do(store, run, "z") == ["join"]


def test_no_added_steps_open_the_successors_at_once(store: RunStore) -> None:
    run = start(store, FAN)
    assert do(store, run, "split", spawn=[]) == ["join"]
    assert kinds(store, run).count("steps_spawned") == 0


def test_the_last_step_may_add_steps(store: RunStore) -> None:
    run = start(store)
    assert do(store, run, "only", spawn=[step("x"), step("y")]) == ["x", "y"]
    do(store, run, "x")
    assert state(store, run) == "running"
    do(store, run, "y")
    assert state(store, run) == "done"


def test_added_steps_may_add_steps(store: RunStore) -> None:
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y", "x")])
    assert do(store, run, "x", spawn=[step("x1"), step("x2")]) == ["x1", "x2"]
    assert do(store, run, "x1") == []
    assert do(store, run, "x2") == ["y"]
    assert do(store, run, "y", spawn=[step("y1")]) == ["y1"]
    assert do(store, run, "y1") == ["join"]


def test_an_added_step_that_dies_goes_by_the_policy_of_the_join(store: RunStore) -> None:
    run = start(store, planned(step("split"), quorum(3, "join", "split")))
    do(store, run, "split", spawn=[step("x"), step("y"), step("z")])
    assert kill(store, run, "x") == []
    assert do(store, run, "y") == []
    assert do(store, run, "z") == ["join"]
    do(store, run, "join")
    assert state(store, run) == "done"


def test_an_added_step_that_a_strict_join_needs_fails_the_run(store: RunStore) -> None:
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y")])
    kill(store, run, "x")
    assert state(store, run) == "failed"
    assert states(store, run)["y"] == "cancelled"


def test_added_steps_have_policies_of_their_own_and_the_quick_way_knows(store: RunStore) -> None:
    """The run was plain; it is not any more, so that a parent without a result is counted."""
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y"), skip("z", "x", "y"), skip("end", "z")])
    assert store.get_run(ANN, run.id).state is RunState.RUNNING
    assert do(store, run, "y") == []
    kill(store, run, "x")
    assert state(store, run) == "failed"  # the join after `split` needs each of them


def test_steps_added_beside_nothing_strict_may_die(store: RunStore) -> None:
    run = start(store)
    do(store, run, "only", spawn=[step("x"), step("y"), skip("z", "x", "y")])
    kill(store, run, "x")
    assert do(store, run, "y") == ["z"]
    assert set(take(store, run, "z").inputs) == {"only", "y"}


@pytest.mark.parametrize(
    "bad",
    [
        [step("join")],
        [step("split")],
        [step("x"), step("x")],
        [step("x", "nobody")],
        [step("x", "join")],
        [step("x", "y"), step("y", "x")],
        [step("x"), step("y\x00")],
        [step(f"n{number}") for number in range(10_001)],
    ],
    ids=["a successor's", "its own", "twice", "unknown", "outside", "circle", "unprintable", "many"],
)
def test_steps_that_cannot_be_added_are_refused_and_nothing_is_kept(store: RunStore, bad: list[StepSpec]) -> None:
    run = start(store, FAN)
    claimed = take(store, run, "split")
    before = store.steps(ANN, run.id), store.events(ANN, run.id), store.get_run(ANN, run.id)
    with pytest.raises(InvalidInput):
        store.complete_step(claimed, {"kept": True}, now=NOW, spawn=bad)
    assert (store.steps(ANN, run.id), store.events(ANN, run.id), store.get_run(ANN, run.id)) == before
    assert store.holds_claim(claimed)
    assert opened_keys(store, run, store.complete_step(claimed, {}, now=NOW)) == ["join"]


def test_keys_that_another_step_added_are_refused(store: RunStore) -> None:
    run = start(store, plan(one=(), two=()))
    do(store, run, "one", spawn=[step("x")])
    with pytest.raises(InvalidInput, match="already: x"):
        store.complete_step(take(store, run, "two"), {}, now=NOW, spawn=[step("x")])


def test_a_thousand_steps_are_added_at_once(store: RunStore) -> None:
    run = start(store, FAN)
    assert len(do(store, run, "split", spawn=[step(f"n{number}") for number in range(1000)])) == 1000
    assert len(store.ready_steps(limit=2000, now=NOW)) == 1000


def test_steps_added_in_a_paused_run_are_held(store: RunStore) -> None:
    run = start(store, FAN)
    claimed = take(store, run, "split")
    store.pause_run(ANN, run.id, now=NOW)
    assert store.complete_step(claimed, {}, now=NOW, spawn=[step("x"), step("y", "x")]) == []
    assert store.ready_steps(limit=9, now=NOW) == []
    assert store.claim_step(step_id(store, run, "x"), "me", lease_s=30, now=NOW) is None
    store.resume_run(ANN, run.id, now=NOW)
    assert do(store, run, "x") == ["y"]
    assert do(store, run, "y") == ["join"]


def test_steps_of_a_result_that_ends_the_run_are_not_added(store: RunStore) -> None:
    run = start(store, FAN)
    store.complete_step(
        take(store, run, "split"), {}, now=NOW, run_state=RunState.NEEDS_ANSWER, spawn=[step("x"), step("y")]
    )
    assert states(store, run) == {"split": "done", "join": "cancelled"}


# ---------------------------------------------------------------- done again


def _again(store: RunStore, *spawn: StepSpec) -> tuple[object, list[str]]:
    """Fan out over x and y (after x), finish, and do `split` again with another result."""
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y", "x")])
    do(store, run, "x", "y", "join")
    assert state(store, run) == "done"
    store.replay_run(ANN, run.id, step="split", now=NOW)
    assert states(store, run) == {"split": "ready", "join": "blocked", "x": "blocked", "y": "blocked"}
    return run, do(store, run, "split", spawn=spawn)


def _finish(store: RunStore, run, *keys: str) -> None:  # type: ignore[no-untyped-def]
    for key in keys:
        opened = do(store, run, key)
    assert opened == ["join"]
    do(store, run, "join")
    assert state(store, run) == "done"


def test_the_same_steps_asked_for_again_are_done_again(store: RunStore) -> None:
    run, opened = _again(store, step("x"), step("y", "x"))
    assert opened == ["x"]
    _finish(store, run, "x", "y")
    assert [(one.key, one.fence) for one in store.steps(ANN, run.id)] == [("split", 2), ("join", 2), ("x", 2), ("y", 2)]


def test_fewer_steps_asked_for_again_leave_the_others_cancelled(store: RunStore) -> None:
    run, opened = _again(store, step("y"))
    assert opened == ["y"]
    assert states(store, run)["x"] == "cancelled"
    _finish(store, run, "y")


def test_no_steps_asked_for_again_leave_all_cancelled(store: RunStore) -> None:
    run, opened = _again(store)
    assert opened == ["join"]
    assert states(store, run) == {"split": "done", "join": "ready", "x": "cancelled", "y": "cancelled"}
    do(store, run, "join")
    assert state(store, run) == "done"


def test_more_and_other_steps_may_be_asked_for_again_in_another_order(store: RunStore) -> None:
    run, opened = _again(store, step("z"), step("y"), step("x", "y", "z"))
    assert opened == ["y", "z"]
    assert do(store, run, "y", "z") == ["x"]
    _finish(store, run, "x")


def test_a_step_left_out_once_may_be_asked_for_a_third_time(store: RunStore) -> None:
    run, _ = _again(store, step("x"))
    do(store, run, "x", "join")
    store.replay_run(ANN, run.id, step="split", now=NOW)
    assert states(store, run)["y"] == "cancelled"
    assert do(store, run, "split", spawn=[step("x"), step("y")]) == ["x", "y"]
    assert do(store, run, "x") == []
    _finish(store, run, "y")


def test_a_step_left_out_is_not_brought_back_by_resuming_or_replaying(store: RunStore) -> None:
    run, _ = _again(store, step("x"))
    store.cancel_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert states(store, run) == {"split": "done", "join": "blocked", "x": "ready", "y": "cancelled"}
    with pytest.raises(Conflict, match="did not ask for it"):
        store.replay_run(ANN, run.id, step="y", now=NOW)
    _finish(store, run, "x")


def test_what_a_left_out_step_had_added_leaves_with_it(store: RunStore) -> None:
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y", "x")])
    do(store, run, "x", spawn=[step("x1")])
    do(store, run, "x1", "y", "join")
    store.replay_run(ANN, run.id, step="split", now=NOW)
    assert do(store, run, "split", spawn=[step("y")]) == ["y"]
    assert states(store, run) == {"split": "done", "join": "blocked", "x": "cancelled", "y": "ready", "x1": "cancelled"}
    _finish(store, run, "y")


def test_steps_added_by_added_steps_come_again_in_their_order(store: RunStore) -> None:
    """Even where the steps beside them ask for another order than before."""
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y", "x")])
    do(store, run, "x", spawn=[step("x1")])
    do(store, run, "x1", "y", "join")
    store.replay_run(ANN, run.id, step="split", now=NOW)
    assert do(store, run, "split", spawn=[step("x"), step("y", "x")]) == ["x"]
    assert do(store, run, "x", spawn=[step("x1")]) == ["x1"]
    assert do(store, run, "x1") == ["y"]
    _finish(store, run, "y")


def test_a_step_done_again_by_itself_keeps_what_its_spawner_added(store: RunStore) -> None:
    run = start(store, FAN)
    do(store, run, "split", spawn=[step("x"), step("y")])
    do(store, run, "x", "y", "join")
    store.replay_run(ANN, run.id, step="x", now=NOW)
    assert states(store, run) == {"split": "done", "join": "blocked", "x": "ready", "y": "done"}
    _finish(store, run, "x")


def test_a_spawner_claimed_again_after_a_crash_adds_its_steps_once(served: Database) -> None:
    store = SqlRunStore(served)
    run = start(store, planned(step("split", max_attempts=3), step("join", "split")))
    take(store, run, "split")
    store.release_lost(now=NOW, alive=lambda owner: False)
    assert do(store, run, "split", spawn=[step("x")]) == ["x"]
    _finish(store, run, "x")
