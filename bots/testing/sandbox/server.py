"""Serves the sandbox's page, and passes what it asks for on to the local platforms."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Protocol

import httpx
from aiohttp import ClientSession, ClientTimeout, web

from bots.testing.server import Server

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; "
    "style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}


class Stand(Protocol):
    """A local platform, as far as the page needs it."""

    def page_state(self) -> dict[str, Any]:
        """Return its world as JSON."""
        ...


class Sandbox:
    """The page over stands by platform; enter it to serve on 127.0.0.1."""

    def __init__(self, stands: Mapping[str, Stand], addresses: Mapping[str, str], tokens: Mapping[str, str]) -> None:
        """Take the stands, where each is (`http://…`), and the tokens with which its files are read."""
        self._stands = stands
        self._addresses = addresses
        self._tokens = tokens
        self._server = Server(
            [
                web.get("/", self._page),
                web.get("/{platform}/state", self._state),
                web.post("/{platform}/{action}", self._act),
                web.get("/{platform}/file", self._file),
            ],
            self._close,
        )
        self.url = ""

    def __enter__(self) -> Sandbox:
        self.url = self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    async def _close(self) -> None:
        pass

    async def _page(self, request: web.Request) -> web.Response:  # noqa: ARG002
        page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
        return web.Response(text=page, content_type="text/html", headers=_HEADERS)

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._stand(request).page_state())

    async def _act(self, request: web.Request) -> web.Response:
        self._stand(request)
        url = f"{self._addresses[request.match_info['platform']]}/stand/{request.match_info['action']}"
        async with ClientSession(timeout=ClientTimeout(total=10)) as session:
            answer = await session.post(url, json=await request.json())
            return web.json_response(await answer.json(), status=answer.status)

    async def _file(self, request: web.Request) -> web.Response:
        """Pass on a file of the platform, and of no other address."""
        platform, url = request.match_info["platform"], request.query.get("url", "")
        self._stand(request)
        if httpx.URL(url).netloc != httpx.URL(self._addresses[platform]).netloc:
            raise web.HTTPForbidden(text="Only files of the local platform are shown.")
        headers = {"Authorization": f"Bearer {self._tokens[platform]}"}
        async with ClientSession(timeout=ClientTimeout(total=30)) as session:
            answer = await session.get(url, headers=headers)
            shown = {**_HEADERS, "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}
            return web.Response(body=await answer.read(), content_type=answer.content_type, headers=shown)

    def _stand(self, request: web.Request) -> Stand:
        platform = request.match_info["platform"]
        if platform not in self._stands:
            raise web.HTTPNotFound(text=f"There is no platform {platform!r}.")
        return self._stands[platform]
