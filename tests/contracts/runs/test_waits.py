"""Waits in every RunStore: each kind ends once, its step is then ready, and no worker was held."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.run_store import (
    ANN,
    BEN,
    EVE,
    LATER,
    MUCH_LATER,
    NOW,
    do,
    kinds,
    plan,
    start,
    state,
    states,
    step_id,
    take,
)
from tests.support.waits import DRAFT, OTHER_DRAFT, approval, ask, decision, outside, signals, sub_run, timer
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied, StaleFence
from tieout.model import Plan, Run, RunRequest, Wait, WaitKind, WaitState
from tieout.ports import RunStore


def approve(store: RunStore, run: Run, who=ANN, *, name="publish", draft=DRAFT, now=NOW, how="approved"):  # type: ignore[no-untyped-def]
    """Approve the draft."""
    return store.decide_wait(who, run.id, name, how, draft_sha256=draft, now=now)


# ---------------------------------------------------------------- any wait


def test_a_waiting_step_holds_no_worker_and_keeps_what_it_had(store: RunStore) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    assert store.suspend_step(claimed, [timer("nap", LATER)], {"half": 1}, now=NOW) == []
    (waiting,) = store.steps(ANN, run.id)
    assert (waiting.state.value, waiting.pending, waiting.output) == ("waiting", 1, {"half": 1})
    assert state(store, run) == "waiting"
    assert not store.holds_claim(claimed)
    assert store.release_lost(now=MUCH_LATER, alive=lambda owner: False) == []
    assert store.ready_steps(limit=9, now=NOW) == []
    assert store.claim_step(waiting.id, "me", lease_s=30, now=NOW) is None
    with pytest.raises(StaleFence):
        store.complete_step(claimed, {}, now=NOW)
    with pytest.raises(StaleFence):
        store.suspend_step(claimed, [timer("nap", LATER)], {}, now=NOW)


def test_waiting_does_not_count_as_an_attempt(store: RunStore) -> None:
    run = start(store, plan(only=()))
    for number in range(5):
        store.suspend_step(take(store, run, "only", now=LATER), [timer(f"nap{number}", LATER)], {}, now=LATER)
    claimed = take(store, run, "only", now=LATER)
    assert (claimed.step.attempt, claimed.fence) == (1, 6)


def test_a_run_waits_only_when_nothing_else_goes_on(store: RunStore) -> None:
    run = start(store, plan(a=(), b=()))
    ask(store, timer("nap", LATER), run=run, key="a")
    assert state(store, run) == "running"  # b is ready
    do(store, run, "b")
    assert state(store, run) == "waiting"
    assert len(store.promote_due(now=LATER)[0]) == 1
    assert state(store, run) == "running"
    do(store, run, "a", now=LATER)
    assert state(store, run) == "done"


def test_a_step_is_woken_when_the_last_of_its_waits_has_ended(store: RunStore) -> None:
    run = ask(store, timer("nap", LATER), outside("mail"), approval(), decision("sent@1"))
    store.signal_run(ANN, run.id, "mail", {"n": 1}, now=NOW)
    approve(store, run, BEN)
    store.decide_wait(ANN, run.id, "sent@1", "resend", payload={"seen": False}, now=NOW)
    assert states(store, run) == {"only": "waiting"}
    opened, _ = store.promote_due(now=LATER)
    assert [one.step_id for one in opened] == [step_id(store, run, "only")]
    claimed = take(store, run, "only", now=LATER)
    found = {
        name: (one["kind"], one["decision"], one["by"], one["payload"]) for name, one in claimed.step.signals.items()
    }
    assert found == {
        "mail": ("event", "arrived", "ann", {"n": 1}),
        "publish": ("approval", "approved", "ben", {}),
        "sent@1": ("effect", "resend", "ann", {"seen": False}),
        "nap": ("timer", "due", None, {}),
    }
    assert claimed.step.output == {"half": True}
    assert claimed.run.state.value == "running"


def test_what_earlier_waits_brought_stays_beside_what_later_ones_bring(store: RunStore) -> None:
    run = ask(store, approval())
    approve(store, run)
    ask(store, timer("nap", LATER), run=run)
    store.promote_due(now=LATER)
    assert signals(store, run) == {"publish": "approved", "nap": "due"}


def test_a_wait_of_the_same_name_is_a_new_one(store: RunStore) -> None:
    run = ask(store, approval())
    approve(store, run, how="rejected")
    ask(store, approval(draft_sha256=OTHER_DRAFT), run=run)
    (row,) = [one for one in store.steps(ANN, run.id) if one.key == "only"]
    assert row.signals == {}
    approve(store, run, draft=OTHER_DRAFT)
    assert signals(store, run) == {"publish": "approved"}
    assert [one.decision for one in store.waits(ANN, run_id=run.id)].count("approved") == 1


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [timer("x", LATER), outside("x")],
        [Wait(WaitKind.TIMER, "x")],
        [outside("")],
        [outside("x\x00")],
        [outside("x" * 601)],
        [Wait(WaitKind.APPROVAL, "x")],
        [Wait(WaitKind.RUN, "x")],
        [sub_run("x", Plan("toy", "1", ()))],
        [sub_run("x", plan(a=("b",)))],
        [replace(sub_run("x"), request=RunRequest("?", idempotency_key="k"))],
        [replace(sub_run("x"), request=RunRequest("?", priority=101))],
    ],
)
def test_a_wait_that_could_never_end_is_refused_and_the_claim_stands(store: RunStore, bad: list[Wait]) -> None:
    run = start(store)
    claimed = take(store, run, "only")
    with pytest.raises(InvalidInput):
        store.suspend_step(claimed, bad, {}, now=NOW)
    assert store.holds_claim(claimed)
    assert len(store.list_runs(ANN)) == 1


def test_waits_are_listed_with_all_that_one_needs_to_decide(store: RunStore) -> None:
    run = ask(store, approval(approvers=("ben",), note="please", until=LATER), outside("mail"))
    (listed,) = [one for one in store.waits(BEN) if one.name == "publish"]
    assert (listed.run_id, listed.step, listed.kind, listed.state) == (
        run.id,
        "only",
        WaitKind.APPROVAL,
        WaitState.OPEN,
    )
    assert (listed.draft_sha256, listed.approvers, listed.note) == (DRAFT, ("ben",), "please")
    assert (listed.until, listed.asked_at, listed.decision) == (LATER, NOW, None)
    assert store.waits(EVE) == []
    assert len(store.waits(ANN, limit=1)) == 1
    store.cancel_run(ANN, run.id, now=NOW)
    assert store.waits(ANN) == []
    assert {one.state for one in store.waits(ANN, run_id=run.id)} == {WaitState.CANCELLED}
    with pytest.raises(NotFound):
        store.waits(EVE, run_id=run.id)


# ---------------------------------------------------------------- timers


def test_a_timer_says_when_it_is_due(store: RunStore) -> None:
    run = ask(store, timer("nap", LATER))
    assert store.promote_due(now=NOW) == ([], LATER)
    assert store.promote_due(now=LATER - timedelta(microseconds=1)) == ([], LATER)
    opened, following = store.promote_due(now=LATER)
    assert (len(opened), following) == (1, LATER)  # more may be due than one look has taken
    assert store.promote_due(now=LATER) == ([], None)
    assert signals(store, run) == {"nap": "due"}
    assert store.waits(ANN, run_id=run.id)[0].state is WaitState.DECIDED


def test_a_timer_in_the_past_ends_with_the_next_look(store: RunStore) -> None:
    ask(store, timer("nap", NOW - timedelta(days=1)))
    assert len(store.promote_due(now=NOW)[0]) == 1


def test_the_next_moment_is_the_first_of_retries_and_waits(store: RunStore) -> None:
    other = start(store)
    store.fail_step(take(store, other, "only"), "no", retry_at=MUCH_LATER, now=NOW)
    ask(store, approval(until=LATER))
    assert store.promote_due(now=NOW)[1] == LATER
    store.promote_due(now=LATER)
    assert store.promote_due(now=LATER)[1] == MUCH_LATER


# ---------------------------------------------------------------- approvals


def test_an_approval_wakes_its_step_and_is_an_event(store: RunStore) -> None:
    run = ask(store, approval(approvers=("ann", "ben")))
    ended, opened = approve(store, run, BEN)
    assert (ended.state, ended.decision, ended.decided_by, ended.decided_at) == (
        WaitState.DECIDED,
        "approved",
        "ben",
        NOW,
    )
    assert [one.step_id for one in opened] == [step_id(store, run, "only")]
    assert kinds(store, run)[-3:] == ["step_waited", "approval_asked", "approval_approved"]
    assert signals(store, run) == {"publish": "approved"}


def test_a_refused_decision_changes_nothing_and_is_an_event(store: RunStore) -> None:
    run = ask(store, approval(approvers=("ben",), until=LATER))
    stranger, draft, late = (
        lambda: approve(store, run, ANN),
        lambda: approve(store, run, BEN, draft=OTHER_DRAFT),
        lambda: approve(store, run, BEN, now=LATER),
    )
    with pytest.raises(PermissionDenied, match="waits for ben"):
        stranger()
    with pytest.raises(Conflict, match="another draft"):
        draft()
    with pytest.raises(Conflict, match="another draft"):
        approve(store, run, BEN, draft=None)
    with pytest.raises(Conflict, match="expired at"):
        late()
    assert states(store, run) == {"only": "waiting"}
    refused = [one for one in store.events(ANN, run.id) if one.kind == "decision_refused"]
    assert [(one.data["by"], one.step) for one in refused] == [("ann", "only"), *[("ben", "only")] * 3]
    approve(store, run, BEN)
    with pytest.raises(Conflict, match="approved by ben"):
        approve(store, run, BEN)
    with pytest.raises(Conflict, match="approved by ben"):
        approve(store, run, BEN, how="rejected")
    assert signals(store, run) == {"publish": "approved"}


def test_an_approval_expires(store: RunStore) -> None:
    run = ask(store, approval(until=LATER))
    assert len(store.promote_due(now=LATER)[0]) == 1
    with pytest.raises(Conflict, match="was expired at"):
        approve(store, run)
    assert store.waits(ANN, run_id=run.id)[0].state is WaitState.EXPIRED
    assert signals(store, run) == {"publish": "expired"}


@pytest.mark.parametrize("by", ["run", "step"])
def test_a_decision_after_a_cancellation_is_refused(store: RunStore, by: str) -> None:
    run = ask(store, approval())
    if by == "run":
        store.cancel_run(ANN, run.id, now=NOW)
    else:
        store.cancel_step(ANN, run.id, "only", now=NOW)
    with pytest.raises(Conflict, match="was cancelled at"):
        approve(store, run)
    assert (state(store, run), kinds(store, run)[-1]) == ("cancelled", "decision_refused")


def test_nothing_to_decide_is_said(store: RunStore) -> None:
    run = ask(store, approval())
    with pytest.raises(NotFound, match="does not wait for 'post'"):
        approve(store, run, name="post")
    with pytest.raises(NotFound):
        approve(store, run, EVE)
    for name, how in (("publish", ""), ("publish", "x" * 41), ("publish", "a\x00"), ("a\x00", "approved")):
        with pytest.raises(InvalidInput):
            approve(store, run, name=name, how=how)
    assert "decision_refused" not in kinds(store, run)


def test_of_two_steps_that_ask_under_one_name_the_open_one_with_this_draft_is_meant(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), c=()))
    ask(store, approval(), run=run, key="a")
    ask(store, approval(draft_sha256=OTHER_DRAFT), run=run, key="b")
    assert approve(store, run)[0].step == "a"
    assert approve(store, run, draft=OTHER_DRAFT)[0].step == "b"
    with pytest.raises(Conflict, match="approved by ann"):
        approve(store, run)


def test_a_decision_ends_the_approval_rather_than_a_timer_of_its_name(store: RunStore) -> None:
    run = start(store, plan(nap=(), publish=()))
    ask(store, timer("publish", LATER), run=run, key="nap")
    ask(store, approval("publish"), run=run, key="publish")
    approve(store, run)
    assert states(store, run) == {"nap": "waiting", "publish": "ready"}


def test_a_cancelled_run_that_is_resumed_asks_again(store: RunStore) -> None:
    run = ask(store, approval())
    store.cancel_run(ANN, run.id, now=NOW)
    store.resume_run(ANN, run.id, now=NOW)
    assert take(store, run, "only").step.signals == {}
    store.release_lost(now=NOW, alive=lambda owner: False)
    ask(store, approval(), run=run)
    approve(store, run)
    assert signals(store, run) == {"publish": "approved"}


# ---------------------------------------------------------------- outside events


def test_an_event_that_comes_early_is_kept(store: RunStore) -> None:
    run = start(store)
    assert store.signal_run(BEN, run.id, "mail", {"n": 1}, now=NOW) == (True, [])
    claimed = take(store, run, "only")
    opened = store.suspend_step(claimed, [outside("mail")], {}, now=NOW)
    assert [one.step_id for one in opened] == [claimed.step.id]
    assert state(store, run) == "running"
    assert take(store, run, "only").step.signals["mail"]["by"] == "ben"


def test_an_early_event_beside_another_wait_leaves_the_step_waiting(store: RunStore) -> None:
    run = start(store)
    store.signal_run(BEN, run.id, "mail", {}, now=NOW)
    assert store.suspend_step(take(store, run, "only"), [outside("mail"), timer("nap", LATER)], {}, now=NOW) == []
    assert state(store, run) == "waiting"
    store.promote_due(now=LATER)
    assert signals(store, run) == {"mail": "arrived", "nap": "due"}


def test_an_event_that_comes_twice_counts_once(store: RunStore) -> None:
    run = ask(store, outside("mail"))
    assert len(store.signal_run(ANN, run.id, "mail", {"n": 1}, now=NOW)[1]) == 1
    before = kinds(store, run)
    assert store.signal_run(ANN, run.id, "mail", {"n": 2}, now=NOW) == (False, [])
    assert kinds(store, run) == before
    assert take(store, run, "only").step.signals["mail"]["payload"] == {"n": 1}


def test_an_event_that_comes_too_late_is_kept_and_wakes_nobody(store: RunStore) -> None:
    run = ask(store, outside("mail", until=LATER))
    store.promote_due(now=LATER)
    assert store.signal_run(ANN, run.id, "mail", {}, now=LATER) == (True, [])
    assert signals(store, run) == {"mail": "expired"}


def test_one_event_wakes_all_steps_that_wait_for_it(store: RunStore) -> None:
    run = start(store, plan(a=(), b=(), c=()))
    for key in "ab":
        ask(store, outside("mail"), run=run, key=key)
    assert len(store.signal_run(ANN, run.id, "mail", {}, now=NOW)[1]) == 2


def test_an_event_for_another_workspaces_run_is_refused(store: RunStore) -> None:
    run = ask(store, outside("mail"))
    with pytest.raises(NotFound):
        store.signal_run(EVE, run.id, "mail", {}, now=NOW)
    with pytest.raises(InvalidInput):
        store.signal_run(ANN, run.id, "ma\x00il", {}, now=NOW)


def test_an_event_ends_no_approval_of_its_name(store: RunStore) -> None:
    run = ask(store, approval("mail"))
    assert store.signal_run(ANN, run.id, "mail", {}, now=NOW) == (True, [])
    assert states(store, run) == {"only": "waiting"}
