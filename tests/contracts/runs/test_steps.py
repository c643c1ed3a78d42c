"""Single steps in every RunStore: claims and fences, retries, leases."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.support.run_store import ALIVE, ANN, CHAIN, LATER, NOW, kinds, plan, start, states, step_id, take
from tieout.errors import StaleFence
from tieout.model import Artifact, Plan, RunState, StepSpec
from tieout.ports import Claimed, RunStore


def test_of_many_claims_one_wins(store: RunStore) -> None:
    for _ in range(10):
        run = start(store)
        wanted = step_id(store, run, "only")
        barrier = threading.Barrier(4)

        def claim(owner: int, wanted: str = wanted, barrier: threading.Barrier = barrier) -> Claimed | None:
            barrier.wait()
            return store.claim_step(wanted, str(owner), lease_s=30, now=NOW)

        with ThreadPoolExecutor(4) as pool:
            won = [claimed for claimed in pool.map(claim, range(4)) if claimed]
        assert [(claimed.fence, claimed.step.attempt) for claimed in won] == [(1, 1)]
        assert kinds(store, run) == ["run_submitted", "run_started", "step_started"]


def test_a_step_is_not_to_be_had_unless_it_is_ready(store: RunStore) -> None:
    run = start(store, CHAIN)
    assert store.claim_step("step_unknown", "me", lease_s=30, now=NOW) is None
    assert store.claim_step(step_id(store, run, "second"), "me", lease_s=30, now=NOW) is None
    store.complete_step(take(store, run, "first"), {}, now=NOW)
    assert store.claim_step(step_id(store, run, "first"), "me", lease_s=30, now=NOW) is None


def test_every_write_of_a_lost_claim_is_refused(store: RunStore) -> None:
    run = start(store)
    old = take(store, run, "only")
    store.release_lost(now=NOW, alive=lambda owner: False)
    new = take(store, run, "only")
    assert new.fence > old.fence
    assert store.holds_claim(new)
    assert not store.holds_claim(old)
    artifact = Artifact(run.id, "a.txt", "text/plain", "0" * 64, 1)
    fence = (old.step.id, old.fence)
    late: list[Callable[[], object]] = [
        lambda: store.complete_step(old, {}, now=NOW),
        lambda: store.fail_step(old, "late", retry_at=None, now=NOW),
        lambda: store.hand_back(old, now=NOW),
        lambda: store.begin_effect(old, "key", "kind", {}, now=NOW),
        lambda: store.put_artifact(old, artifact, now=NOW),
        lambda: store.append_event(run.id, "thing_seen", {}, now=NOW, fence=fence),
    ]
    before = store.events(ANN, run.id)
    for write in late:
        with pytest.raises(StaleFence):
            write()
    assert store.events(ANN, run.id) == before
    assert store.artifacts(ANN, run.id) == []
    store.complete_step(new, {}, now=NOW)
    assert store.get_run(ANN, run.id).state is RunState.DONE


def test_a_failed_step_is_retried_when_it_is_due(store: RunStore) -> None:
    run = start(store)
    store.fail_step(take(store, run, "only"), "no luck", retry_at=LATER, now=NOW)
    assert states(store, run) == {"only": "retry"}
    assert store.ready_steps(limit=9, now=NOW) == []
    wanted = step_id(store, run, "only")
    assert store.claim_step(wanted, "me", lease_s=30, now=NOW) is None
    assert store.promote_due(now=NOW) == ([], LATER)
    assert [step.step_id for step in store.promote_due(now=LATER)[0]] == [wanted]
    assert [step.step_id for step in store.ready_steps(limit=9, now=LATER)] == [wanted]
    again = take(store, run, "only", now=LATER)
    assert again.step.attempt == 2
    store.complete_step(again, {}, now=LATER)
    assert store.get_run(ANN, run.id).state is RunState.DONE
    retried = next(event for event in store.events(ANN, run.id) if event.kind == "step_retried")
    assert retried.data == {"attempt": 1, "error": "no luck", "retry_at": LATER.isoformat()}


@pytest.mark.parametrize("retry_at", [None, LATER])
def test_a_step_without_attempts_left_fails_the_run(store: RunStore, retry_at: datetime | None) -> None:
    attempts = 1 if retry_at else 3
    shape = Plan(
        "toy", "1", (StepSpec("a", "x", max_attempts=attempts), StepSpec("b", "x"), StepSpec("c", "x", ("a",)))
    )
    run = start(store, shape)
    other = take(store, run, "b")
    store.fail_step(take(store, run, "a"), "broken", retry_at=retry_at, now=LATER)
    failed = store.get_run(ANN, run.id)
    assert (failed.state, failed.error, failed.finished_at) == (RunState.FAILED, "a: broken", LATER)
    assert states(store, run) == {"a": "dead", "b": "cancelled", "c": "cancelled"}
    assert kinds(store, run)[-2:] == ["step_failed", "run_finished"]
    with pytest.raises(StaleFence):
        store.complete_step(other, {}, now=LATER)


def test_a_dead_owners_steps_are_ready_at_once(store: RunStore) -> None:
    run = start(store, plan(a=(), b=()))
    take(store, run, "a", owner="dead")
    kept = take(store, run, "b", owner="alive")
    freed = store.release_lost(now=NOW, alive=lambda owner: owner == "alive")
    assert [step.step_id for step in freed] == [step_id(store, run, "a")]
    assert states(store, run) == {"a": "ready", "b": "running"}
    assert store.holds_claim(kept)


def test_a_lease_that_ran_out_is_taken_and_one_renewed_is_not(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), c=()))
    for key in ("a", "b"):
        take(store, run, key)
    take(store, run, "c", owner="other")
    minute = NOW + timedelta(seconds=60)
    only = {step_id(store, run, "b"), step_id(store, run, "c")}
    assert store.renew_leases("me", lease_s=90, now=NOW, steps=only) == 1
    freed = store.release_lost(now=minute, alive=ALIVE)
    assert {step.step_id for step in freed} == {step_id(store, run, "a"), step_id(store, run, "c")}
    assert store.renew_leases("me", lease_s=90, now=minute) == 1


def test_a_step_that_kills_its_process_each_time_ends_dead(store: RunStore) -> None:
    run = start(store)
    for _ in range(3):
        take(store, run, "only")
        store.release_lost(now=NOW, alive=lambda owner: False)
    failed = store.get_run(ANN, run.id)
    assert failed.state is RunState.FAILED
    assert "attempt 3 of 3" in (failed.error or "")
    assert states(store, run) == {"only": "dead"}


def test_a_claim_handed_back_does_not_count(store: RunStore) -> None:
    run = start(store)
    for _ in range(5):
        store.hand_back(take(store, run, "only"), now=NOW)
    claimed = take(store, run, "only")
    assert (claimed.step.attempt, claimed.fence) == (1, 6)
