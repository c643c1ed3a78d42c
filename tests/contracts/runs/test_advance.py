"""To complete steps and claim others in one write, in every RunStore: as if all had been done in turn."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import (
    ANN,
    CHAIN,
    DIAMOND,
    LATER,
    NOW,
    kinds,
    opened_keys,
    start,
    states,
    step,
    step_id,
    take,
    together,
)
from tieout.errors import StaleFence
from tieout.model import Limit, ReadyStep, RunState
from tieout.ports import Advanced, Claimed, RunStore

THREADS = 8


def advance(store: RunStore, done: Sequence[Claimed], wanted: Sequence[str]) -> Advanced:
    return store.advance([(one, {"n": 1}) for one in done], wanted, "me", lease_s=30, now=LATER)


def settle(store: RunStore, done: Sequence[Claimed], wanted: Sequence[str]) -> tuple[list[ReadyStep], list[Claimed]]:
    """Do what is left over by itself, as whoever asks has to."""
    came = advance(store, done, wanted)
    opened = list(came.opened)
    for one in done:
        if one.step.id not in came.completed:
            opened += store.complete_step(one, {"n": 1}, now=LATER)
    return opened, list(came.claimed)


def test_steps_are_done_and_others_begun(store: RunStore) -> None:
    runs = [start(store, CHAIN) for _ in range(3)]
    others = [start(store) for _ in range(2)]
    done = [take(store, run, "first") for run in runs]
    opened, claimed = settle(store, done, [step_id(store, other, "only") for other in others])
    assert [opened_keys(store, run, [one for one in opened if one.run_id == run.id]) for run in runs] == [
        ["second"]
    ] * 3
    assert {one.run.id for one in claimed} == {other.id for other in others}
    for one in claimed:
        assert (one.step.key, one.fence, one.owner) == ("only", 1, "me")
        assert (one.step.attempt, one.step.started_at) == (1, LATER)
        assert one.run.plan == store.get_run(ANN, one.run.id).plan
    for run in runs:
        assert states(store, run)["first"] == "done"
        assert store.steps(ANN, run.id)[0].output == {"n": 1}
        assert kinds(store, run) == ["run_submitted", "run_started", "step_started", "step_finished"]
    assert kinds(store, others[0]) == ["run_submitted", "run_started", "step_started"]
    assert settle(store, claimed, []) == ([], [])
    assert {store.get_run(ANN, other.id).state for other in others} == {RunState.DONE}


def test_all_may_be_of_one_run_and_its_events_are_numbered_without_gaps(store: RunStore) -> None:
    run = start(store, DIAMOND)
    settle(store, [take(store, run, "split")], [])
    opened, (right,) = settle(store, [take(store, run, "left")], [step_id(store, run, "right")])
    assert opened == []
    assert right.inputs["split"] == {"n": 1}
    opened, claimed = settle(store, [right], [step_id(store, run, "left")])
    assert opened_keys(store, run, opened) == ["join"]
    assert claimed == []
    assert [event.seq for event in store.events(ANN, run.id)] == list(range(1, len(store.events(ANN, run.id)) + 1))


def test_both_parents_of_a_join_in_one_set_open_it_once(store: RunStore) -> None:
    run = start(store, DIAMOND)
    settle(store, [take(store, run, "split")], [])
    opened, _ = settle(store, [take(store, run, "left"), take(store, run, "right")], [])
    assert opened_keys(store, run, opened) == ["join"]


def test_steps_that_are_not_to_be_had_are_left_out_and_the_others_done(store: RunStore) -> None:
    run, other = start(store), start(store)
    wanted = step_id(store, other, "only")
    opened, claimed = settle(store, [take(store, run, "only")], ["step_unknown", wanted, wanted])
    assert opened == []
    assert [one.step.id for one in claimed] == [wanted]
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_nothing_is_asked_and_nothing_comes(store: RunStore) -> None:
    came = advance(store, [], [])
    assert not (came.completed or came.opened or came.claimed)


def test_a_stale_result_changes_nothing_and_harms_no_other(store: RunStore) -> None:
    run, other, third = start(store), start(store), start(store)
    old = take(store, run, "only")
    store.release_lost(now=NOW, alive=lambda owner: False)
    new = take(store, run, "only")
    fine = take(store, other, "only")
    before = store.events(ANN, run.id)
    came = advance(store, [old, fine], [step_id(store, third, "only")])
    assert old.step.id not in came.completed
    assert [one.run.id for one in came.claimed] == [third.id]
    assert store.events(ANN, run.id) == before
    with pytest.raises(StaleFence):
        settle(store, [old], [])
    # A claim after the first goes another way in the store, and does the same.
    assert settle(store, [new], []) == ([], [])
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_a_result_that_is_not_plain_is_left_to_be_done_by_itself(store: RunStore) -> None:
    run = start(store, CHAIN)
    fine, several = start(store), take(store, run, "first")
    store.complete_step(several, {}, now=NOW, spawn=[step("more")])
    claimed = [take(store, run, "more"), take(store, fine, "only")]
    opened, _ = settle(store, claimed, [])
    assert opened_keys(store, run, opened) == ["second"]
    assert states(store, run)["more"] == "done"
    assert store.get_run(ANN, fine.id).state is RunState.DONE


def test_the_leases_of_what_is_claimed_are_their_own(store: RunStore) -> None:
    run, other = start(store), start(store)
    settle(store, [take(store, run, "only")], [step_id(store, other, "only")])
    assert store.release_lost(now=LATER + timedelta(seconds=29), alive=lambda owner: True) == []
    assert len(store.release_lost(now=LATER + timedelta(seconds=31), alive=lambda owner: True)) == 1


def test_claims_in_sets_keep_to_limits(run_database: Database) -> None:
    store = SqlRunStore(run_database, limits={"workspace:*": Limit(concurrency=2)})
    done = take(store, start(store), "only")
    wanted = [step_id(store, start(store), "only") for _ in range(3)]
    came = advance(store, [done], wanted)
    assert came.completed == {done.step.id}
    assert len(came.claimed) == 2


def test_many_threads_at_once_do_each_step_once(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(THREADS) as pool:
        for _ in range(4):
            runs = [start(store, DIAMOND) for _ in range(THREADS)]
            splits = [take(store, run, "split") for run in runs]
            # Each completes its own run's step; all ask for the same steps of other runs, in another order.
            wanted = [step_id(store, start(store), "only") for _ in range(THREADS)]
            calls = [
                partial(advance, store, [split], wanted[number:] + wanted[:number])
                for number, split in enumerate(splits)
            ]
            came = together(pool, *calls)
            assert sum(len(one.opened) for one in came) == 2 * THREADS
            assert sorted(claimed.step.id for one in came for claimed in one.claimed) == sorted(wanted)
            for run in runs:
                assert states(store, run) == {"split": "done", "left": "ready", "right": "ready", "join": "blocked"}
                assert [event.seq for event in store.events(ANN, run.id)] == [1, 2, 3, 4]


def test_the_last_two_siblings_open_their_join_once_when_they_end_together(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            run, other = start(store, DIAMOND), start(store)
            store.complete_step(take(store, run, "split"), {}, now=NOW)
            sides = [take(store, run, "left"), take(store, run, "right")]
            wanted = [step_id(store, other, "only")]
            came = together(pool, *(partial(advance, store, [side], wanted) for side in sides))
            assert sorted(len(one.opened) for one in came) == [0, 1]
            assert states(store, run)["join"] == "ready"
