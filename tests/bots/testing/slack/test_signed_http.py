"""Delivery over signed HTTP to a real bolt app, whose own verification accepts or refuses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from slack_bolt import Ack, App, BoltRequest

from bots.testing.slack import ParcelKind, SlackStand

Json = dict[str, Any]
SECRET = "shh"
Serve = Callable[[App], list[dict[str, str]]]


def _handler(app: App, headers: list[dict[str, str]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = app.dispatch(BoltRequest(body=body, headers=dict(self.headers.items())))
            self.send_response(answer.status)
            for name, value in answer.first_headers().items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@pytest.fixture
def serve(stand: SlackStand) -> Iterator[Serve]:
    """Serve an app over HTTP, point the stand to it, return the list of the requests' headers."""
    with ExitStack() as stack:

        def start(app: App) -> list[dict[str, str]]:
            headers: list[dict[str, str]] = []
            server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(app, headers))
            stack.callback(server.server_close)
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            stand.use_http(f"http://127.0.0.1:{server.server_port}/slack/events", SECRET)
            return headers

        yield start


def test_events_commands_and_clicks_pass_the_verification(stand: SlackStand, app: App, serve: Serve) -> None:
    seen: list[str] = []
    app.event("app_mention")(lambda event: seen.append(event["text"]))
    app.event("message")(lambda: None)

    @app.command("/ask")
    def ask(ack: Ack, command: Json) -> None:
        ack(f"asking {command['text']}")

    serve(app)
    assert stand.verify_url()
    channel, ada = stand.channel("general"), stand.user("ada")
    stand.say(ada, channel, "hello", mention=True)
    stand.slash(ada, channel, "/ask", "ünï & cödé")
    stand.wait_for(lambda: len(stand.acks) == 3 and seen)
    assert seen == [f"<@{stand.identity.bot_user}> hello"]
    assert [message.text for message in stand.ephemerals(channel)] == ["asking ünï & cödé"]


def test_a_wrong_or_stale_signature_is_refused(stand: SlackStand, app: App, serve: Serve) -> None:
    serve(app)
    payload = {"type": "event_callback", "team_id": stand.identity.team, "event": {"type": "message"}}
    assert stand.send_signed(payload, secret="another")[0] == 401
    assert stand.send_signed(payload, age_s=301)[0] == 401
    assert stand.send_signed(payload, age_s=290)[0] in (200, 404)
    assert stand.send_signed({"command": "/x"}, ParcelKind.COMMAND, secret="another")[0] == 401


def test_a_late_answer_brings_the_event_again_with_retry_headers(stand: SlackStand, app: App, serve: Serve) -> None:
    hang, calls = Event(), []

    @app.event("message")
    def listen(request: BoltRequest) -> None:
        calls.append(request)

    @app.middleware
    def slow(next: Callable[[], None]) -> None:
        if not hang.is_set():
            hang.set()
            Event().wait(1.5)
        next()

    headers = serve(app)
    stand.say(stand.user("ada"), stand.channel("general"), "hello")
    stand.wait_for(lambda: stand.acks)
    assert "x-slack-retry-num" not in headers[0]
    assert (headers[1]["x-slack-retry-num"], headers[1]["x-slack-retry-reason"]) == ("1", "http_timeout")
    stand.wait_for(lambda: len(calls) == 2)


def test_an_app_that_is_not_there_is_tried_four_times() -> None:
    with SlackStand(redeliver_after_s=0.05) as stand:
        stand.use_http("http://127.0.0.1:9/", SECRET)
        stand.say(stand.user("ada"), stand.channel("general"), "hello")
        stand.wait_for(lambda: stand.lost)
        assert [attempt.reason for attempt in stand.attempts] == ["", *["connection_failed"] * 3]
