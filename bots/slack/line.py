"""The Socket Mode connection: notices within seconds that it is broken, and tells apart what is worth a log line.

slack_sdk pings every ten seconds and gives a socket up after five pings that failed: a bot is deaf for a minute after
a proxy's or Slack's restart. What it logs at a socket that ends (a stack trace for each acknowledgement that came too
late, an error for each ping) looks like a fault and is none: Slack sends again what was not acknowledged.
"""

from __future__ import annotations

import time

import structlog
from slack_bolt import App
from slack_bolt.adapter.socket_mode.internals import run_bolt_app, send_response
from slack_sdk.errors import SlackClientNotConnectedError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

_PING_S = 1.0
_SILENT_S = 6.0  # without an answer to any ping, while the network says nothing: it may be only slow
_LONGEST_PAUSE_S = 30.0  # between tries to connect: Slack hands out few addresses a minute
_log = structlog.get_logger(__name__)


class Line(SocketModeClient):
    """A client that hands what comes to a Bolt application, whose answer is the acknowledgement."""

    def __init__(self, app: App, app_token: str) -> None:
        """Take the application and the app-level token; nothing is connected."""
        super().__init__(app_token, logger=app.logger, web_client=app.client, ping_interval=_PING_S)
        self._app = app
        self._pause_s = 0.0
        self._next_try = 0.0
        self.socket_mode_request_listeners.append(self._take)

    def send_message(self, message: str) -> None:
        """Send an acknowledgement, on the new socket when the old one has just ended, or drop it."""
        for _ in range(2):
            try:
                if self.current_session is not None:
                    self.current_session.send(message)
                    return
            except SlackClientNotConnectedError:
                with self.connect_operation_lock:  # whoever connects anew is waited for
                    pass
        _log.info("acknowledgement_dropped", reason="the socket has ended; Slack sends the event again")

    def _take(self, _client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        began = time.time()
        send_response(self, request, run_bolt_app(self._app, request), began)

    def _on_error(self, error: Exception) -> None:
        """Log an error of the socket: its end is none, nor is what threads meet that still read while it is closed."""
        if self.closed or isinstance(error, OSError) or not self.is_connected():
            _log.info("socket_lost", platform="slack", reason=type(error).__name__)
        else:
            super()._on_error(error)

    def _monitor_current_session(self) -> None:
        """Ping; give a socket up that does not carry it or stays silent; connect anew. Called every `_PING_S`."""
        session = self.current_session
        if session is None or self.closed:
            return
        if session.is_active() and not _answers(session):
            session.disconnect()
        if session.is_active():
            self._pause_s = self._next_try = 0.0
        elif self.auto_reconnect_enabled and time.monotonic() >= self._next_try:
            self._connect_anew()

    def _connect_anew(self) -> None:
        """Connect; the next try comes later each time, as an address may be had and its socket not."""
        self._pause_s = min(_LONGEST_PAUSE_S, 2 * self._pause_s or _PING_S)
        self._next_try = time.monotonic() + self._pause_s
        try:
            self.connect_to_new_endpoint()
        except Exception as error:  # the API does not answer, or refuses: it may not for ever
            _log.warning("socket_not_reached", platform="slack", reason=str(error), next_try_s=self._pause_s)


def _answers(session: Connection) -> bool:
    """Send a ping; return whether the socket took it and was not silent for too long."""
    try:
        session.ping(f"{session.session_id}:{time.time()}")
    except OSError as error:  # of TLS, too
        _log.info("socket_lost", platform="slack", reason=type(error).__name__)
        return False
    if session.last_ping_pong_time is None:
        session.last_ping_pong_time = time.time()  # the handshake was an answer
    silent = time.time() - session.last_ping_pong_time > _SILENT_S
    if silent:
        _log.info("socket_lost", platform="slack", reason=f"silent for {_SILENT_S:g} s")
    return not silent
