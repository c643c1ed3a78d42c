"""Races of people, time and other runs for one wait: exactly one wins, and the events tell which."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from store.database import Database
from store.runs import SqlRunStore
from tests.support.run_store import ANN, BEN, LATER, NOW, do, kinds, start, state, step_id, take, together
from tests.support.waits import DRAFT, approval, outside, sub_run, timer
from tieout.errors import Conflict
from tieout.model import Principal, Run, Wait, WaitState
from tieout.ports import RunStore

ROUNDS = 50


def waiting(store: RunStore, *waits: Wait) -> Run:
    """Return a new run whose step waits."""
    run = start(store)
    store.suspend_step(take(store, run, "only"), waits, {}, now=NOW)
    return run


def approver(store: RunStore, run: Run, who: Principal = ANN) -> Callable[[], Any]:
    """Return a call that approves, in time."""
    return partial(store.decide_wait, who, run.id, "publish", "approved", draft_sha256=DRAFT, now=NOW)


def won(outcome: object) -> bool:
    """Return whether a decision went through; a lost one is a Conflict and nothing else."""
    assert isinstance(outcome, tuple | Conflict), outcome
    return isinstance(outcome, tuple)


def test_of_two_approvals_one_wins(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, approval())
            outcomes = together(pool, approver(store, run), approver(store, run, BEN))
            assert sorted(map(won, outcomes)) == [False, True]
            (wait,) = store.waits(ANN, run_id=run.id)
            assert wait.decided_by == ["ann", "ben"][[won(one) for one in outcomes].index(True)]
            told = kinds(store, run)
            assert (told.count("approval_approved"), told.count("decision_refused")) == (1, 1)
            assert state(store, run) == "running"


def test_of_approval_and_cancellation_one_wins(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, approval())
            approved, _ = together(pool, approver(store, run), partial(store.cancel_run, ANN, run.id, now=NOW))
            (wait,) = store.waits(ANN, run_id=run.id)
            told = kinds(store, run)
            assert wait.state is (WaitState.DECIDED if won(approved) else WaitState.CANCELLED)
            assert told.count("approval_approved") == int(won(approved))
            assert told.count("decision_refused") == int(not won(approved))
            assert state(store, run) == "cancelled"  # either at once, or after it was approved


def test_of_approval_and_expiry_one_wins(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, approval(until=LATER))
            approved, (opened, _) = together(pool, approver(store, run), partial(store.promote_due, now=LATER))
            (wait,) = store.waits(ANN, run_id=run.id)
            assert wait.state is (WaitState.DECIDED if won(approved) else WaitState.EXPIRED)
            assert len(opened) + (len(approved[1]) if won(approved) else 0) == 1
            claimed = take(store, run, "only")
            assert claimed.step.signals["publish"]["decision"] == ("approved" if won(approved) else "expired")


def test_of_two_sweepers_one_ends_a_timer(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, timer("nap", LATER))
            looks = together(pool, *[partial(store.promote_due, now=LATER)] * 2)
            assert sorted(len(opened) for opened, _ in looks) == [0, 1]
            assert kinds(store, run).count("wait_ended") == 1
            do(store, run, "only", now=LATER)


def test_the_ends_of_two_waits_together_wake_the_step_once(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, approval(), outside("mail"))
            (_, one), (_, other) = together(
                pool, approver(store, run), partial(store.signal_run, ANN, run.id, "mail", {}, now=NOW)
            )
            assert [ready.step_id for ready in one + other] == [step_id(store, run, "only")]
            assert set(take(store, run, "only").step.signals) == {"publish", "mail"}


def test_the_same_event_from_two_senders_arrives_once(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, outside("mail"))
            send = partial(store.signal_run, ANN, run.id, "mail", {}, now=NOW)
            outcomes = together(pool, send, send)
            assert sorted(first for first, _ in outcomes) == [False, True]
            assert kinds(store, run).count("signal_arrived") == 1


def test_an_event_that_comes_while_its_step_begins_to_wait_is_not_lost(served: Database) -> None:
    store = SqlRunStore(served)
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = start(store)
            claimed = take(store, run, "only")
            opened, (_, woken) = together(
                pool,
                partial(store.suspend_step, claimed, [outside("mail")], {}, now=NOW),
                partial(store.signal_run, ANN, run.id, "mail", {}, now=NOW),
            )
            assert len(opened) + len(woken) == 1
            do(store, run, "only")


def test_a_parent_cancelled_while_its_child_ends_leaves_neither_behind(served: Database) -> None:
    """The two lock parent and child; they must not wait for each other in a circle."""
    store = SqlRunStore(served)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(ROUNDS):
            run = waiting(store, sub_run())
            child = store.get_run(ANN, store.waits(ANN, run_id=run.id)[0].child_run or "")
            claimed = take(store, child, "only")
            outcomes = together(
                pool,
                partial(store.complete_step, claimed, {}, now=NOW),
                partial(store.cancel_run, ANN, run.id, now=NOW),
                partial(store.end_sub_runs, now=NOW),
            )
            assert not isinstance(outcomes[1], Exception), outcomes
            assert not isinstance(outcomes[2], Exception), outcomes
            assert state(store, run) == "cancelled"
            assert state(store, child) in ("done", "cancelled")
            store.end_sub_runs(now=NOW)


@pytest.mark.parametrize("other", ["cancel", "pause", "sweep"])
def test_of_completion_and_what_takes_the_claim_one_wins(served: Database, other: str) -> None:
    store = SqlRunStore(served)
    rivals: dict[str, Callable[[Run], Any]] = {
        "cancel": lambda run: store.cancel_step(ANN, run.id, "only", now=NOW),
        "pause": lambda run: store.pause_run(ANN, run.id, now=NOW),
        "sweep": lambda run: store.release_lost(now=NOW, alive=lambda owner: False),
    }
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = start(store)
            claimed = take(store, run, "only")
            done, rival = together(
                pool, partial(store.complete_step, claimed, {}, now=NOW), partial(rivals[other], run)
            )
            if other == "sweep":
                assert (done == []) == (rival == [])
                if rival:
                    do(store, run, "only")
            assert isinstance(done, list | Conflict), done
            assert isinstance(rival, Run | list | Conflict), rival
            told = kinds(store, run)
            assert told.count("run_finished") == 1
            assert state(store, run) == ("cancelled" if other == "cancel" and isinstance(done, Conflict) else "done")
