"""Stands, clients and apps for the tests of the stand: real slack_sdk and slack_bolt over real sockets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bots.testing.slack import SlackStand

Connect = Callable[[App], SocketModeHandler]


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False, redeliver_after_s=0.4, ack_within_s=1.0) as stand:
        yield stand


@pytest.fixture
def client(stand: SlackStand) -> WebClient:
    return WebClient(token=stand.bot_token, base_url=stand.api_url + "/")


@pytest.fixture
def app(client: WebClient) -> App:
    quiet = logging.getLogger("tests.slack")
    quiet.setLevel(logging.CRITICAL)
    return App(client=client, logger=quiet, signing_secret="shh", raise_error_for_unhandled_request=False)


@pytest.fixture
def connect(stand: SlackStand) -> Iterator[Connect]:
    """Connect an app by Socket Mode and wait until the stand sees it."""
    with ExitStack() as stack:

        def open_socket(app: App, **options: Any) -> SocketModeHandler:
            handler = SocketModeHandler(app, stand.app_token, ping_interval=0.5, **options)
            before = stand.connections
            handler.connect()
            stack.callback(_close, stand, handler)
            stand.wait_for(lambda: stand.connections > before)
            return handler

        yield open_socket


def _close(stand: SlackStand, handler: SocketModeHandler) -> None:
    """Close at once: the client waits up to three seconds for a socket that is still open."""
    handler.client.auto_reconnect_enabled = False
    stand.drop_sockets()
    handler.close()
