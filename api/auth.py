"""Who may talk to the service: holders of its token, under a name of its own, with bodies of a sane size."""

from __future__ import annotations

import hmac
import re
from urllib.parse import unquote

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from tieout.errors import InvalidInput
from tieout.model import Principal, Role
from tieout.settings import WORKSPACE_NAME

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_OPEN_PATHS = frozenset({"/health/live", "/health/ready"})


class Guard:
    """Refuses foreign Host names (DNS rebinding), missing or wrong tokens, and bodies that are too large.

    It wraps the whole application, so that no route can be forgotten.
    """

    def __init__(
        self, app: ASGIApp, *, token: str, hosts: frozenset[str] = LOOPBACK, max_body: int = 8_000_000
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = hosts
        self._max_body = max_body
        self._too_large = f"The request body is larger than {max_body} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _host_name(headers.get("host", "")) not in self._hosts:
            refusal = problem_response(421, "WrongHost", "This service does not answer under that host name.")
        elif scope["path"] not in _OPEN_PATHS and not self._allowed(headers):
            refusal = problem_response(
                401,
                "Unauthorized",
                "Send the token of runtime.json in the data folder: `Authorization: Bearer TOKEN`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        elif _length(headers) > self._max_body:
            refusal = problem_response(413, "InvalidInput", f"{self._too_large}.")
        else:
            await self._limited(scope, receive, send)
            return
        await refusal(scope, receive, send)

    def _allowed(self, headers: Headers) -> bool:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what arrives: a chunked body has no length to look at beforehand."""
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._max_body:
                raise HTTPException(413, self._too_large)
            return message

        await self._app(scope, counted, send)


def principal_of(request: Request) -> Principal:
    """Return whom the caller acts for: the holder of the folder's token may act for any member of it.

    Raises InvalidInput for a role that there is not and for a workspace that cannot be.
    """
    default: Principal = request.app.state.principal
    role = request.headers.get("tieout-role", default.role.value)
    try:
        known = Role(role)
    except ValueError as error:
        raise InvalidInput(f"There is no role {role!r}; the roles are {', '.join(Role)}.") from error
    name = unquote(request.headers.get("tieout-principal", "")) or default.id
    workspace = unquote(request.headers.get("tieout-workspace", "")) or default.workspace
    if not re.fullmatch(WORKSPACE_NAME, workspace):
        raise InvalidInput(f"{workspace!r} cannot be a workspace: use letters, digits, - and _.")
    return Principal(name, workspace, known)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0
