"""The addresses under `/stand/` that a page drives the stand by."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from base64 import b64encode
from typing import Any

import pytest
from slack_sdk import WebClient

from bots.testing.slack import SlackStand

Json = dict[str, Any]


def post(stand: SlackStand, action: str, body: Json) -> Json:
    request = urllib.request.Request(
        f"{stand.world.base_url}/stand/{action}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return dict(json.load(response))


def test_a_page_writes_presses_and_reads(stand: SlackStand, client: WebClient) -> None:
    channel, ada = stand.channel("general"), stand.user("ada")
    files = [{"name": "a.txt", "content": b64encode(b"abc").decode()}]
    ts = post(stand, "say", {"user": ada, "channel": channel, "text": "hello", "files": files})["result"]
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "value": "go"}
    reply = client.chat_postMessage(
        channel=channel, text="go?", thread_ts=ts, blocks=[{"type": "actions", "elements": [button]}]
    )["ts"]
    assert post(stand, "click", {"user": ada, "message_ts": reply, "channel": channel, "value": "go"})["ok"]
    assert post(stand, "slash", {"user": ada, "channel": channel, "command": "/ask", "text": "x"})["ok"]
    state = post(stand, "state", {})
    assert state == json.loads(json.dumps(stand.page_state()))
    shown = next(entry for entry in state["channels"] if entry["id"] == channel)
    assert [message["text"] for message in shown["messages"]] == ["hello", "go?"]
    assert shown["messages"][1]["blocks"][0]["elements"][0]["value"] == "go"
    assert state["files"][0]["name"] == "a.txt"


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [("say", {"user": "U1", "channel": "C1", "text": "x"}, 400), ("say", {"nonsense": 1}, 400), ("fly", {}, 404)],
)
def test_what_a_page_cannot_do_is_answered_with_the_reason(
    stand: SlackStand, action: str, body: Json, status: int
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(stand, action, body)
    assert caught.value.code == status
    assert json.load(caught.value)["error"]
    caught.value.close()
