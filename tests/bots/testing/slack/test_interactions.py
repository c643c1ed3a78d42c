"""Buttons, commands, shortcuts and modals, as a real bolt app receives and answers them."""

from __future__ import annotations

from typing import Any

import pytest
from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from bots.testing.slack import SlackStand

Json = dict[str, Any]

BUTTONS: list[Json] = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": {"type": "plain_text", "text": "Stop"}, "value": "stop:1", "action_id": "stop"},
            {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "value": "go:1"},
        ],
    }
]
MODAL: Json = {
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "Ask"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "b",
            "label": {"type": "plain_text", "text": "Question"},
            "element": {"type": "plain_text_input", "action_id": "question"},
        }
    ],
}


def test_a_pressed_button_carries_the_message_and_a_response_url(
    stand: SlackStand, app: App, client: WebClient, connect: Any
) -> None:
    bodies: list[Json] = []

    @app.action("stop")
    def stop(ack: Ack, body: Json, respond: Respond) -> None:
        ack()
        bodies.append(body)
        respond(text="stopped", replace_original=True)

    connect(app)
    channel = stand.channel("general")
    ts = client.chat_postMessage(channel=channel, text="running", blocks=BUTTONS)["ts"]
    stand.click(stand.user("ada"), ts, channel, value="stop:1")
    stand.wait_for(lambda: stand.messages(channel)[0].text == "stopped")
    (body,) = bodies
    assert (body["type"], body["user"]["id"], body["channel"]["id"]) == ("block_actions", stand.user("ada"), channel)
    assert (body["message"]["ts"], body["actions"][0]["value"]) == (ts, "stop:1")
    assert body["message"]["text"] == "running"
    stand.wait_for(lambda: "interactive" in [kind for kind, _ in stand.acks])


def test_a_button_that_is_not_there_cannot_be_pressed(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    ts = client.chat_postMessage(channel=channel, text="x", blocks=BUTTONS)["ts"]
    with pytest.raises(LookupError):
        stand.click(stand.user("ada"), ts, channel, value="fly:1")
    with pytest.raises(LookupError):
        stand.click(stand.user("ada"), "1.000001", channel, value="stop:1")


def test_a_response_url_is_good_five_times_within_its_time(stand: SlackStand, client: WebClient) -> None:
    channel, ada = stand.channel("general"), stand.user("ada")
    hook = WebhookClient(stand.response_url(ada, channel))
    answers = [hook.send(text=str(number)) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [404]
    assert "used_url" in answers[-1].body
    assert [message.text for message in stand.ephemerals(channel, ada)] == list("01234")
    late = WebhookClient(stand.response_url(ada, channel))
    stand.expire_response_urls()
    assert "expired_url" in late.send(text="x").body


def test_an_ephemeral_button_is_pressed_by_its_reader_only(
    stand: SlackStand, app: App, client: WebClient, connect: Any
) -> None:
    @app.action("stop")
    def stop(ack: Ack, respond: Respond) -> None:
        ack()
        respond(delete_original=True)

    connect(app)
    channel, ada = stand.channel("general"), stand.user("ada")
    ts = client.chat_postEphemeral(channel=channel, user=ada, text="x", blocks=BUTTONS)["message_ts"]
    with pytest.raises(LookupError):
        stand.click(stand.user("ben"), ts, channel, action_id="stop")
    stand.click(ada, ts, channel, action_id="stop")
    stand.wait_for(lambda: not stand.ephemerals(channel))


def test_a_command_is_answered_in_its_acknowledgement(stand: SlackStand, app: App, connect: Any) -> None:
    @app.command("/ask")
    def ask(ack: Ack, command: Json) -> None:
        ack(text=f"asking {command['text']} in {command['channel_name']}")

    connect(app)
    channel, ada = stand.channel("lobby"), stand.user("ada")
    stand.slash(ada, channel, "/ask", "AAPL")
    stand.wait_for(lambda: stand.ephemerals(channel, ada))
    assert stand.ephemerals(channel, ada)[0].text == "asking AAPL in lobby"
    assert [kind for kind, _ in stand.acks] == ["slash_commands"]


def test_a_shortcut_opens_a_modal_and_its_submission_arrives(
    stand: SlackStand, app: App, client: WebClient, connect: Any
) -> None:
    values: list[Json] = []

    @app.shortcut("ask_about")
    def open_modal(ack: Ack, shortcut: Json) -> None:
        ack()
        client.views_open(trigger_id=shortcut["trigger_id"], view={**MODAL, "private_metadata": shortcut["message_ts"]})

    @app.view("ask")
    def submit(ack: Ack, view: Json) -> None:
        values.append(view)
        text = view["state"]["values"]["b"]["question"]["value"]
        if text:
            ack()
        else:
            ack(response_action="errors", errors={"b": "Ask something"})

    connect(app)
    channel, ada = stand.channel("general"), stand.user("ada")
    ts = stand.say(ada, channel, "AAPL rose")
    stand.shortcut(ada, stand.messages(channel)[0], "ask_about")
    view = stand.wait_for(lambda: stand.views)[0]
    stand.submit_view(ada, view.id, {"question": ""})
    stand.wait_for(lambda: view.errors)
    stand.submit_view(ada, view.id, {"question": "why?"})
    stand.wait_for(lambda: not view.open)
    assert values[-1]["private_metadata"] == ts
    assert values[-1]["state"]["values"]["b"]["question"] == {"type": "plain_text_input", "value": "why?"}


def test_a_trigger_opens_one_modal_and_a_hash_guards_its_updates(stand: SlackStand, client: WebClient) -> None:
    trigger = stand.trigger_id(stand.user("ada"))
    opened = client.views_open(trigger_id=trigger, view=MODAL)["view"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        client.views_open(trigger_id=trigger, view=MODAL)
    client.views_update(view_id=opened["id"], view=MODAL, hash=opened["hash"])
    with pytest.raises(SlackApiError, match="hash_conflict"):
        client.views_update(view_id=opened["id"], view=MODAL, hash=opened["hash"])
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        client.views_open(trigger_id=stand.trigger_id(stand.user("ada")), view={"type": "modal"})
