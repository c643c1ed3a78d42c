"""Who may talk to the service, as whom, and with bodies of a sane size.

Three ways in: the folder's own token, whose holder acts for any member; a member's token; a browser's session, which is
a cookie. Browsers send cookies along whoever asks: what a session changes must be asked for by a page of this service.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, unquote, urlsplit

from anyio.to_thread import run_sync
from pydantic import SecretStr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from tieout.errors import InvalidInput, PermissionDenied, TieoutError
from tieout.model import GrantKind, Principal, Role
from tieout.settings import WORKSPACE_NAME

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
COOKIE = "tieout_session"
SIGN_IN = "/sign-in"
_OPEN_PATHS = frozenset({"/health/live", "/health/ready", SIGN_IN})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

type Authenticate = Callable[[SecretStr, GrantKind], Principal | None]


@dataclass(eq=False)
class Refused(Exception):
    """Why somebody does not get in."""

    status: int
    kind: str
    detail: str


class Guard:
    """Refuses foreign Host names (DNS rebinding), who shows nothing valid, other sites' requests, and large bodies.

    It wraps the whole application, so that no route can be forgotten. Routes find whom a request acts for by
    `principal_of`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        token: str,
        authenticate: Authenticate,
        hosts: frozenset[str] = LOOPBACK,
        public_url: str = "",
        max_body: int = 8_000_000,
    ) -> None:
        self._app = app
        self._token = token.encode()
        self._authenticate = authenticate
        public = urlsplit(public_url)
        self._hosts = hosts | ({public.hostname} if public.hostname else frozenset())
        self._origin = f"{public.scheme}://{public.netloc}".lower() if public.netloc else ""
        self._max_body = max_body
        self._too_large = f"The request body is larger than {max_body} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check_place(headers)
            if scope["path"] in _OPEN_PATHS:
                if scope["method"] not in _SAFE:
                    self.check_origin(headers)
            else:
                caller = await run_sync(self._caller, scope["method"], headers)
                if caller is not None:
                    scope.setdefault("state", {})["caller"] = caller
        except Refused as refused:
            await self._refusal(scope, headers, refused)(scope, receive, send)
            return
        except TieoutError as error:  # the database is away
            await problem_response(503, type(error).__name__, error.message)(scope, receive, send)
            return
        await self._limited(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a page's own socket on; any page on the web may open one here, so that only `Origin` tells."""
        headers = Headers(scope=scope)
        try:
            self._check_place(headers)
            self.check_origin(headers)
            await run_sync(self._caller, "GET", headers)
        except (Refused, TieoutError):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    def _check_place(self, headers: Headers) -> None:
        if _host_name(headers.get("host", "")) not in self._hosts:
            raise Refused(421, "WrongHost", "This service does not answer under that host name.")
        if _length(headers) > self._max_body:
            raise Refused(413, "InvalidInput", f"{self._too_large}.")

    def _caller(self, method: str, headers: Headers) -> Principal | None:
        """Return the member that the request acts for; None for the holder of the folder's token. Raises Refused."""
        shown = headers.get("authorization")
        if shown is not None:
            scheme, _, token = shown.partition(" ")
            token = token.strip()
            if scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), self._token):
                return None
            member = self._authenticate(SecretStr(token), GrantKind.TOKEN) if scheme.lower() == "bearer" else None
        else:
            session = session_of(headers)
            member = self._authenticate(session, GrantKind.SESSION) if session is not None else None
            if member is not None and method not in _SAFE:
                self.check_origin(headers)
        if member is None:
            raise Refused(
                401,
                "Unauthorized",
                "Send a token (`Authorization: Bearer TOKEN`; `tieout tokens create` makes one), or sign in with a "
                "browser by the link that `tieout sign-in` prints.",
            )
        return member

    def check_origin(self, headers: Headers) -> None:
        """Raise Refused unless the request comes from a page of this service, as the browser tells."""
        origin = headers.get("origin", "").lower()
        own = {self._origin, f"http://{headers.get('host', '').lower()}"} - {""}
        if origin not in own and not (not origin and headers.get("sec-fetch-site") == "same-origin"):
            raise Refused(403, "CrossSite", "A session only changes things from tieout's own pages.")

    def _refusal(self, scope: Scope, headers: Headers, refused: Refused) -> ASGIApp:
        page = scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        if refused.status == 401 and page and not scope["path"].startswith("/api/"):
            wanted = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            return RedirectResponse(f"{SIGN_IN}?next={quote(wanted, safe='')}", 303)
        challenge = {"WWW-Authenticate": "Bearer"} if refused.status == 401 else None
        return problem_response(refused.status, refused.kind, refused.detail, headers=challenge)

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


def session_of(headers: Headers) -> SecretStr | None:
    """Return the session that a browser shows."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return SecretStr(found.value) if found is not None else None


def principal_of(request: Request) -> Principal:
    """Return whom the caller acts for: a member for themselves, the holder of the folder's token for any member.

    Raises InvalidInput for a role that there is not and for a workspace that cannot be, PermissionDenied for a member
    who names somebody else.
    """
    caller: Principal | None = getattr(request.state, "caller", None)
    default: Principal = caller or request.app.state.principal
    role = request.headers.get("tieout-role", default.role.value)
    try:
        known = Role(role)
    except ValueError as error:
        raise InvalidInput(f"There is no role {role!r}; the roles are {', '.join(Role)}.") from error
    name = unquote(request.headers.get("tieout-principal", "")) or default.id
    workspace = unquote(request.headers.get("tieout-workspace", "")) or default.workspace
    if not re.fullmatch(WORKSPACE_NAME, workspace):
        raise InvalidInput(f"{workspace!r} cannot be a workspace: use letters, digits, - and _.")
    if caller is not None and (name, workspace, known) != (caller.id, caller.workspace, caller.role):
        raise PermissionDenied(
            f"This is {caller.id}'s, a {caller.role} of workspace {caller.workspace}: it acts for nobody else."
        )
    return Principal(name, workspace, known)


def _host_name(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _length(headers: Headers) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0
