"""What a run waits for is shown where it was asked for, by one call however often it is made."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bots.approvals import call_for
from bots.inbound import Inbound, InboundKind, Place
from tieout.model import Event

AT = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
ASKED = Event("run_1", 7, "approval_asked", AT, "publish", {"name": "publish/the report", "draft_sha256": "d" * 64})


def inbound(kind: InboundKind = InboundKind.MESSAGE, **place: object) -> Inbound:
    where = Place("slack", "T1", "C1", **place)  # type: ignore[arg-type]
    return Inbound("slack/T1/C1/1.5", kind, where, "U1", AT, message="1.5", text="publish it")


def test_the_call_is_the_askers_in_the_thread_and_names_the_run_and_the_decision():
    call = call_for(inbound(thread="1.0"), {"channel": "C1", "message": "1.6"}, ASKED)
    assert (call.kind, call.command, call.author) == (InboundKind.COMMAND, "approve", "U1")
    assert call.arguments == {"run": "run_1", "name": "publish/the report"}
    assert call.place == Place("slack", "T1", "C1", "1.0")


def test_a_message_that_began_no_thread_begins_one():
    assert call_for(inbound(), {"channel": "C1"}, ASKED).place.thread == "1.5"
    assert call_for(inbound(InboundKind.COMMAND), {"channel": "C1"}, ASKED).place.thread == ""


def test_what_is_answered_in_direct_messages_is_decided_there():
    place = call_for(inbound(thread="1.0"), {"channel": "D9"}, ASKED).place
    assert place == Place("slack", "T1", "D9", direct=True)


@pytest.mark.parametrize("channel", ["C1", "1.0"])
def test_a_thread_that_is_a_channel_of_its_own_is_not_a_direct_message(channel):
    assert not call_for(inbound(thread="1.0"), {"channel": channel}, ASKED).place.direct


def test_the_same_call_comes_of_the_same_event_and_another_of_the_next():
    again = Event(ASKED.run_id, 9, ASKED.kind, AT, ASKED.step, ASKED.data)
    calls = [call_for(inbound(), {"channel": "C1"}, event) for event in (ASKED, ASKED, again)]
    assert calls[0] == calls[1]
    assert calls[0].key != calls[2].key
