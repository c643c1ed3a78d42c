"""What runs wait for: decided once by whom it may concern, about the draft that was looked at; signals from outside."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.command import until
from tests.support.desk import ADMIN, DRAFT, GO, MEMBER, VIEWER
from tieout.application import Application
from tieout.errors import Conflict, InvalidInput, NeedsAnswer, NotFound, PermissionDenied, TieoutError
from tieout.model import OpenWait, RunRequest, RunState, WaitKind, WaitState
from tieout.use_cases.approvals import find_wait


def waiting(desk: Application, end: str, **params: object) -> str:
    """Start a run and return its id when it waits."""
    run_id = desk.start_run(MEMBER, RunRequest("How much?", params={"end": end, **params})).id
    until(lambda: desk.run(VIEWER, run_id).state is RunState.WAITING)
    return run_id


def told(desk: Application, run_id: str, kind: str) -> list[dict[str, object]]:
    return [dict(event.data) for event in desk.events(VIEWER, run_id) if event.kind == kind]


def test_an_approval_of_the_draft_lets_the_run_go_on_and_is_kept_with_its_reason(desk: Application) -> None:
    run_id = waiting(desk, "approve")
    (wait,) = desk.waits(VIEWER)
    assert (wait.run_id, wait.step, wait.kind, wait.note) == (run_id, "left", WaitKind.APPROVAL, "Look at it")
    decided = desk.decide(MEMBER, run_id, "publish/the report", "approved", draft_sha256=DRAFT, reason=" It is right. ")
    assert (decided.state, decided.decision, decided.decided_by) == (WaitState.DECIDED, "approved", MEMBER.id)
    assert decided.payload == {"reason": "It is right."}
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert desk.waits(VIEWER) == []
    assert desk.waits(VIEWER, run_id=run_id) == [decided]
    (event,) = told(desk, run_id, "approval_approved")
    assert (event["by"], event["reason"]) == (MEMBER.id, "It is right.")


@pytest.mark.parametrize("reference", ["publish/the report", "publish", "p", "the token"])
def test_a_wait_is_named_by_its_name_the_beginning_of_it_or_its_token(desk: Application, reference: str) -> None:
    run_id = waiting(desk, "approve")
    (wait,) = desk.waits(VIEWER)
    named = wait.token if reference == "the token" else reference
    assert desk.decide(MEMBER, run_id[:20], named, "refused", draft_sha256=DRAFT[:12]).decision == "refused"
    assert told(desk, run_id, "approval_refused")[0]["name"] == "publish/the report"


@pytest.mark.parametrize("draft", [None, "", "e" * 64, DRAFT[:11], "d" * 65, DRAFT.upper()])
def test_a_decision_about_another_draft_is_refused_and_the_try_is_kept(desk: Application, draft: str | None) -> None:
    run_id = waiting(desk, "approve")
    with pytest.raises(Conflict, match="another draft"):
        desk.decide(MEMBER, run_id, "publish", "approved", draft_sha256=draft)
    assert desk.run(VIEWER, run_id).state is RunState.WAITING
    (refused,) = told(desk, run_id, "decision_refused")
    assert (refused["by"], refused["decision"]) == (MEMBER.id, "approved")


def test_only_an_approver_decides_and_no_admin_in_their_place(desk: Application) -> None:
    run_id = waiting(desk, "approve", approvers=["zoe"])
    for who in (MEMBER, ADMIN):
        with pytest.raises(PermissionDenied, match="zoe"):
            desk.decide(who, run_id, "publish", "approved", draft_sha256=DRAFT)
    assert len(told(desk, run_id, "decision_refused")) == 2
    zoe = replace(MEMBER, id="zoe")
    assert desk.decide(zoe, run_id, "publish", "approved", draft_sha256=DRAFT).decided_by == "zoe"


def test_a_wait_is_decided_once_and_a_used_token_decides_nothing(desk: Application) -> None:
    run_id = waiting(desk, "approve")
    (wait,) = desk.waits(VIEWER)

    def decide(decision: str) -> str:
        try:
            return str(desk.decide(MEMBER, run_id, wait.token, decision, draft_sha256=DRAFT).decision)
        except Conflict:
            return "too late"

    with ThreadPoolExecutor(4) as pool:
        decisions = list(pool.map(decide, ["approved", "refused"] * 2))
    assert decisions.count("too late") == 3
    (winner,) = {*decisions} - {"too late"}
    assert desk.waits(VIEWER, run_id=run_id)[0].decision == winner
    for named in ("publish", wait.token):
        with pytest.raises(Conflict, match="decided once"):
            desk.decide(MEMBER, run_id, named, "approved", draft_sha256=DRAFT)


def test_a_decision_after_the_run_was_cancelled_is_a_conflict(desk: Application) -> None:
    run_id = waiting(desk, "approve")
    desk.cancel(MEMBER, run_id)
    with pytest.raises(Conflict, match="cancelled"):
        desk.decide(MEMBER, run_id, "publish", "approved", draft_sha256=DRAFT)


@pytest.mark.parametrize(
    ("end", "name", "why"),
    [("timer", "later", "its time"), ("child", "child", "the run that it waits for"), ("signal", "prices", "signal")],
)
def test_what_no_person_decides_is_refused_with_what_ends_it(desk: Application, end: str, name: str, why: str) -> None:
    run_id = waiting(desk, end)
    with pytest.raises(InvalidInput, match=why):
        desk.decide(MEMBER, run_id, name, "approved")
    assert desk.run(VIEWER, run_id).state is RunState.WAITING


@pytest.mark.parametrize("decision", ["", "maybe", "arrived", "Approved", "a" * 500])
def test_an_approval_is_approved_or_refused_and_nothing_else(desk: Application, decision: str) -> None:
    run_id = waiting(desk, "approve")
    with pytest.raises(InvalidInput, match="approved, refused"):
        desk.decide(MEMBER, run_id, "publish", decision, draft_sha256=DRAFT)


@pytest.mark.parametrize("reason", ["a" * 2_001, "be\x00cause", "caf\udce9"])
def test_a_reason_that_cannot_be_kept_decides_nothing(desk: Application, reason: str) -> None:
    run_id = waiting(desk, "approve")
    with pytest.raises(InvalidInput, match="reason"):
        desk.decide(MEMBER, run_id, "publish", "approved", draft_sha256=DRAFT, reason=reason)
    assert len(desk.waits(VIEWER)) == 1


def test_a_name_that_nothing_has_names_those_there_are(desk: Application) -> None:
    run_id = waiting(desk, "approve")
    for name in ("review", "", "publish/the report!", "wait_nope"):
        with pytest.raises(NotFound, match="publish/the report"):
            desk.decide(MEMBER, run_id, name, "approved", draft_sha256=DRAFT)


# ---------------------------------------------------------------- effects of unknown outcome


@pytest.mark.parametrize(
    ("decision", "sent", "state"), [("arrived", 1, "done"), ("resend", 2, "done"), ("drop", 1, "failed")]
)
def test_an_effect_of_unknown_outcome_waits_for_a_person_and_does_what_they_say(
    desk: Application, decision: str, sent: int, state: str
) -> None:
    run_id = waiting(desk, "unsure")
    (effect,) = desk.unknown_effects(VIEWER)
    assert (effect.run_id, effect.step, effect.kind) == (run_id, "left", "delivery")
    (wait,) = desk.waits(VIEWER, run_id=run_id)
    assert wait.kind is WaitKind.EFFECT
    assert effect.key in wait.name
    with pytest.raises(InvalidInput, match="arrived, resend, drop"):
        desk.decide(MEMBER, run_id, wait.name, "approved")
    desk.decide(MEMBER, run_id, effect.key, decision, reason="looked there")
    assert desk.wait(MEMBER, run_id, timeout_s=60).state == state
    assert len(desk.parts.channels["deaf"].sent) == sent  # type: ignore[attr-defined]
    assert told(desk, run_id, "wait_ended")[0]["reason"] == "looked there"
    assert desk.waits(VIEWER, run_id=run_id)[0].payload == {"reason": "looked there"}


# ---------------------------------------------------------------- signals


def test_a_signal_ends_the_wait_for_it_once(desk: Application) -> None:
    run_id = waiting(desk, "signal")
    assert desk.signal(MEMBER, run_id, "prices/arrived", {"rows": 3})
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert not desk.signal(MEMBER, run_id, "prices/arrived", {"rows": 4})
    (wait,) = desk.waits(VIEWER, run_id=run_id)
    assert (wait.payload, wait.decided_by) == ({"rows": 3}, MEMBER.id)


def test_a_signal_that_comes_before_its_step_waits_is_kept_for_it(desk: Application) -> None:
    run_id = desk.start_run(MEMBER, RunRequest("How much?", params={"end": "signal"})).id
    assert desk.signal(MEMBER, run_id, "prices/arrived", {})
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("", {}),
        ("two\nlines", {}),
        ("n" * 601, {}),
        ("name", {"number": float("nan")}),
        ("name", {"thing": object()}),
        ("name", {"text": "x" * 100_001}),
        ("name", [1]),
    ],
)
def test_a_signal_that_cannot_be_kept_is_refused(desk: Application, name: str, payload: dict[str, object]) -> None:
    run_id = waiting(desk, "signal")
    with pytest.raises(InvalidInput):
        desk.signal(MEMBER, run_id, name, payload)
    assert told(desk, run_id, "signal_arrived") == []


def test_a_waiting_step_holds_no_worker(desk: Application) -> None:
    """Two workers, three runs that wait: a fourth goes through."""
    runs = [waiting(desk, "approve") for _ in range(3)]
    other = desk.start_run(MEMBER, RunRequest("How much?")).id
    assert desk.wait(MEMBER, other, timeout_s=60).state is RunState.DONE
    assert sorted(wait.run_id for wait in desk.waits(VIEWER)) == sorted(runs)


def test_a_sub_run_is_named_by_the_wait_for_it(desk: Application) -> None:
    run_id = waiting(desk, "child")
    (wait,) = desk.waits(VIEWER, run_id=run_id)
    assert wait.child_run is not None
    child = desk.run(VIEWER, wait.child_run)
    assert child.parent_step is not None
    GO.set()
    assert desk.wait(MEMBER, run_id, timeout_s=60).state is RunState.DONE
    assert desk.run(VIEWER, wait.child_run).state is RunState.DONE


# ---------------------------------------------------------------- names


def wait(name: str, token: str, **fields: object) -> OpenWait:
    known = {"kind": WaitKind.APPROVAL, "state": WaitState.OPEN, "asked_at": datetime(2030, 1, 1, tzinfo=UTC)}
    return OpenWait(token, "run_1", "left", name=name, **{**known, **fields})  # type: ignore[arg-type]


def test_of_several_waits_the_open_and_decidable_one_is_meant_and_an_unclear_beginning_is_asked_back() -> None:
    old = wait("publish", "w1", state=WaitState.DECIDED)
    timer = wait("publish", "w2", kind=WaitKind.TIMER)
    new = wait("publish", "w3")
    other = wait("public", "w4")
    there = [old, timer, new, other]
    assert find_wait(there, "publish", "run_1") is new
    assert find_wait(there, "w1", "run_1") is old
    with pytest.raises(NeedsAnswer, match="'public', 'publish'"):
        find_wait(there, "publ", "run_1")
    assert find_wait([old, other], "publis", "run_1") is old
    assert find_wait([old, other], "publ", "run_1") is other
    with pytest.raises(NotFound, match="waits for: nothing"):
        find_wait([], "publish", "run_1")


def test_names_that_several_steps_wait_under_never_end_the_wrong_wait(desk: Application) -> None:
    """The store takes a name; a token, or a kind, that the name alone does not tell apart is refused."""
    run_id = waiting(desk, "approve")
    (real,) = desk.waits(VIEWER)
    twin = replace(real, token="wait_twin", step="right")
    timer = replace(twin, kind=WaitKind.TIMER, draft_sha256=None)
    used = replace(real, token="wait_used", state=WaitState.DECIDED, decision="refused")

    class Several:
        def __init__(self, *more: OpenWait) -> None:
            self.more = more

        def __getattr__(self, name: str) -> object:
            return getattr(desk.store, name)

        def waits(self, *_args: object, **_options: object) -> list[OpenWait]:
            return [real, *self.more]

    for more, named in ((twin, real.token), (timer, "publish"), (timer, real.token), (used, used.token)):
        crowded = replace(desk, store=Several(more))  # type: ignore[arg-type]
        with pytest.raises(TieoutError) as refused:
            crowded.decide(MEMBER, run_id, named, "approved", draft_sha256=DRAFT)
        assert isinstance(refused.value, Conflict), refused.value
    assert [one.state for one in desk.waits(VIEWER, run_id=run_id)] == [WaitState.OPEN]
