"""Reads what a client sends to a method: JSON, a form, several parts, or a query."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json

_TRUE = (True, 1, "1", "true", "True")


class Arguments:
    """The arguments of one call. Forms carry lists and objects as JSON text."""

    def __init__(self, values: Json, token: str) -> None:
        self.values = values
        self.token = token

    def text(self, name: str) -> str:
        """Return a text, empty when it was not sent."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """Return a text; raises Refusal when it was not sent."""
        value = self.text(name)
        if not value:
            raise Refusal(error, response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a truth value, which forms carry as 1 and 0."""
        return self.values[name] in _TRUE if name in self.values else default

    def number(self, name: str, default: int) -> int:
        """Return a whole number; raises Refusal for anything else."""
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError):
            raise Refusal("invalid_arguments") from None

    def items(self, name: str, error: str) -> list[Json] | None:
        """Return a list of objects, None when it was not sent; raises Refusal for anything else."""
        value = self._structure(name, error)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Refusal(error)
        return value

    def mapping(self, name: str, error: str) -> Json | None:
        """Return an object, None when it was not sent; raises Refusal for anything else."""
        value = self._structure(name, error)
        if value is not None and not isinstance(value, dict):
            raise Refusal(error)
        return value

    def _structure(self, name: str, error: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise Refusal(error) from None


async def read_arguments(request: web.Request) -> Arguments:
    """Return the arguments of a request and its token, from the header or among the arguments."""
    values: Json = dict(request.query)
    if request.content_type == "application/json":
        values |= await _read_json(request)
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        values |= dict(await request.post())
    token = bearer(request) or str(values.pop("token", ""))
    return Arguments(values, token)


def bearer(request: web.Request) -> str:
    """Return the token of the Authorization header, empty when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _read_json(request: web.Request) -> Json:
    body = await request.text()
    try:
        value = json.loads(body) if body else {}
    except ValueError:
        raise Refusal("invalid_json") from None
    if not isinstance(value, dict):
        raise Refusal("json_not_object")
    return value
