"""Events in words: each kind that operating a run brings, in the line that people read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tieout.commands.event_words import way_to_end, words
from tieout.commands.progress import describe
from tieout.model import Event, OpenWait, WaitKind, WaitState

AT = datetime(2030, 1, 1, 9, tzinfo=UTC)
ASKED = {
    "name": "publish",
    "approvers": ["zoe", "max"],
    "draft_sha256": "d" * 64,
    "until": "2030-01-02",
    "note": "Look",
}


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("step_waited", {"waits": [{"kind": "timer", "name": "later"}]}, "waits for timer 'later'"),
        ("approval_asked", ASKED, "asks zoe, max to approve 'publish' (draft dddddddddddd, until 2030-01-02): Look"),
        ("approval_asked", {**ASKED, "approvers": [], "until": None, "note": ""}, "asks any member to approve"),
        (
            "approval_approved",
            {"name": "publish", "decision": "approved", "by": "max"},
            "'publish' was approved by max",
        ),
        ("approval_refused", {"name": "p", "decision": "refused", "by": "max", "reason": "no"}, "refused by max: no"),
        ("approval_expired", {"name": "publish", "decision": "expired", "by": None}, "'publish' was expired"),
        ("wait_ended", {"name": "later", "kind": "timer", "decision": "due", "by": None}, "timer 'later' ended: due"),
        (
            "decision_refused",
            {"name": "publish", "by": "eve", "decision": "approved", "reason": "not an approver"},
            "eve could not decide 'publish' as approved: not an approver",
        ),
        ("signal_arrived", {"name": "prices", "by": "max"}, "max sent 'prices'"),
        (
            "signal_arrived",
            {"name": "feedback/max/bad", "by": "max", "payload": {"verdict": "bad", "reason": "the year is wrong"}},
            "max sent 'feedback/max/bad': verdict bad, reason the year is wrong",
        ),
        ("steps_spawned", {"steps": list("abcdefg"), "count": 700}, "added 700 steps: a, b, c, d, e and 695 more"),
        ("step_cancelled", {"principal": "max"}, "max cancelled it"),
        ("step_deferred", {"reason": "no such action", "retry_at": "2030"}, "again at 2030: no such action"),
        ("run_paused", {"principal": "max", "was": "running"}, "max paused it"),
        ("run_resumed", {"principal": "max"}, "max let it go on"),
        ("run_cancelled", {"principal": "tieout", "reason": "r"}, "tieout cancelled it: r"),
        ("run_replayed", {"principal": "max", "from": None, "redeliver": False}, "max replays what had no result"),
        ("run_replayed", {"principal": "max", "from": "a", "redeliver": True}, "from 'a' on, and sends again"),
        ("partial_result_kept", {}, "what it had when it was cancelled is kept"),
    ],
)
def test_each_kind_has_its_words(kind: str, data: dict[str, object], said: str) -> None:
    event = Event("run_1", 7, kind, AT, "left", data)
    line = describe(event)
    assert said in line
    assert f"7 {kind} left " in line
    assert words(Event("run_1", 7, kind, AT)) is not None  # an event of a later version may say less


def test_other_kinds_keep_their_data() -> None:
    event = Event("run_1", 7, "thing_seen", AT, None, {"number": 3, "nothing": None})
    assert words(event) is None
    assert describe(event).endswith("7 thing_seen number=3")


def test_text_from_outside_stays_on_its_line() -> None:
    event = Event("run_1", 1, "signal_arrived", AT, None, {"name": "x", "by": "a\n\x1b[31mb\u202e"})
    assert words(event) == "a [31mb sent 'x'"


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (WaitKind.APPROVAL, "tieout runs decide run_1 'a b' approved --draft dddddddddddd"),
        (WaitKind.EFFECT, "tieout runs decide run_1 wait_1 arrived"),
        (WaitKind.EVENT, "tieout runs signal run_1 'a b'"),
    ],
)
def test_the_command_that_ends_a_wait_can_be_pasted(kind: WaitKind, command: str) -> None:
    wait = OpenWait("wait_1", "run_1", "left", kind, "a b", WaitState.OPEN, AT, draft_sha256="d" * 64)
    assert str(way_to_end(wait)).startswith(command)


@pytest.mark.parametrize("kind", [WaitKind.TIMER, WaitKind.RUN])
def test_no_command_ends_what_comes_by_itself(kind: WaitKind) -> None:
    assert way_to_end(OpenWait("wait_1", "run_1", "left", kind, "x", WaitState.OPEN, AT)) is None
