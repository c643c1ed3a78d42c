"""To complete a step and claim another in one write, in every RunStore: as if the two had been done in turn."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from tests.support.run_store import ANN, CHAIN, DIAMOND, LATER, NOW, kinds, opened_keys, start, states, step_id, take
from tieout.errors import StaleFence
from tieout.model import RunState
from tieout.ports import Claimed, RunStore

THREADS = 8


def test_one_step_is_done_and_another_begun(store: RunStore) -> None:
    first, second = start(store, CHAIN), start(store)
    claimed = take(store, first, "first")
    opened, following = store.complete_and_claim(
        claimed, {"n": 1}, step_id(store, second, "only"), lease_s=30, now=LATER
    )
    assert opened_keys(store, first, opened) == ["second"]
    assert following is not None
    assert (following.run.id, following.step.key, following.fence) == (second.id, "only", 1)
    assert (following.owner, following.step.attempt, following.step.started_at) == ("me", 1, LATER)
    assert following.run.plan == store.get_run(ANN, second.id).plan
    assert states(store, first)["first"] == "done"
    assert kinds(store, first) == ["run_submitted", "run_started", "step_started", "step_finished"]
    assert kinds(store, second) == ["run_submitted", "run_started", "step_started"]
    store.complete_step(following, {}, now=LATER)
    assert store.get_run(ANN, second.id).state is RunState.DONE


def test_both_may_be_of_one_run_and_its_events_are_numbered_without_gaps(store: RunStore) -> None:
    run = start(store, DIAMOND)
    store.complete_step(take(store, run, "split"), {}, now=NOW)
    left = take(store, run, "left")
    opened, right = store.complete_and_claim(left, {}, step_id(store, run, "right"), lease_s=30, now=LATER)
    assert opened == []
    assert right is not None
    assert dict(right.inputs) == {"split": {}, "left": {}}
    opened, nothing = store.complete_and_claim(right, {}, step_id(store, run, "left"), lease_s=30, now=LATER)
    assert opened_keys(store, run, opened) == ["join"]
    assert nothing is None
    assert [event.seq for event in store.events(ANN, run.id)] == list(range(1, len(store.events(ANN, run.id)) + 1))


def test_a_step_that_is_not_to_be_had_is_none_and_the_other_is_done(store: RunStore) -> None:
    run = start(store)
    opened, following = store.complete_and_claim(take(store, run, "only"), {}, "step_unknown", lease_s=30, now=NOW)
    assert (opened, following) == ([], None)
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_a_stale_completion_claims_nothing(store: RunStore) -> None:
    run, other = start(store), start(store)
    old = take(store, run, "only")
    store.release_lost(now=NOW, alive=lambda owner: False)
    new = take(store, run, "only")
    before = store.events(ANN, other.id)
    with pytest.raises(StaleFence):
        store.complete_and_claim(old, {}, step_id(store, other, "only"), lease_s=30, now=NOW)
    assert states(store, other) == {"only": "ready"}
    assert store.events(ANN, other.id) == before
    # A claim after the first goes another way in the store, and does the same.
    opened, following = store.complete_and_claim(new, {}, step_id(store, other, "only"), lease_s=30, now=NOW)
    assert opened == []
    assert following is not None


def test_the_lease_of_the_next_step_is_its_own(store: RunStore) -> None:
    run, other = start(store), start(store)
    _, following = store.complete_and_claim(
        take(store, run, "only"), {}, step_id(store, other, "only"), lease_s=30, now=NOW
    )
    assert following is not None
    assert store.release_lost(now=NOW + timedelta(seconds=29), alive=lambda owner: True) == []
    assert len(store.release_lost(now=NOW + timedelta(seconds=31), alive=lambda owner: True)) == 1


def test_many_threads_at_once_do_each_step_once(store: RunStore) -> None:
    for _ in range(4):
        runs = [start(store, DIAMOND) for _ in range(THREADS)]
        splits = [take(store, run, "split") for run in runs]
        # Each completes its own run's step; two and two then ask for the same step of another run.
        wanted = [step_id(store, start(store), "only") for _ in range(THREADS // 2)]
        barrier = Barrier(THREADS)

        def advance(
            number: int,
            splits: list[Claimed] = splits,
            wanted: list[str] = wanted,
            barrier: Barrier = barrier,
        ) -> tuple[int, Claimed | None]:
            barrier.wait()
            opened, claimed = store.complete_and_claim(splits[number], {}, wanted[number // 2], lease_s=30, now=LATER)
            return len(opened), claimed

        with ThreadPoolExecutor(THREADS) as pool:
            came = list(pool.map(advance, range(THREADS)))
        assert sum(opened for opened, _ in came) == 2 * THREADS
        won = [claimed.step.id for _, claimed in came if claimed is not None]
        assert sorted(won) == sorted(wanted)
        for run in runs:
            assert states(store, run) == {"split": "done", "left": "ready", "right": "ready", "join": "blocked"}
            assert [event.seq for event in store.events(ANN, run.id)] == [1, 2, 3, 4]


def test_the_last_two_siblings_open_their_join_once_when_they_end_together(store: RunStore) -> None:
    for _ in range(10):
        run, other = start(store, DIAMOND), start(store)
        store.complete_step(take(store, run, "split"), {}, now=NOW)
        sides = [take(store, run, "left"), take(store, run, "right")]
        wanted = step_id(store, other, "only")
        barrier = Barrier(2)

        def finish(side: Claimed, wanted: str = wanted, barrier: Barrier = barrier) -> int:
            barrier.wait()
            return len(store.complete_and_claim(side, {}, wanted, lease_s=30, now=LATER)[0])

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(finish, sides)) == [0, 1]
        assert states(store, run)["join"] == "ready"
