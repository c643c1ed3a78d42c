"""The REST API: who may call, how often, and what each path does."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field

from aiohttp import web

from bots.testing.discord import shapes
from bots.testing.discord.errors import (
    NO_ACCESS,
    OTHERS_MESSAGE,
    THREAD_EXISTS,
    UNAUTHORIZED,
    Refusal,
    Trouble,
    Troubles,
)
from bots.testing.discord.gateway import Gateway
from bots.testing.discord.interactions import Files, Interactions, in_guild
from bots.testing.discord.limits import check_message
from bots.testing.discord.rates import RateLimiter
from bots.testing.discord.shapes import DIRECT, Json
from bots.testing.discord.world import Channel, World

_NONCE_S = 300.0  # for which the same nonce is the same message


@dataclass(frozen=True)
class Request:
    """A call, and how it was answered."""

    method: str
    path: str
    status: int
    body: Json = field(default_factory=dict)


class Rest:
    """Answers calls under `/api/v10/`."""

    def __init__(
        self, world: World, gateway: Gateway, interactions: Interactions, rates: RateLimiter, troubles: Troubles
    ) -> None:
        self._world, self._gateway, self._interactions = world, gateway, interactions
        self._rates, self._troubles = rates, troubles
        self.requests: list[Request] = []
        self._nonces: dict[tuple[str, str], tuple[float, Json]] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Answer one call."""
        path, (body, files) = "/" + request.match_info["path"], await _content(request)
        headers: dict[str, str] = {}
        trouble = self._troubles.next(request.method, path) or Trouble()
        try:
            await asyncio.sleep(trouble.wait_s)
            self._check_token(request, path)
            headers = self._rates.spend(request.method, path)
            trouble.check()
            status, answer = self._route(request, path.strip("/").split("/"), body, files)
        except Refusal as refusal:
            status, answer, headers = refusal.status, refusal.body(), {**headers, **refusal.headers}
            if status == 429:
                answer |= {"retry_after": float(refusal.headers["Retry-After"])}
                answer["global"] = "X-RateLimit-Global" in refusal.headers
        with self._world.changing():
            self.requests.append(Request(request.method, path, status, body))
        if trouble.lost and request.transport is not None:
            request.transport.abort()
        if status == 204:
            return web.Response(status=204, headers=headers)
        return web.Response(
            body=json.dumps(answer).encode(), status=status, headers={"Content-Type": "application/json", **headers}
        )

    def _check_token(self, request: web.Request, path: str) -> None:
        free = path.startswith(("/webhooks/", "/interactions/")) or path == "/gateway"
        if not free and request.headers.get("Authorization") != f"Bot {self._world.token}":
            raise UNAUTHORIZED

    def _route(self, request: web.Request, path: list[str], body: Json, files: Files) -> tuple[int, object]:
        world, acts = self._world, self._interactions
        match request.method, path:
            case "GET", ["gateway"] | ["gateway", "bot"]:
                limit = {"total": 1000, "remaining": 999, "reset_after": 3_600_000, "max_concurrency": 1}
                url = world.base_url.replace("http:", "ws:", 1) + "/gateway"
                return 200, {"url": url, "shards": 1, "session_start_limit": limit}
            case "GET", ["users", "@me"]:
                return 200, world.bot
            case "GET", ["users", "@me", "guilds"]:
                return 200, [
                    {"id": world.guild_id, "name": "Desk", "permissions": str(shapes.EVERYONE), "owner": False}
                ]
            case "GET", ["oauth2", "applications", "@me"] | ["applications", "@me"]:
                return 200, self._application()
            case "GET", ["applications", _, "commands"]:
                return 200, world.commands
            case "PUT", ["applications", _, "commands"]:
                world.commands = [{**one, "id": world.snowflake(), "version": "1"} for one in body["list"]]
                return 200, world.commands
            case "GET", ["guilds", guild, *rest] if guild == world.guild_id:
                return 200, self._guild(rest)
            case "POST", ["interactions", id, token, "callback"]:
                told = acts.callback(id, token, body, files)
                return (200, told) if request.query.get("with_response") in ("true", "1", "True") else (204, None)
            case "PATCH", ["webhooks", _, token, "messages", "@original"]:
                return 200, acts.edit_original(token, body, files)
            case "GET", ["webhooks", _, token, "messages", "@original"]:
                return 200, acts.original(token)
            case "POST", ["webhooks", _, token]:
                return 200, acts.follow_up(token, body, files)
            case "POST", ["users", "@me", "channels"]:
                return 200, world.direct(str(body["recipient_id"])).about
            case method, ["channels", channel, *rest]:
                return self._channel(request, method, world.visible(channel), rest, body, files)
        raise Refusal(404, 0, "404: Not Found")

    def _channel(
        self, request: web.Request, method: str, where: Channel, rest: list[str], body: Json, files: Files
    ) -> tuple[int, object]:
        match method, rest:
            case "GET", []:
                return 200, where.about
            case "POST", ["typing"]:
                return 204, None
            case "GET", ["messages"]:
                return 200, self._list(where, request)
            case "POST", ["messages"]:
                return 200, self._post(where, body, files)
            case "POST", ["messages", message, "threads"]:
                return 201, self._begin_thread(where, message, body)
            case "GET", ["messages", message]:
                return 200, self._world.message(where.about["id"], message)
            case "PATCH", ["messages", message]:
                return 200, self._edit(where, message, body, files)
            case "DELETE", ["messages", message]:
                self.remove(where, message)
                return 204, None
        raise Refusal(404, 0, "404: Not Found")

    def _guild(self, rest: list[str]) -> object:
        world = self._world
        match rest:
            case []:
                return {"id": world.guild_id, "name": "Desk", "roles": world.roles()}
            case ["roles"]:
                return world.roles()
            case ["channels"]:
                return [one.about for one in world.channels.values() if one.about["type"] == shapes.TEXT]
            case ["members", user] if user in world.users:
                return world.member(user)
        raise Refusal(404, 10004, "Unknown Guild")

    def _application(self) -> Json:
        world = self._world
        owner = next(one for one in world.users.values() if one["username"] == "ada")
        about = {"id": world.application, "name": "tieout", "description": "", "icon": None, "bot_public": True}
        flags = 1 << 19 if world.intent else 0
        return {
            **about,
            "bot_require_code_grant": False,
            "verify_key": "",
            "owner": owner,
            "team": None,
            "flags": flags,
        }

    def _post(self, where: Channel, body: Json, files: Files) -> Json:
        world, nonce = self._world, str(body.get("nonce") or "")
        check_message(body, files)
        with world.changing():
            id = where.about["id"]
            at, known = self._nonces.get((id, nonce), (0.0, {}))
            if nonce and body.get("enforce_nonce") and known and time.monotonic() - at < _NONCE_S:
                return {**known, "nonce": nonce}
            kept = {name: body[name] for name in ("components", "embeds", "message_reference") if name in body}
            attachments = world.keep_files(id, files)
            said = shapes.message(
                world.snowflake(), id, world.bot, str(body.get("content") or ""), attachments=attachments, **kept
            )
            where.messages[said["id"]] = said
            if nonce:
                self._nonces[id, nonce] = time.monotonic(), said
        self._gateway.emit("MESSAGE_CREATE", in_guild(world, said))
        return {**said, "nonce": nonce} if nonce else said  # only here: it is lost later

    def _edit(self, where: Channel, message: str, body: Json, files: Files) -> Json:
        world = self._world
        said = world.message(where.about["id"], message)
        if said["author"]["id"] != world.bot["id"]:
            raise OTHERS_MESSAGE
        check_message(body, files, edits=True)
        with world.changing():
            said |= {name: body[name] for name in ("content", "components", "embeds") if name in body}
            said["edited_timestamp"] = shapes.now()
        self._gateway.emit("MESSAGE_UPDATE", in_guild(world, said))
        return said

    def remove(self, where: Channel, message: str) -> None:
        """Remove a message and tell of it."""
        world, id = self._world, where.about["id"]
        world.message(id, message)
        with world.changing():
            del where.messages[message]
        guild = {} if where.about["type"] == DIRECT else {"guild_id": world.guild_id}
        self._gateway.emit("MESSAGE_DELETE", {"id": message, "channel_id": id, **guild})

    def _list(self, where: Channel, request: web.Request) -> list[Json]:
        limit = int(request.query.get("limit", "50"))
        if not 1 <= limit <= 100:
            raise Refusal(400, 50035, "Invalid Form Body")
        said = list(where.messages.values())
        if after := request.query.get("after"):
            return [one for one in said if int(one["id"]) > int(after)][:limit][::-1]
        if before := request.query.get("before"):
            said = [one for one in said if int(one["id"]) < int(before)]
        return said[-limit:][::-1]

    def _begin_thread(self, where: Channel, message: str, body: Json) -> Json:
        world = self._world
        if where.about["type"] == DIRECT:
            raise NO_ACCESS
        world.message(where.about["id"], message)
        with world.changing():
            if message in world.channels:
                raise THREAD_EXISTS
            about = shapes.thread(message, where.about, str(body["name"]), world.bot["id"])
            world.channels[message] = Channel(about)
        self._gateway.emit("THREAD_CREATE", {**about, "newly_created": True})
        return about


async def _content(request: web.Request) -> tuple[Json, Files]:
    """Return the JSON of a call and the files that come along."""
    if request.content_type.startswith("multipart/"):
        form = await request.post()
        files = [
            (value.filename, value.content_type, value.file.read())
            for value in form.values()
            if isinstance(value, web.FileField)
        ]
        return dict(json.loads(str(form["payload_json"]))), files
    text = await request.text()
    body = json.loads(text) if text else {}
    return (body if isinstance(body, dict) else {"list": body}), []
