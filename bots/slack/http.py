"""Receives Slack's events over HTTP: signed requests to one path, everything else is another application's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bots.slack.manifest import PATH

if TYPE_CHECKING:
    from slack_bolt import App

_MOST = 1_000_000  # bytes of a request; Slack's are far smaller


class SlackHttp:
    """An ASGI application that answers `PATH` and hands everything else to `inner`.

    Bolt checks the signature and the time stamp (300 s) of each request before anything is read from it.
    """

    def __init__(self, app: App, inner: ASGIApp) -> None:
        """Take a Bolt application with a signing secret."""
        self._app = app
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._inner(scope, receive, send)
            return
        answer = await self._answer(Request(scope, receive))
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        from slack_bolt import BoltRequest

        if request.method != "POST":
            return PlainTextResponse("Slack posts its events here.", 405)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST:
                return PlainTextResponse("The request is too large.", 413)
        headers: dict[str, str | Sequence[str]] = {name: [value] for name, value in request.headers.items()}
        try:
            asked = BoltRequest(body=body.decode(), headers=headers, query=request.url.query)
        except ValueError:
            return PlainTextResponse("The request is not what Slack sends.", 400)
        # A commit to the state of record: not in the event loop.
        answer = await asyncio.to_thread(self._app.dispatch, asked)
        plain = {name: values[0] for name, values in answer.headers.items() if name != "content-length"}
        return Response(answer.body or "", answer.status, plain)
