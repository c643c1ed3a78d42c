"""The gateway: sessions that survive their sockets, and get what they missed when they resume."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from bots.testing.discord import shapes
from bots.testing.discord.shapes import DIRECT, THREAD, Json
from bots.testing.discord.world import Channel, World

_CONTENT = 1 << 15  # the intent
_PRIVILEGED = _CONTENT | 1 << 1 | 1 << 8
_DISPATCH, _HEARTBEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 0, 1, 2, 6, 7, 9, 10, 11


@dataclass(eq=False)
class Session:
    """One identification of the bot, and all that it was or should have been sent."""

    id: str
    intents: int
    sent: list[Json] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None


class Gateway:
    """Sends events to the sessions. `emit` may be called from any thread once the stand serves."""

    def __init__(self, world: World, *, heartbeat_ms: int = 41_250) -> None:
        self._world = world
        self._heartbeat_ms = heartbeat_ms
        self.sessions: dict[str, Session] = {}
        self.identified = self.resumed = self.beats = 0
        self._transports: dict[web.WebSocketResponse, asyncio.Transport | None] = {}
        self.loop: asyncio.AbstractEventLoop | None = None

    def emit(self, event: str, data: Json) -> None:
        """Send an event to every session; one without a socket gets it when it resumes."""
        assert self.loop is not None
        with self._world.changing():
            for session in self.sessions.values():
                told = {"op": _DISPATCH, "t": event, "s": len(session.sent) + 1, "d": self._seen(session, event, data)}
                session.sent.append(told)
                if session.socket is not None:
                    asyncio.run_coroutine_threadsafe(_send(session.socket, told), self.loop)

    def again(self, most: int) -> int:
        """Send the newest events of messages and interactions once more; return how many."""
        with self._world.lock:
            sent = [one for each in self.sessions.values() for one in each.sent[-10 * most :]]
        old = [one for one in sent if one["t"] in _REPEATED][-most:]
        for one in old:
            self.emit(one["t"], one["d"])
        return len(old)

    def count(self) -> int:
        """Return how many sockets take events."""
        with self._world.lock:
            return sum(session.socket is not None for session in self.sessions.values())

    async def drop(self) -> None:
        """Break all sockets off without a word."""
        for transport in list(self._transports.values()):
            if transport is not None:
                transport.abort()

    async def ask_to_reconnect(self) -> None:
        """Ask all to connect anew and resume."""
        for socket in list(self._transports):
            await _send(socket, {"op": _RECONNECT, "d": None})

    def forget(self) -> None:
        """Let no session be resumed."""
        with self._world.changing():
            self.sessions = {id: one for id, one in self.sessions.items() if one.socket is not None}
            for session in self.sessions.values():
                session.id = secrets.token_hex(8)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Keep one socket until either side ends it."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self._transports[socket] = request.transport
        session: Session | None = None
        try:
            await _send(socket, {"op": _HELLO, "d": {"heartbeat_interval": self._heartbeat_ms}})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session = await self._heard(socket, json.loads(message.data)) or session
        finally:
            self._transports.pop(socket, None)
            with self._world.changing():
                if session is not None and session.socket is socket:
                    session.socket = None
        return socket

    async def _heard(self, socket: web.WebSocketResponse, told: Json) -> Session | None:
        if told["op"] == _HEARTBEAT:
            self.beats += 1
            await _send(socket, {"op": _ACK})
        elif told["op"] == _IDENTIFY:
            return await self._identify(socket, told["d"])
        elif told["op"] == _RESUME:
            return await self._resume(socket, told["d"])
        return None

    async def _identify(self, socket: web.WebSocketResponse, about: Json) -> Session | None:
        world = self._world
        intents = int(about.get("intents") or 0)
        if about["token"].removeprefix("Bot ") != world.token:
            await socket.close(code=4004, message=b"Authentication failed.")
            return None
        if intents & _PRIVILEGED and not world.intent:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return None
        session = Session(secrets.token_hex(8), intents)
        ready = {
            "v": 10,
            "user": world.bot,
            "guilds": [{"id": world.guild_id, "unavailable": True}],
            "session_id": session.id,
            "resume_gateway_url": world.base_url.replace("http:", "ws:", 1) + "/gateway",
            "application": {"id": world.application, "flags": 1 << 19},
        }
        with world.changing():
            self.identified += 1
            self.sessions[session.id] = session
            session.socket = socket
            open_ones = [one for one in world.channels.values() if world.sees(world.bot["id"], one)]
            channels = [told_of(one) for one in open_ones if one.about["type"] not in (DIRECT, THREAD)]
            guild = shapes.guild(world.guild_id, "1", channels, world.roles(), [world.member(world.bot["id"])])
            guild["threads"] = [told_of(one) for one in open_ones if one.about["type"] == THREAD]
            first = [("READY", ready), ("GUILD_CREATE", guild)]
            session.sent = [{"op": 0, "t": name, "s": n, "d": data} for n, (name, data) in enumerate(first, 1)]
            to_send = list(session.sent)
        for one in to_send:
            await _send(socket, one)
        return session

    async def _resume(self, socket: web.WebSocketResponse, about: Json) -> Session | None:
        session = next((one for one in self.sessions.values() if one.id == about["session_id"]), None)
        if session is None or about["token"].removeprefix("Bot ") != self._world.token:
            await _send(socket, {"op": _INVALID, "d": False})
            return None
        with self._world.changing():
            self.resumed += 1
            missed = [one for one in session.sent if one["s"] > int(about["seq"] or 0)]
            resumed = {"op": _DISPATCH, "t": "RESUMED", "s": len(session.sent) + 1, "d": {}}
            session.sent.append(resumed)
            session.socket = socket
        for one in (*missed, resumed):
            await _send(socket, one)
        return session

    def _seen(self, session: Session, event: str, data: Json) -> Json:
        """Return the event without what needs an intent that the session does not have."""
        if not event.startswith("MESSAGE_") or session.intents & _CONTENT or "content" not in data:
            return data
        me = self._world.bot["id"]
        named = any(one["id"] == me for one in data.get("mentions") or ())
        if named or "guild_id" not in data or (data.get("author") or {}).get("id") == me:
            return data
        return {**data, "content": "", "attachments": [], "embeds": [], "components": []}


_REPEATED = frozenset({"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "INTERACTION_CREATE"})


def told_of(channel: Channel) -> Json:
    """Return a channel with the id of its last message."""
    return {**channel.about, "last_message_id": next(reversed(channel.messages), None)}


async def _send(socket: web.WebSocketResponse, told: Json) -> None:
    with suppress(ConnectionError):  # it was just cut: who resumes gets it
        await socket.send_str(json.dumps(told))
