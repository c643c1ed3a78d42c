"""The Web API over HTTP: reads a call, answers it, and writes both into the journal."""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from bots.testing.slack.arguments import Arguments, read_arguments
from bots.testing.slack.errors import Limited, Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.journal import Journal, Request
from bots.testing.slack.methods.method import Context, Method
from bots.testing.slack.methods.table import METHODS
from bots.testing.slack.rates import RateLimiter
from bots.testing.slack.troubles import Trouble, Troubles


class Endpoint:
    """Serves `/api/<method>`. `scopes` are those of the bot's token."""

    def __init__(
        self, context: Context, journal: Journal, limiter: RateLimiter, troubles: Troubles, scopes: set[str]
    ) -> None:
        self.scopes = scopes
        self._context = context
        self._journal = journal
        self._limiter = limiter
        self._troubles = troubles

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        began, name = time.monotonic(), request.match_info["method"]
        arguments = Arguments({}, "")
        trouble = self._troubles.next(name) or Trouble()
        await asyncio.sleep(trouble.wait_s)
        try:
            arguments = await read_arguments(request)
            answer, status, headers = self._answer(name, arguments, trouble), 200, {}
        except Refusal as refusal:
            answer, status, headers = refusal.body(), refusal.status, refusal.headers
        headers = headers | self._scopes_of(arguments.token)
        seconds = time.monotonic() - began
        self._journal.called(
            Request(name, seconds, answer["ok"], answer.get("error", ""), arguments.values, time.time())
        )
        if trouble.lost and request.transport is not None:
            request.transport.abort()
        return web.json_response(answer, status=status, headers=headers)

    def _answer(self, name: str, arguments: Arguments, trouble: Trouble) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", req_method=name)
        self._authorize(method, arguments.token)
        if trouble.retry_after_s:
            raise Limited(trouble.retry_after_s)
        if trouble.error:
            raise Refusal(trouble.error, status=trouble.status)
        with self._context.world.changing():
            self._limiter.take(name, arguments.text("channel"))
            return {"ok": True, **method.call(self._context, arguments)}

    def _scopes_of(self, token: str) -> dict[str, str]:
        """Return the header that names the scopes of a token, on every answer to who shows one."""
        identity = self._context.world.identity
        if token == identity.bot_token:
            return {"x-oauth-scopes": ",".join(sorted(self.scopes))}
        return {"x-oauth-scopes": "connections:write"} if token == identity.app_token else {}

    def _authorize(self, method: Method, token: str) -> None:
        world = self._context.world
        if not token:
            raise Refusal("not_authed")
        if token not in (world.identity.bot_token, world.identity.app_token):
            raise Refusal("invalid_auth")
        if method.by_app != (token == world.identity.app_token):
            raise Refusal("not_allowed_token_type")
        if world.revoked and not method.by_app:
            raise Refusal("token_revoked")
        if method.scope and method.scope not in self.scopes:
            raise Refusal("missing_scope", needed=method.scope, provided=",".join(sorted(self.scopes)))
