"""A local Discord for tests, with as much of its gateway and REST API as tieout meets, on real sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import WSMessage, web

type Json = dict[str, Any]

TOKEN, APPLICATION, BOT, GUILD, GENERAL, DIRECT, ADA = "t0ken", "700", "701", "800", "801", "802", "900"
_EPOCH_MS = 1_420_070_400_000


class LocalDiscord:
    """One server with one channel, and one person, Ada. What `calls` holds are the REST calls, oldest first."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Json]] = []
        self.messages: dict[str, list[Json]] = {GENERAL: [], DIRECT: []}
        self.channels: dict[str, Json] = {GENERAL: _channel(GENERAL, 0), DIRECT: {"id": DIRECT, "type": 1}}
        self.commands: list[Json] = []
        self.acknowledged: dict[str, Json] = {}  # by the interaction's id
        self.expired: set[str] = set()  # tokens of interactions
        self.refused: dict[str, tuple[int, Json]] = {}  # answers by the end of a path, each given once
        self.close_with = 0  # the gateway's code for who identifies
        self.resumed = self.identified = 0
        self._originals: dict[str, Json] = {}
        self._nonces: dict[str, Json] = {}
        self._sent: list[Json] = []
        self._sockets: list[web.WebSocketResponse] = []
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> LocalDiscord:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def snowflake(self, *, age_s: float = 0.0) -> str:
        """Return an id of now, or of some time ago."""
        return str((int((time.time() - age_s) * 1000 - _EPOCH_MS) << 22) + next(self._numbers))

    def say(self, text: str, channel: str = GENERAL, *, bot: bool = False, id: str = "", **more: Any) -> str:
        """Say something as Ada, or as another bot; return the message's id."""
        said = self._message(channel, text, {**_user(ADA if not bot else "999"), "bot": bot}, id, **more)
        self.emit("MESSAGE_CREATE", self._in_guild(said))
        return str(said["id"])

    def edit(self, id: str, text: str, channel: str = GENERAL, *, edited: bool = True) -> None:
        """Change a message, or only unfold its links."""
        (said,) = (one for one in self.messages[channel] if one["id"] == id)
        said |= {"content": text, "edited_timestamp": _now() if edited else None}
        self.emit("MESSAGE_UPDATE", self._in_guild(said))

    def delete(self, *ids: str, channel: str = GENERAL) -> None:
        """Remove one message, or some at once."""
        where = {"channel_id": channel, "guild_id": GUILD}
        if len(ids) == 1:
            self.emit("MESSAGE_DELETE", {"id": ids[0], **where})
        else:
            self.emit("MESSAGE_DELETE_BULK", {"ids": list(ids), **where})

    def interact(self, type: int, data: Json, channel: str = GENERAL, **more: Any) -> str:
        """Call, press or type; return the interaction's id, which is also its token."""
        id = self.snowflake()
        who: Json = {"user": _user(ADA)}
        if channel != DIRECT:
            who = {"member": {**_member(), "permissions": "0"}, "guild_id": GUILD, "guild": {"id": GUILD}}
        of = {"application_id": APPLICATION, "channel_id": channel, "channel": self.channels[channel]}
        payload = {"id": id, "token": id, "type": type, "version": 1, "attachment_size_limit": 1, "data": data}
        self.emit("INTERACTION_CREATE", {**payload, **of, **who, "entitlements": [], **more})
        return id

    def call(self, name: str, channel: str = GENERAL, **options: str) -> str:
        """Call `/tieout NAME`."""
        return self.interact(2, _call(name, [_option(*one) for one in options.items()]), channel)

    def type(self, name: str, option: str, typed: str) -> str:
        """Type an option."""
        return self.interact(4, _call(name, [{**_option(option, typed), "focused": True}]))

    def press(self, value: str, message: Json) -> str:
        """Press a button of a message."""
        return self.interact(3, {"custom_id": value, "component_type": 2}, message["channel_id"], message=message)

    def emit(self, event: str, data: Json) -> None:
        """Send an event to who is connected; who resumes gets it later."""
        asyncio.run_coroutine_threadsafe(self._emit(event, data), self._loop).result(10)

    def replay(self) -> None:
        """Send everything once more, as a reconnection may."""
        for one in [one for one in self._sent if one["t"] not in ("READY", "GUILD_CREATE")]:
            self.emit(one["t"], one["d"])

    def add_thread(self, id: str) -> None:
        """Add a thread that the client is not told of."""
        self.channels[id], self.messages[id] = {**_channel(id, 11), "parent_id": GENERAL, **_thread()}, []

    def drop(self) -> None:
        """Cut the connections."""
        for socket in self._sockets:
            asyncio.run_coroutine_threadsafe(socket.close(code=1006), self._loop)

    def wait_for[T](self, found: Callable[[], T], patience_s: float = 20.0) -> T:
        """Return what a function finds."""
        began = time.monotonic()
        while not (value := found()):
            assert time.monotonic() - began < patience_s, (self.calls[-5:], self._sent[-3:])
            time.sleep(0.01)
        return value

    @property
    def url(self) -> str:
        """Return where the API is."""
        return f"http://127.0.0.1:{self._port}/api/v10"

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_get("/gateway", self._gateway)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(self._runner.setup())
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        assert self._runner.addresses
        self._port = self._runner.addresses[0][1]
        self._started.set()
        self._loop.run_forever()

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=True)
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}})
        async for message in socket:
            await self._heard(socket, message)
        if socket in self._sockets:
            self._sockets.remove(socket)
        return socket

    async def _heard(self, socket: web.WebSocketResponse, message: WSMessage) -> None:
        told = json.loads(message.data)
        if told["op"] == 1:
            await socket.send_json({"op": 11})
        elif told["op"] == 2:
            self.identified += 1
            if self.close_with:
                await socket.close(code=self.close_with)
                return
            self._sockets.append(socket)
            await self._emit("READY", self._ready())
            await self._emit("GUILD_CREATE", _guild(self.channels[GENERAL]))
        elif told["op"] == 6:
            self.resumed += 1
            self._sockets.append(socket)
            for one in [one for one in self._sent if one["s"] > told["d"]["seq"]]:
                await socket.send_json(one)
            await self._emit("RESUMED", {})

    async def _emit(self, event: str, data: Json) -> None:
        told = {"op": 0, "t": event, "d": data, "s": len(self._sent) + 1}
        self._sent.append(told)
        for socket in list(self._sockets):
            with suppress(ConnectionError):  # it was just cut: who resumes gets it
                await socket.send_json(told)

    async def _rest(self, request: web.Request) -> web.Response:
        path, body = request.match_info["path"], await _body(request)
        self.calls.append((request.method, path, body))
        for end in [end for end in self.refused if path.endswith(end)]:
            status, said = self.refused.pop(end)
            return _json(said, status=status)
        open_ = path.startswith("webhooks/") or path.endswith(("/gateway", "/callback")) or path == "gateway"
        if not open_ and request.headers.get("Authorization") != f"Bot {TOKEN}":
            return _refused(401, 0, "401: Unauthorized")
        return self._route(request, path.split("/"), body)

    def _route(self, request: web.Request, path: list[str], body: Json) -> web.Response:
        match request.method, path:
            case "GET", ["gateway"]:
                return _json({"url": f"ws://127.0.0.1:{self._port}/gateway"})
            case "GET", ["users", "@me"]:
                return _json({**_user(BOT), "bot": True})
            case "GET", ["oauth2", "applications", "@me"]:
                return _json(_application())
            case "GET", ["applications", _, "commands"]:
                return _json(self.commands)
            case "PUT", ["applications", _, "commands"]:
                self.commands = [{**one, "id": self.snowflake(), "version": "1"} for one in body["list"]]
                return _json(self.commands)
            case "POST", ["interactions", id, _, "callback"]:
                return self._acknowledge(id, body)
            case ("PATCH", ["webhooks", _, token, "messages", "@original"]) | ("POST", ["webhooks", _, token]):
                return self._by_token(request.method, token, body)
            case "POST", ["users", "@me", "channels"]:
                return _json(self.channels[DIRECT])
            case "GET", ["channels", id]:
                return _json(self.channels[id]) if id in self.channels else _unknown()
            case "POST", ["channels", channel, "messages", message, "threads"]:
                return self._begin_thread(channel, message, body)
            case "PATCH", ["channels", channel, "messages", message]:
                (said,) = (one for one in self.messages[channel] if one["id"] == message)
                said |= {name: body[name] for name in ("content", "components") if name in body}
                return _json(said)
            case method, ["channels", channel, "messages"]:
                if channel not in self.messages:
                    return _unknown()
                return self._post(channel, body) if method == "POST" else self._list(channel, request)
        return _refused(404, 0, "404: Not Found")

    def _acknowledge(self, id: str, body: Json) -> web.Response:
        if id in self.acknowledged:
            return _refused(400, 40060, "Interaction has already been acknowledged.")
        self.acknowledged[id] = body
        return _json({"interaction": {"id": id, "type": 2}}) if body["type"] != 6 else web.Response(status=204)

    def _by_token(self, method: str, token: str, body: Json) -> web.Response:
        if token in self.expired:
            return _refused(401, 50027, "Invalid Webhook Token")
        if token not in self.acknowledged:
            return _refused(404, 10015, "Unknown Webhook")
        said = self._originals.get(token) if method == "PATCH" else None
        if said is None:
            deferred = self.acknowledged[token].get("data", {}) if method == "PATCH" else body
            flags = deferred.get("flags", 0)
            said = self._message(GENERAL, "", {**_user(BOT), "bot": True}, flags=flags)
        if method == "PATCH":
            self._originals[token] = said
        said |= {name: body[name] for name in ("content", "components") if name in body}
        return _json(said)

    def _begin_thread(self, channel: str, message: str, body: Json) -> web.Response:
        if message in self.channels:
            return _refused(400, 160004, "A thread has already been created for this message")
        thread = {**_channel(message, 11), "parent_id": channel, "name": body["name"], **_thread()}
        self.channels[message], self.messages[message] = thread, []
        self._loop.create_task(self._emit("THREAD_CREATE", thread))
        return _json(thread, status=201)

    def _post(self, channel: str, body: Json) -> web.Response:
        known = self._nonces.get(str(body.get("nonce")))
        if known is None or not body.get("enforce_nonce"):
            files = [
                {"id": "1", "filename": one["filename"], "size": 1, "url": "", "proxy_url": ""}
                for one in body.get("attachments", ())
            ]
            more = {name: body[name] for name in ("components", "message_reference") if name in body}
            known = self._message(channel, body["content"], {**_user(BOT), "bot": True}, attachments=files, **more)
            self._nonces[str(body.get("nonce"))] = known
            self._loop.create_task(self._emit("MESSAGE_CREATE", self._in_guild(known)))
        return _json({**known, "nonce": body.get("nonce")})  # only here: it is lost later

    def _list(self, channel: str, request: web.Request) -> web.Response:
        after, limit = int(request.query.get("after", "0")), int(request.query["limit"])
        said = [one for one in self.messages[channel] if int(one["id"]) > after]
        return _json((said[:limit] if "after" in request.query else said[-limit:])[::-1])

    def _message(self, channel: str, text: str, author: Json, id: str = "", **more: Any) -> Json:
        said = {"id": id or self.snowflake(), "channel_id": channel, "author": author, "content": text, "type": 0}
        empty = {name: [] for name in ("mentions", "mention_roles", "attachments", "embeds", "components")}
        flags = {
            "timestamp": _now(),
            "edited_timestamp": None,
            "tts": False,
            "pinned": False,
            "mention_everyone": False,
        }
        said = {**said, **empty, **flags, **more}
        self.messages[channel].append(said)
        return said

    def _in_guild(self, said: Json) -> Json:
        return said if said["channel_id"] == DIRECT else {**said, "guild_id": GUILD, "member": _member()}

    def _ready(self) -> Json:
        guilds = [{"id": GUILD, "unavailable": True}]
        me = {"user": {**_user(BOT), "bot": True}, "application": {"id": APPLICATION, "flags": 0}}
        return {
            "v": 10,
            "session_id": "s",
            "resume_gateway_url": f"ws://127.0.0.1:{self._port}/gateway",
            "guilds": guilds,
            **me,
        }


async def _body(request: web.Request) -> Json:
    if request.content_type.startswith("multipart/"):
        form = await request.post()
        return dict(json.loads(str(form["payload_json"])))
    text = await request.text()
    body = json.loads(text) if text else {}
    return body if isinstance(body, dict) else {"list": body}


def _json(said: Any, status: int = 200) -> web.Response:
    return web.Response(body=json.dumps(said).encode(), status=status, headers={"Content-Type": "application/json"})


def _refused(status: int, code: int, message: str) -> web.Response:
    return _json({"message": message, "code": code}, status=status)


def _unknown() -> web.Response:
    return _refused(404, 10003, "Unknown Channel")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + ".000000+00:00"


def _user(id: str) -> Json:
    return {"id": id, "username": f"u{id}", "discriminator": "0", "avatar": None, "global_name": None}


def _member() -> Json:
    times = {"joined_at": "2024-01-01T00:00:00+00:00", "premium_since": None}
    return {"user": _user(ADA), "roles": [], "deaf": False, "mute": False, "flags": 0, "nick": None, **times}


def _channel(id: str, type: int) -> Json:
    return {"id": id, "type": type, "guild_id": GUILD, "name": "general", "position": 0, "permission_overwrites": []}


def _thread() -> Json:
    times = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": _now(), "locked": False}
    return {"owner_id": BOT, "message_count": 0, "member_count": 1, "thread_metadata": times}


def _guild(channel: Json) -> Json:
    role = {"id": "850", "name": "tieout", "color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 1}
    role |= {"permissions": "0", "managed": True, "mentionable": False, "flags": 0, "tags": {"bot_id": BOT}}
    lists: Json = {
        name: [] for name in ("members", "emojis", "threads", "presences", "voice_states", "features", "stickers")
    }
    numbers = dict.fromkeys(("verification_level", "default_message_notifications", "explicit_content_filter"), 0)
    numbers |= dict.fromkeys(("mfa_level", "system_channel_flags", "premium_tier", "nsfw_level", "afk_timeout"), 0)
    me = {**_member(), "user": {**_user(BOT), "bot": True}, "roles": ["850"]}
    about = {"id": GUILD, "name": "Desk", "owner_id": ADA, "member_count": 2, "unavailable": False, "roles": [role]}
    return {**lists, **numbers, **about, "channels": [channel], "members": [me], "preferred_locale": "en-US"}


def _application() -> Json:
    team = {"id": APPLICATION, "name": "tieout", "description": "", "icon": None, "bot_public": True, "flags": 0}
    return {**team, "bot_require_code_grant": False, "verify_key": "", "owner": _user(ADA), "summary": "", "team": None}


def _call(name: str, options: list[Json]) -> Json:
    return {"id": "1", "name": "tieout", "type": 1, "options": [{"type": 1, "name": name, "options": options}]}


def _option(name: str, value: str) -> Json:
    return {"type": 3, "name": name, "value": value}
