"""Slack's manifest asks for what the code uses and for nothing else, and everything that it subscribes to is taken."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from slack_bolt import App, BoltRequest, BoltResponse
from slack_sdk import WebClient

from bots.command import discover
from bots.inbound import Inbound
from bots.intake import Taken
from bots.slack.door import build_app
from bots.slack.http import PATH
from bots.slack.manifest import EVENTS, SCOPES, manifest
from bots.testing.slack.stand import SlackStand
from pipelines.channels.slack import SlackChannel
from store.blobs import MemoryBlobStore
from tieout.errors import InvalidInput
from tieout.model import Principal
from tieout.settings import read_settings

# Slack's documentation: the scopes of a bot's token of which a method needs all that fit where the bot is.
OF_CHANNELS = {"channels:history", "groups:history", "im:history", "mpim:history"}
OF_METHODS: dict[str, set[str]] = {
    "auth.test": set(),
    "apps.connections.open": set(),
    "chat.postMessage": {"chat:write"},
    "chat.postEphemeral": {"chat:write"},
    "chat.update": {"chat:write"},
    "conversations.history": OF_CHANNELS,
    "conversations.info": {"channels:read"},  # without groups:read a private channel is refused, and so not open
    "conversations.open": {"im:write"},
    "conversations.replies": OF_CHANNELS,
    "files.getUploadURLExternal": {"files:write"},
    "files.completeUploadExternal": {"files:write"},
    "views.open": set(),
}
CHANNEL_TYPES = {"channels": "channel", "groups": "group", "im": "im", "mpim": "mpim"}
MADE = manifest([command.name for command in discover()])
BOT_SCOPES = MADE["oauth_config"]["scopes"]["bot"]


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False) as stand:
        yield stand


@pytest.fixture
def taken() -> list[Inbound]:
    return []


@pytest.fixture
def app(stand: SlackStand, taken: list[Inbound]) -> App:
    def take(inbound: Inbound) -> Taken:
        taken.append(inbound)
        return Taken(None, Principal("x", "desk"))

    settings = read_settings(
        slack_bot_token=stand.bot_token, slack_app_token=SecretStr("xapp-x"), slack_api_url=f"{stand.api_url}/"
    )
    return build_app(settings, take)


def dispatched(app: App, body: dict[str, Any]) -> BoltResponse:
    return app.dispatch(BoltRequest(mode="socket_mode", body=body))


def event_body(stand: SlackStand, event: dict[str, Any]) -> dict[str, Any]:
    return {"type": "event_callback", "team_id": stand.identity.team, "event_id": "Ev1", "event": event}


# ---------------------------------------------------------------- what it subscribes to is taken


@pytest.mark.parametrize("subscribed", MADE["settings"]["event_subscriptions"]["bot_events"])
def test_every_event_is_taken(stand: SlackStand, app: App, taken: list[Inbound], subscribed: str) -> None:
    kind, _, where = subscribed.partition(".")
    said = {"type": kind, "channel": "C1", "user": stand.user("ada"), "text": "what now?", "ts": "1.5"}
    said |= {"channel_type": CHANNEL_TYPES[where]} if where else {}
    assert dispatched(app, event_body(stand, said)).status == 200
    assert [inbound.text for inbound in taken] == ["what now?"]


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "bot_message", "pinned_item", "something_new"])
def test_news_of_a_channel_are_acknowledged_and_not_taken(
    stand: SlackStand, app: App, taken: list[Inbound], subtype: str
) -> None:
    said = {"type": "message", "subtype": subtype, "channel": "C1", "user": stand.user("ada"), "text": "x", "ts": "1.5"}
    assert dispatched(app, event_body(stand, said)).status == 200
    assert taken == []


def test_the_command_the_shortcut_and_buttons_are_taken(stand: SlackStand, app: App, taken: list[Inbound]) -> None:
    (command,), (shortcut,) = MADE["features"]["slash_commands"], MADE["features"]["shortcuts"]
    team = {"id": stand.identity.team, "domain": "stand"}
    person = {"team": team, "user": {"id": "U1"}, "channel": {"id": "C1"}, "trigger_id": "1", "token": "t"}
    message = {"ts": "1.5", "text": "this"}
    called = {"command": command["command"], "text": "ask this", "team_id": team["id"], "channel_id": "C1"}
    called |= {"user_id": "U1", "trigger_id": "2"}
    picked = {"type": "message_action", "callback_id": shortcut["callback_id"], "message": message, **person}
    action = {"type": "button", "action_id": "a", "block_id": "b", "value": "cancel:run_1", "action_ts": "1"}
    pressed = {"type": "block_actions", "actions": [action], "message": message, **person}
    assert shortcut["type"] == "message" and MADE["settings"]["interactivity"]["is_enabled"]
    for body in (called, picked, pressed):
        assert dispatched(app, body).status == 200
    assert [(one.text, one.action) for one in taken] == [("ask this", ""), ("this", ""), ("", "cancel:run_1")]


def test_a_person_named_in_a_command_is_known_by_id() -> None:
    """So that `settings askers @ada` means somebody: Slack writes names as `<@U1|ada>` only when told to."""
    assert MADE["features"]["slash_commands"][0]["should_escape"] is True


# ---------------------------------------------------------------- every scope is used, and no other is needed


def use_everything(stand: SlackStand) -> None:
    """Do all that tieout does by the Web API."""
    blobs = MemoryBlobStore()
    sha256 = blobs.put(Principal("x", "desk"), b"report")
    channel = SlackChannel(WebClient(stand.bot_token, base_url=f"{stand.api_url}/"), blobs)
    general, ada = stand.channel("general"), stand.user("ada")
    to = {"channel": general, "thread": ""}
    said: dict[str, Any] = {"workspace": "desk", "to": to, "text": "hello", "blocks": []}
    sent = channel.send("one", said)
    channel.send("two", {**said, "edit": sent["message"]})
    channel.send("three", {**said, "ephemeral": ada})
    channel.send("four", {**said, "to": {**to, "thread": sent["message"]}})
    channel.send("five", {"workspace": "desk", "to": to, "file": {"name": "report.md", "sha256": sha256}})
    assert channel.look_up("one", said) and not channel.look_up("nothing", {**said, "to": to})
    channel.look_up("four", {**said, "to": {**to, "thread": sent["message"]}})
    channel.send("six", {**said, "to": {"person": ada}})
    assert channel.open_to_all(general)
    stand.say(ada, general, "a file", files=[("notes.md", b"# Notes")])
    (posted,) = [file for message in stand.messages(general) for file in message.files if file.name == "notes.md"]
    assert channel.fetch(posted.to_json()["url_private_download"], most=100) == b"# Notes"


def test_the_scopes_are_exactly_those_of_what_is_used(stand: SlackStand) -> None:
    use_everything(stand)
    called = {request.method for request in stand.requests}
    assert all(request.ok for request in stand.requests)
    assert called <= set(OF_METHODS), "say in OF_METHODS which scopes Slack wants for it"
    used = set[str]().union(*(OF_METHODS[method] for method in called), EVENTS.values())
    used |= {"commands", "files:read"}  # of the slash command and the shortcut, and of what people post
    assert set(BOT_SCOPES) == used


def test_no_call_is_made_that_the_exercise_above_does_not_make() -> None:
    """The methods that the code names are those of the table."""
    from pathlib import Path

    root = Path(__file__).parents[3]
    files = [*(root / "bots" / "slack").glob("*.py"), root / "pipelines" / "channels" / "slack.py"]
    named = set(
        re.findall(
            r'"((?:chat|conversations|files|users|reactions|views|apps|auth)\.(?!slack\.com)[a-zA-Z.]+)"',
            "".join(file.read_text() for file in files),
        )
    )
    assert named <= set(OF_METHODS)


def test_a_token_with_these_scopes_can_do_everything(stand: SlackStand) -> None:
    for scope in set(stand.scopes) - set(BOT_SCOPES):
        stand.withdraw_scope(scope)
    use_everything(stand)
    assert all(request.ok for request in stand.requests)


# ---------------------------------------------------------------- its form


def test_over_http_every_address_is_the_one_that_is_served(stand: SlackStand) -> None:
    made = manifest(["ask"], url="https://tieout.example.com/")
    address = f"https://tieout.example.com{PATH}"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == address
    assert made["settings"]["interactivity"]["request_url"] == address
    assert made["features"]["slash_commands"][0]["url"] == address
    assert manifest(["ask"], url=address) == made
    assert manifest(["ask"], url="https://h.example/in/front")["settings"]["interactivity"]["request_url"].endswith(
        f"/in/front{PATH}"
    )


def test_by_socket_mode_there_is_no_address() -> None:
    assert MADE["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(MADE)


@pytest.mark.parametrize(
    "url", ["", "tieout.example.com", "http://h.example", "https://", "https://h/?a=1", "https://[::1"]
)
def test_an_address_that_slack_cannot_post_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="https://"):
        manifest(["ask"], url=url)


def test_it_keeps_to_the_lengths_that_slack_allows() -> None:
    about, (command,), (shortcut,) = (
        MADE["display_information"],
        MADE["features"]["slash_commands"],
        MADE["features"]["shortcuts"],
    )
    lengths: list[tuple[str, int, int]] = [
        (about["name"], 1, 35),
        (about["description"], 1, 140),
        (about["long_description"], 175, 4_000),
        (command["command"], 2, 32),
        (command["description"], 1, 2_000),
        (command["usage_hint"], 1, 1_000),
        (shortcut["name"], 1, 24),
        (shortcut["callback_id"], 1, 255),
        (shortcut["description"], 1, 150),
    ]
    assert [text for text, least, most in lengths if not least <= len(text) <= most] == []
    assert len(BOT_SCOPES) == len(set(BOT_SCOPES)) and all(SCOPES.values())
