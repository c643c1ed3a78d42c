"""The addresses beside the Web API: uploads, downloads and response URLs."""

from __future__ import annotations

import json

from aiohttp import web

from bots.testing.slack.arguments import bearer
from bots.testing.slack.errors import Refusal
from bots.testing.slack.hooks import Hooks
from bots.testing.slack.identity import Json
from bots.testing.slack.world import World


class Addresses:
    """Serves what clients are told to post to or to read from."""

    def __init__(self, world: World, hooks: Hooks) -> None:
        self._world = world
        self._hooks = hooks
        self.downloads: list[str] = []

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/upload/v1/{file}", self.upload),
            web.get("/files-pri/{file}/{name}", self.download),
            web.post("/hooks/{team}/{key}", self.respond),
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """Take the bytes of a file, as they are or as the first part of a form; as many as were announced."""
        file = self._world.files.get(request.match_info["file"])
        if file is None or file.content is not None:
            return web.Response(status=404, text="no such upload")
        content = await _read_content(request)
        if len(content) != file.size:
            return web.Response(status=400, text=f"expected {file.size} bytes, got {len(content)}")
        with self._world.changing():
            file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.Response:
        """Give the bytes of a file to who has the bot's token."""
        file = self._world.files.get(request.match_info["file"].partition("-")[2])
        if bearer(request) != self._world.identity.bot_token or self._world.revoked:
            return web.Response(status=403, text="forbidden")
        if file is None or file.content is None:
            return web.Response(status=404, text="not found")
        self.downloads.append(file.name)
        return web.Response(body=file.content, content_type=file.media_type)

    async def respond(self, request: web.Request) -> web.Response:
        """Take an answer to an interaction."""
        try:
            with self._world.changing():
                self._hooks.respond(request.match_info["key"], _object(await request.text()))
        except Refusal as refusal:
            return web.json_response(refusal.body(), status=max(400, refusal.status))
        return web.Response(text="ok")


async def _read_content(request: web.Request) -> bytes:
    if request.content_type != "multipart/form-data":
        return await request.read()
    for value in (await request.post()).values():
        if isinstance(value, web.FileField):
            return value.file.read()
    return b""


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except ValueError:
        raise Refusal("invalid_payload", status=400) from None
    if not isinstance(value, dict):
        raise Refusal("invalid_payload", status=400)
    return value
