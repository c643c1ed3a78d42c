"""Socket Mode with the real bolt app: acknowledgements, redelivery, lost and replaced sockets."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bots.testing.slack import SlackStand

Json = dict[str, Any]


def collect(app: App, *types: str) -> list[Json]:
    """Note the whole bodies of these events."""
    bodies: list[Json] = []
    for type in types:
        app.event(type)(lambda body: bodies.append(body))
    return bodies


def test_a_mention_comes_as_a_pair_in_either_order(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message", "app_mention")
    connect(app)
    channel, ada = stand.channel("general"), stand.user("ada")
    for _ in range(2):
        bodies.clear()
        ts = stand.say(ada, channel, "what about P&G?", mention=True)
        stand.wait_for(lambda: len(bodies) == 2)
        assert {body["event"]["type"] for body in bodies} == {"message", "app_mention"}
        assert {body["event"]["ts"] for body in bodies} == {ts}
        assert len({body["event_id"] for body in bodies}) == 2
        assert {body["event"]["text"] for body in bodies} == {f"<@{stand.identity.bot_user}> what about P&amp;G?"}
        stand.wait_for(lambda: len(stand.attempts) % 2 == 0)
    orders = [[body["event"]["type"] for body in stand.events[i : i + 2]] for i in (0, 2)]
    assert orders[0] == orders[1][::-1]
    stand.wait_for(lambda: len(stand.acks) == 4)
    assert all(kind == "events_api" and 0 <= seconds < 3 for kind, seconds in stand.acks)


def test_what_is_not_acknowledged_comes_again_with_a_count(stand: SlackStand) -> None:
    seen: list[SocketModeRequest] = []

    def listen(client: SocketModeClient, request: SocketModeRequest) -> None:
        seen.append(request)
        if len(seen) == 3:
            client.send_socket_mode_response(SocketModeResponse(request.envelope_id))

    with _silent_client(stand, listen):
        ts = stand.say(stand.user("ada"), stand.channel("general"), "hello")
        stand.wait_for(lambda: len(stand.attempts) == 3)
    assert [request.retry_attempt for request in seen] == [0, 1, 2]
    assert [request.retry_reason for request in seen] == ["", "timeout", "timeout"]
    assert len({request.envelope_id for request in seen}) == 3
    assert {request.payload["event"]["ts"] for request in seen} == {ts}
    assert [attempt.acked_s is None for attempt in stand.attempts] == [True, True, False]
    assert len(stand.acks) == 1


def test_an_event_is_given_up_after_three_redeliveries_and_a_click_at_once() -> None:
    with SlackStand(redeliver_after_s=0.1, ack_within_s=0.1) as stand, _silent_client(stand):
        stand.say(stand.user("ada"), stand.channel("general"), "hello")
        stand.slash(stand.user("ada"), stand.channel("general"), "/ask")
        stand.wait_for(lambda: len(stand.lost) == 2)
        assert sorted(attempt.number for attempt in stand.attempts) == [0, 0, 1, 2, 3]
        assert stand.acks == []


def test_a_late_acknowledgement_counts_and_ends_the_redelivery(stand: SlackStand) -> None:
    seen: list[SocketModeRequest] = []

    def listen(client: SocketModeClient, request: SocketModeRequest) -> None:
        seen.append(request)
        if len(seen) == 2:
            client.send_socket_mode_response(SocketModeResponse(seen[0].envelope_id))

    with _silent_client(stand, listen):
        stand.say(stand.user("ada"), stand.channel("general"), "hello")
        stand.wait_for(lambda: len(stand.attempts) == 2)
    ((kind, seconds),) = stand.acks
    assert kind == "events_api"
    assert seconds > 0.4
    assert stand.lost == []


@contextmanager
def _silent_client(
    stand: SlackStand, listen: Callable[[SocketModeClient, SocketModeRequest], None] | None = None
) -> Iterator[SocketModeClient]:
    """Connect a client that acknowledges nothing by itself."""
    client = SocketModeClient(stand.app_token, web_client=WebClient(base_url=stand.api_url + "/"))
    client.socket_mode_request_listeners += [listen] if listen else []
    client.connect()
    try:
        yield client
    finally:
        client.auto_reconnect_enabled = False
        stand.drop_sockets()
        client.close()


def test_a_broken_socket_is_replaced_and_nothing_is_missed(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    stand.drop_sockets()
    stand.wait_for(lambda: stand.connections == 0)
    ts = stand.say(stand.user("ada"), stand.channel("general"), "are you there?")
    stand.wait_for(lambda: bodies)
    assert bodies[0]["event"]["ts"] == ts
    assert stand.connections == 1


def test_an_app_that_is_asked_to_leave_connects_anew(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    stand.ask_sockets_to_leave()
    stand.wait_for(lambda: stand.connections == 1)
    stand.say(stand.user("ada"), stand.channel("general"), "hello")
    stand.wait_for(lambda: stand.attempts and bodies)
    assert stand.attempts[0].connection == 2


def test_several_connections_share_the_events(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    connect(app)
    for number in range(6):
        stand.say(stand.user("ada"), stand.channel("general"), str(number))
    stand.wait_for(lambda: len(stand.attempts) == 6 and len(bodies) == 6)
    assert sorted(body["event"]["text"] for body in bodies) == list("012345")
    assert sorted(attempt.connection for attempt in stand.attempts) == [1, 1, 1, 2, 2, 2]


def test_an_address_opens_one_socket_only(stand: SlackStand) -> None:
    with _silent_client(stand) as client:
        assert client.wss_uri is not None
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(client.wss_uri.replace("ws://", "http://"))
        assert caught.value.code == 403
        caught.value.close()


def test_a_redelivery_may_have_another_event_id(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    ts = stand.say(stand.user("ada"), stand.channel("general"), "once")
    stand.wait_for(lambda: len(bodies) == 1)
    assert stand.redeliver(ts) == 1
    stand.wait_for(lambda: len(bodies) == 2)
    stand.redeliver(ts, new_event_id=True)
    stand.wait_for(lambda: len(bodies) == 3)
    ids = [body["event_id"] for body in bodies]
    assert ids[0] == ids[1] != ids[2]
    assert {body["event"]["ts"] for body in bodies} == {ts}


def test_edits_and_removals_are_told_of(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    ada, channel = stand.user("ada"), stand.direct(stand.user("ada"))
    ts = stand.say(ada, channel, "before", mention=True)
    stand.edit(ada, channel, ts, "after")
    stand.delete(ada, channel, ts)
    stand.wait_for(lambda: len(bodies) == 3)
    events = {body["event"].get("subtype", ""): body["event"] for body in bodies}
    assert events[""]["channel_type"] == "im"
    assert events["message_changed"]["message"]["text"] == "after"
    assert events["message_changed"]["previous_message"]["text"].endswith("before")
    assert events["message_deleted"]["deleted_ts"] == ts


def test_a_removed_parent_leaves_a_tombstone(stand: SlackStand) -> None:
    ada, channel = stand.user("ada"), stand.channel("general")
    parent = stand.say(ada, channel, "question")
    stand.say(stand.user("ben"), channel, "answer", thread=parent)
    stand.delete(ada, channel, parent)
    first, second = stand.messages(channel)
    assert (first.subtype, second.text) == ("tombstone", "answer")


def test_files_of_people_come_with_the_event(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message")
    connect(app)
    stand.say(stand.user("ada"), stand.channel("general"), "read this", files=[("a.csv", b"x,y\n")])
    stand.wait_for(lambda: bodies)
    event = bodies[0]["event"]
    assert (event["subtype"], event["files"][0]["name"], event["files"][0]["size"]) == ("file_share", "a.csv", 4)


def test_nothing_is_told_of_channels_without_the_bot(stand: SlackStand, app: App, connect: Any) -> None:
    bodies = collect(app, "message", "app_mention")
    connect(app)
    ada = stand.user("ada")
    stand.say(ada, stand.channel("lobby"), "psst", mention=True)
    stand.say(ada, stand.channel("general"), "loud")
    stand.wait_for(lambda: bodies)
    assert [body["event"]["text"] for body in bodies] == ["loud"]


def test_a_revoked_token_is_told_of_and_ends_the_events(stand: SlackStand, app: App, connect: Any) -> None:
    revoked = Event()
    app.event("tokens_revoked")(lambda: revoked.set())
    connect(app)
    stand.revoke_token()
    assert revoked.wait(5)
    stand.say(stand.user("ada"), stand.channel("general"), "anyone?")
    stand.wait_for(lambda: len(stand.attempts) == 1)
    assert stand.attempts[0].what == "tokens_revoked"
