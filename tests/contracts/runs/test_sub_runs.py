"""Sub-runs in every RunStore: their ends wake the step that waits, and nobody's sub-run goes on."""

import pytest

from tests.support.run_store import ALIVE, ANN, LATER, NOW, do, kill, plan, start, state, step_id, take
from tests.support.waits import ask, signals, sub_run
from tieout.model import Run, WaitState
from tieout.ports import RunStore


def child_of(store: RunStore, run: Run) -> Run:
    """Return the newest sub-run of the run."""
    (row,) = [one for one in store.waits(ANN, run_id=run.id) if one.child_run and one.state is WaitState.OPEN]
    return store.get_run(ANN, row.child_run or "")


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_the_end_of_a_sub_run_wakes_its_step(store: RunStore, end: str) -> None:
    run = start(store)
    opened = store.suspend_step(take(store, run, "only"), [sub_run()], {}, now=NOW)
    child = child_of(store, run)
    assert [one.run_id for one in opened] == [child.id]
    assert (child.parent_step, child.principal, child.workspace) == (step_id(store, run, "only"), "ann", "desk")
    assert store.end_sub_runs(now=NOW) == []
    if end == "done":
        store.complete_step(take(store, child, "only"), {}, now=NOW, run_result={"answer": 42})
    elif end == "failed":
        kill(store, child, "only")
    else:
        store.cancel_run(ANN, child.id, now=NOW)
    assert [one.run_id for one in store.end_sub_runs(now=NOW)] == [run.id]
    assert store.end_sub_runs(now=NOW) == []
    signal = take(store, run, "only").step.signals["child"]
    assert (signal["kind"], signal["decision"], signal["payload"]["state"]) == ("run", end, end)
    assert signal["payload"]["run_id"] == child.id
    assert signal["payload"]["result"] == ({"answer": 42} if end == "done" else {})
    assert signal["payload"]["error"] == ("only: broken" if end == "failed" else None)


@pytest.mark.parametrize("how", ["cancel run", "cancel step", "expiry", "decision", "sibling"])
def test_a_sub_run_that_nobody_waits_for_any_more_is_cancelled(store: RunStore, how: str) -> None:
    run = start(store, plan(only=(), other=()))
    ask(store, sub_run(until=LATER), run=run)
    child = child_of(store, run)
    grandchild = child_of(store, ask(store, sub_run(), run=child))
    if how == "cancel run":
        store.cancel_run(ANN, run.id, now=NOW)
    elif how == "cancel step":
        store.cancel_step(ANN, run.id, "only", now=NOW)
    elif how == "expiry":
        store.promote_due(now=LATER)
    elif how == "decision":
        store.decide_wait(ANN, run.id, "child", "enough", now=NOW)
    else:
        kill(store, run, "other")
    assert (state(store, child), state(store, grandchild)) == ("cancelled", "cancelled")
    assert store.end_sub_runs(now=NOW) == []


def test_several_sub_runs_are_waited_for_together(store: RunStore) -> None:
    run = ask(store, *(sub_run(f"child{number}") for number in range(3)))
    children = [store.get_run(ANN, one.child_run or "") for one in store.waits(ANN, run_id=run.id)]
    for child in children[:2]:
        do(store, child, "only")
        assert store.end_sub_runs(now=NOW) == []
    do(store, children[2], "only")
    assert len(store.end_sub_runs(now=NOW)) == 1
    assert set(signals(store, run).values()) == {"done"}


def test_a_step_done_again_gets_a_new_sub_run(store: RunStore) -> None:
    run = ask(store, sub_run())
    first = child_of(store, run)
    do(store, first, "only")
    store.end_sub_runs(now=NOW)
    do(store, run, "only")
    store.replay_run(ANN, run.id, step="only", now=NOW)
    ask(store, sub_run(), run=run)
    assert child_of(store, run).id != first.id
    assert store.release_lost(now=NOW, alive=ALIVE) == []


@pytest.mark.parametrize("how", ["replay", "resume"])
def test_a_step_that_died_after_its_sub_run_was_done_goes_on_with_what_that_brought(store: RunStore, how: str) -> None:
    run = ask(store, sub_run())
    first = child_of(store, run)
    do(store, first, "only")
    store.end_sub_runs(now=NOW)
    kill(store, run, "only")
    assert state(store, run) == "failed"
    if how == "replay":
        store.replay_run(ANN, run.id, step=None, now=NOW)
    else:
        store.resume_run(ANN, run.id, now=NOW)
    claimed = take(store, run, "only")
    assert claimed.step.signals["child"]["payload"]["run_id"] == first.id
    assert (claimed.step.attempt, claimed.step.output) == (1, {"half": True})


def test_a_step_that_died_of_its_sub_run_asks_for_another(store: RunStore) -> None:
    run = ask(store, sub_run())
    kill(store, child_of(store, run), "only")
    store.end_sub_runs(now=NOW)
    kill(store, run, "only")
    store.replay_run(ANN, run.id, step=None, now=NOW)
    claimed = take(store, run, "only")
    assert (claimed.step.signals, claimed.step.output or {}) == ({}, {})
