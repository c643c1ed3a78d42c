"""A button that asks something first: a window, and what was filled in, by the real client over real sockets."""

from __future__ import annotations

from typing import Any

import pytest

from bots.inbound import Inbound, InboundKind
from tests.bots.discord.local import GENERAL, LocalDiscord

LABELLED = [{"type": 18, "component": {"type": 4, "custom_id": "reason", "value": "the year is wrong"}}]
IN_ROWS = [{"type": 1, "components": [{"type": 4, "custom_id": "reason", "value": "the year is wrong"}]}]


@pytest.mark.parametrize("components", [LABELLED, IN_ROWS])
def test_a_reason_is_asked_for_before_anything_is_done(
    discord: LocalDiscord, connect: Any, taken: list[Inbound], components: list[dict[str, Any]]
) -> None:
    connect()
    discord.say("an answer", bot=True)
    message = discord.messages[GENERAL][-1]
    asked = discord.press("bad:run_1", message)
    window = discord.wait_for(lambda: discord.acknowledged.get(asked))
    assert window["type"] == 9 and window["data"]["custom_id"] == "bad:run_1"
    assert window["data"]["components"][0]["component"]["custom_id"] == "reason"
    assert taken == []
    filled = discord.interact(5, {"custom_id": "bad:run_1", "components": components}, message=message)
    (inbound,) = discord.wait_for(lambda: taken)
    assert (inbound.kind, inbound.action, inbound.message) == (InboundKind.CLICK, "bad:run_1", message["id"])
    assert inbound.arguments == {"reason": "the year is wrong"}
    assert discord.wait_for(lambda: discord.acknowledged.get(filled)) == {"type": 6}


def test_a_window_of_an_earlier_process_is_understood(
    discord: LocalDiscord, connect: Any, taken: list[Inbound]
) -> None:
    connect()
    discord.say("an answer", bot=True)
    message = discord.messages[GENERAL][-1]
    discord.interact(5, {"custom_id": "bad:run_1", "components": LABELLED}, message=message)
    (inbound,) = discord.wait_for(lambda: taken)
    assert inbound.arguments == {"reason": "the year is wrong"}
