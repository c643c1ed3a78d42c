"""A button that asks something first: a window over real sockets, and what was filled in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from slack_sdk import WebClient

from bots.inbound import Inbound, InboundKind
from bots.intake import Taken
from bots.slack.door import SlackDoor
from bots.testing.slack.stand import SlackStand
from tieout.model import Principal
from tieout.settings import read_settings

BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": f"{value}-0", "value": value, "text": {"type": "plain_text", "text": value}}
            for value in ("bad:run_1", "good:run_1", "repeat:run_1")
        ],
    }
]


@pytest.fixture
def taken() -> list[Inbound]:
    return []


@pytest.fixture
def stand(taken: list[Inbound]) -> Iterator[SlackStand]:
    def take(inbound: Inbound) -> Taken:
        taken.append(inbound)
        return Taken(None, Principal("x", "desk"))

    with SlackStand(limits=False) as stand:
        door = SlackDoor(
            read_settings(
                slack_bot_token=stand.bot_token, slack_app_token=stand.app_token, slack_api_url=f"{stand.api_url}/"
            ),
            take,
        )
        door.start()
        yield stand
        door.stop()


def answered(stand: SlackStand) -> str:
    client = WebClient(stand.bot_token, base_url=f"{stand.api_url}/")
    return str(client.chat_postMessage(channel=stand.channel("general"), text="answer", blocks=BUTTONS)["ts"])


def test_a_reason_is_asked_for_before_anything_is_done(stand: SlackStand, taken: list[Inbound]) -> None:
    ada, general, on = stand.user("ada"), stand.channel("general"), answered(stand)
    stand.click(ada, on, general, value="bad:run_1")
    (view,) = stand.wait_for(lambda: stand.views)
    assert taken == []
    stand.submit_view(ada, view.id, {"reason": "the year is wrong"})
    (inbound,) = stand.wait_for(lambda: taken)
    assert (inbound.kind, inbound.action, inbound.message) == (InboundKind.CLICK, "bad:run_1", on)
    assert (inbound.arguments, inbound.author) == ({"reason": "the year is wrong"}, ada)
    assert (inbound.place.channel, inbound.place.thread, inbound.place.direct) == (general, on, False)
    stand.wait_for(lambda: not stand.views[0].open)


def test_a_window_that_is_submitted_twice_is_one_event(stand: SlackStand, taken: list[Inbound]) -> None:
    ada, general, on = stand.user("ada"), stand.channel("general"), answered(stand)
    stand.click(ada, on, general, value="repeat:run_1")
    (view,) = stand.wait_for(lambda: stand.views)
    for _ in range(2):
        stand.submit_view(ada, view.id, {"rule": "every 6h"})
    stand.wait_for(lambda: len(taken) == 2)
    assert len({one.key for one in taken}) == 1


def test_a_button_that_asks_nothing_is_taken_at_once(stand: SlackStand, taken: list[Inbound]) -> None:
    stand.click(stand.user("ada"), answered(stand), stand.channel("general"), value="good:run_1")
    (inbound,) = stand.wait_for(lambda: taken)
    assert (inbound.action, inbound.arguments, stand.views) == ("good:run_1", {}, [])
