"""Socket Mode: several connections of the app that share its envelopes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from dataclasses import dataclass
from uuid import uuid4

from aiohttp import WSMsgType, web

from bots.testing.slack.identity import Json
from bots.testing.slack.journal import Journal
from bots.testing.slack.parcels import Parcel, ParcelKind
from bots.testing.slack.world import World


@dataclass(eq=False)
class Connection:
    """One open socket. A leaving one was told to go and gets nothing new."""

    number: int
    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    leaving: bool = False


class Sockets:
    """Hands out addresses, sends envelopes to the connections in turn, matches acknowledgements."""

    def __init__(self, world: World, journal: Journal, event_patience_s: float, person_patience_s: float) -> None:
        self._event_patience_s = event_patience_s
        self._person_patience_s = person_patience_s
        self._world = world
        self._journal = journal
        self._tickets: set[str] = set()
        self._connections: list[Connection] = []
        self._arrival = asyncio.Event()
        self._opened = 0
        self._sent: dict[str, tuple[Parcel, float]] = {}  # by envelope, with the time of sending

    def address(self) -> str:
        """Return a ws:// address that opens one connection."""
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        base = self._world.base_url.replace("http://", "ws://", 1)
        return f"{base}/link/?ticket={ticket}&app_id={self._world.identity.app}"

    def count(self) -> int:
        """Return how many connections take envelopes."""
        return sum(not connection.leaving for connection in self._connections)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Keep one connection until either side ends it."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._opened += 1
        connection = Connection(self._opened, socket, request.transport)
        with self._world.changing():
            self._connections.append(connection)
        self._arrival.set()
        try:
            await self._listen(connection)
        finally:
            with self._world.changing():
                self._connections.remove(connection)
        return socket

    async def attempt(self, parcel: Parcel) -> str:
        """Send on the connection whose turn it is. An event waits for one as long as it takes, a person does not."""
        event = parcel.kind is ParcelKind.EVENT
        patience_s = self._event_patience_s if event else self._person_patience_s
        connection = await self._next_connection(None if event else patience_s)
        if connection is None:
            return "connection_failed"
        envelope, sent = str(uuid4()), time.monotonic()
        self._sent[envelope] = (parcel, sent)
        with contextlib.suppress(ConnectionError):
            await connection.socket.send_str(json.dumps(_envelope(envelope, parcel)))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(parcel.answered.wait(), patience_s)
        acked_s = time.monotonic() - sent if parcel.answered.is_set() else None
        self._journal.attempted(parcel.report(connection.number, acked_s))
        return "timeout" if acked_s is None else ""

    async def ask_to_leave(self, reason: str, linger_s: float = 1.0) -> None:
        """Send `disconnect` on every connection, use them no more, and close those that stay too long."""
        for connection in list(self._connections):
            connection.leaving = True
            with contextlib.suppress(ConnectionError):
                await connection.socket.send_json(
                    {"type": "disconnect", "reason": reason, "debug_info": {"host": "stand"}}
                )
            asyncio.get_running_loop().call_later(linger_s, self._drop, connection)

    def drop(self) -> None:
        """Break every connection off without a word."""
        for connection in list(self._connections):
            connection.leaving = True
            self._drop(connection)

    @staticmethod
    def _drop(connection: Connection) -> None:
        if connection.transport is not None:
            connection.transport.abort()

    async def _listen(self, connection: Connection) -> None:
        await connection.socket.send_json(self._hello())
        async for message in connection.socket:
            if message.type is WSMsgType.TEXT:
                self._take_ack(json.loads(message.data))

    def _take_ack(self, ack: Json) -> None:
        entry = self._sent.pop(ack.get("envelope_id", ""), None)
        if entry is None:
            return
        parcel, sent = entry
        seconds = time.monotonic() - sent
        parcel.answer(ack.get("payload") or {})
        self._journal.acked(parcel.kind, seconds)

    async def _next_connection(self, patience_s: float | None) -> Connection | None:
        while (connection := self._choose()) is None:
            self._arrival.clear()
            try:
                await asyncio.wait_for(self._arrival.wait(), patience_s)
            except TimeoutError:
                return None
        return connection

    def _choose(self) -> Connection | None:
        """Return the connection that was used longest ago."""
        for connection in self._connections:
            if not connection.leaving and not connection.socket.closed:
                self._connections.remove(connection)
                self._connections.append(connection)
                return connection
        return None

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.count(),
            "connection_info": {"app_id": self._world.identity.app},
            "debug_info": {"host": "stand", "build_number": 1, "approximate_connection_time": 18060},
        }


def _envelope(id: str, parcel: Parcel) -> Json:
    accepts = parcel.kind is not ParcelKind.EVENT
    envelope = {
        "envelope_id": id,
        "type": parcel.kind,
        "payload": parcel.payload,
        "accepts_response_payload": accepts,
    }
    if accepts:
        return envelope
    return {**envelope, "retry_attempt": parcel.attempt, "retry_reason": parcel.reason}
