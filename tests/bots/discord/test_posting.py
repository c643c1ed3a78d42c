"""What an answer carries along for Discord: its thread, its interaction, and who sees it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from bots.inbound import Inbound, InboundKind, Place
from bots.post import _discord, post
from bots.render.document import Document

_AT = datetime(2026, 11, 26, tzinfo=UTC)
_LONG = Document("\n\n".join("word " * 300 for _ in range(3)))


def inbound(kind: InboundKind, *, thread: str = "", direct: bool = False, **more: Any) -> Inbound:
    place = Place("discord", "" if direct else "8", "80", thread, direct)
    key = "discord/message/5" if kind is InboundKind.MESSAGE else "discord/interaction/5"
    return Inbound(key, kind, place, "900", _AT, **more)


def carried(asked: Inbound, *, private: bool = False, direct: bool = False) -> list[dict[str, Any]]:
    return list(_discord("w", asked, _LONG, private, direct))


def test_a_mention_is_answered_in_the_thread_that_it_begins() -> None:
    first, *more = carried(inbound(InboundKind.MESSAGE, message="5", text=" how did\nAAPL do? " + "x" * 200))
    assert first["to"] == {"channel": "80", "thread": "5"} and first["after"] == "5"
    assert first["open_thread"]["message"] == "5" and "interaction" not in first
    assert first["open_thread"]["name"].startswith("how did AAPL do? x") and len(first["open_thread"]["name"]) == 90
    assert more and all(one["open_thread"] == first["open_thread"] for one in more)


def test_in_a_thread_and_in_a_direct_message_no_thread_is_begun() -> None:
    assert "open_thread" not in carried(inbound(InboundKind.MESSAGE, message="5", thread="4"))[0]
    assert "open_thread" not in carried(inbound(InboundKind.MESSAGE, message="5", direct=True))[0]


def test_a_private_answer_to_a_mention_is_for_the_person_alone() -> None:
    for one in carried(inbound(InboundKind.MESSAGE, message="5"), private=True):
        assert one["alone"] == "900" and "open_thread" not in one
    assert "alone" not in carried(inbound(InboundKind.MESSAGE, direct=True), private=True)[0]


def test_a_direct_answer_to_a_call_is_not_by_its_token_which_leaves_nothing_behind() -> None:
    for one in carried(inbound(InboundKind.COMMAND, token="700/secret"), direct=True):
        assert one["alone"] == "900" and "interaction" not in one


def test_a_call_is_answered_by_its_token_first() -> None:
    first, *more = carried(inbound(InboundKind.COMMAND, token="700/secret"))
    assert first["interaction"] == {"application": "700", "token": "secret", "first": True}
    assert more and all("interaction" not in one for one in more)


def test_what_one_person_sees_of_a_call_or_click_is_by_its_token() -> None:
    first, *more = carried(inbound(InboundKind.COMMAND, token="700/secret"), private=True)
    assert first["interaction"]["first"] and not any(one["interaction"]["first"] for one in more)
    assert not carried(inbound(InboundKind.CLICK, token="700/secret"), private=True)[0]["interaction"]["first"]
    assert "interaction" not in carried(inbound(InboundKind.CLICK, token="700/secret"))[0]


def test_after_the_progress_message_the_token_is_not_used() -> None:
    sent: list[Any] = []

    def deliver(_key: str, _platform: str, message: Any) -> Any:
        sent.append(message)
        return {"message": "1", "channel": "80"}

    step, principal = SimpleNamespace(output=None), SimpleNamespace(workspace="w")
    run = SimpleNamespace(created_at=_AT)
    context: Any = SimpleNamespace(step=step, principal=principal, run=run, deliver=deliver)
    asked = inbound(InboundKind.COMMAND, token="700/secret")
    post(context, asked, Document("working"), key="progress")
    context.step.output = {"progress": {"message": "1", "channel": "80"}}
    post(context, asked, Document("done"))
    post(context, asked, Document("see below"), key="progress-end", edit={"message": "1", "channel": "80"})
    assert ["interaction" in one for one in sent] == [True, False, False]
    assert sent[2]["edit"] == "1" and sent[2]["to"]["channel"] == "80"
