"""The Socket Mode connection: whole under bursts, notices within seconds that it is broken, and logs what matters.

slack_sdk's own socket reads frames by recursion: after some hundred that lie ready at once, as after a restart, it
fails in the middle of one, loses what it had read, and takes the rest of the stream for frames. `websockets` does the
reading here, and the pings.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import structlog
from slack_bolt import App
from slack_bolt.adapter.socket_mode.internals import run_bolt_app
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.request import SocketModeRequest
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

_PING_S = 1.0
_SILENT_S = 6.0  # without an answer to a ping, while the network says nothing: it may be only slow
_OPEN_S = 10.0
_LONGEST_PAUSE_S = 30.0  # between tries to connect: Slack hands out few addresses a minute
_WORKERS = 10  # events that are committed at the same time
_log = structlog.get_logger(__name__)
_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)  # a socket that ends is told of by us, in one line


class Line:
    """A connection that hands what comes to a Bolt application, whose answer is the acknowledgement.

    A new socket is opened before the old one is closed when Slack announces its end, and in growing pauses when one
    breaks: Slack sends again what was not acknowledged.
    """

    def __init__(self, app: App, app_token: str) -> None:
        """Take the application and the app-level token; nothing is connected."""
        self._app, self._token = app, app_token
        self._socket: ClientConnection | None = None
        self._ended = threading.Event()
        self._opening = threading.Lock()
        self._workers = ThreadPoolExecutor(_WORKERS, "slack-event")

    def connect(self) -> None:
        """Open the first socket. Raises SlackApiError, OSError or WebSocketException when there is no way."""
        self._connect(instead_of=None)

    def close(self) -> None:
        """Disconnect; what has come is still committed."""
        self._ended.set()
        with self._opening:
            if self._socket is not None:
                self._socket.close()
        self._workers.shutdown()

    def _connect(self, *, instead_of: ClientConnection | None) -> None:
        with self._opening:
            if self._socket is not instead_of or self._ended.is_set():
                return
            url = str(self._app.client.apps_connections_open(app_token=self._token)["url"])
            self._socket = connect(
                url,
                open_timeout=_OPEN_S,
                ping_interval=_PING_S,
                ping_timeout=_SILENT_S,
                close_timeout=1.0,
                max_size=None,
                logger=_quiet,
                legacy=True,  # the connection itself: it outlives this block, and its reader closes it
            )
            threading.Thread(target=self._read, args=(self._socket,), name="slack-socket", daemon=True).start()
        if instead_of is not None:
            instead_of.close()

    def _read(self, socket: ClientConnection) -> None:
        """Take what comes until the socket ends, then see to it that there is another."""
        try:
            for text in socket:  # ends without an error when the other side closes in order
                self._sort(socket, json.loads(text))
        except ConnectionClosed as error:
            if self._is_current(socket):
                _log.info("socket_lost", platform="slack", reason=str(error))
        except Exception:  # nothing that Slack sends; whatever it was, what follows on this socket is not understood
            if not self._ended.is_set():
                _log.exception("socket_unreadable", platform="slack")
            socket.close()
        self._replace(socket)

    def _sort(self, socket: ClientConnection, message: Mapping[str, Any]) -> None:
        request = SocketModeRequest.from_dict(dict(message))
        if request is not None:
            self._workers.submit(self._take, socket, request)
        elif message.get("type") == "disconnect":  # this one still brings what is under way
            threading.Thread(target=self._replace, args=(socket,), name="slack-replace", daemon=True).start()

    def _take(self, socket: ClientConnection, request: SocketModeRequest) -> None:
        """Have an event committed, then acknowledge it. What goes wrong is told by Bolt; the event comes again."""
        try:
            response = run_bolt_app(self._app, request)
            if response.status == HTTPStatus.OK:
                self._send(socket, {"envelope_id": request.envelope_id, **_payload(response)})
        except Exception:
            _log.exception("event_not_taken", platform="slack", envelope=request.envelope_id)

    def _send(self, socket: ClientConnection, answer: Mapping[str, Any]) -> None:
        """Send an acknowledgement, on the new socket when the old one has just ended, or drop it."""
        for way in (socket, self._socket):
            try:
                if way is not None:
                    way.send(json.dumps(answer))
                    return
            except ConnectionClosed:
                with self._opening:  # whoever connects anew is waited for
                    pass
        _log.info("acknowledgement_dropped", reason="the socket has ended; Slack sends the event again")

    def _is_current(self, socket: ClientConnection) -> bool:
        return socket is self._socket and not self._ended.is_set()

    def _replace(self, lost: ClientConnection) -> None:
        """Connect until it succeeds, unless another socket has taken the place of this one already."""
        pause_s = 0.0
        while self._is_current(lost):
            try:
                self._connect(instead_of=lost)
            except (SlackApiError, OSError, WebSocketException) as error:
                pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s or _PING_S)
                _log.warning("socket_not_reached", platform="slack", reason=str(error), next_try_s=pause_s)
                self._ended.wait(pause_s)


def _payload(response: BoltResponse) -> Mapping[str, Any]:
    if not response.body:
        return {}
    kind = response.headers.get("content-type", [""])[0]
    return {"payload": json.loads(response.body) if kind.startswith("application/json") else {"text": response.body}}
