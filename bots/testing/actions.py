"""Lets a page act in a stand: the stand's methods, each at an address of its own."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web


class Actions:
    """Serves `/stand/<action>`. The posted JSON holds a method's keyword arguments."""

    def __init__(self, actions: Mapping[str, Callable[..., object]]) -> None:
        self._actions = actions

    async def act(self, request: web.Request) -> web.Response:
        """Do what the address names; answer with its result, or with what was wrong."""
        action = self._actions.get(request.match_info["action"])
        if action is None:
            return web.json_response({"ok": False, "error": "unknown action"}, status=404)
        try:
            result = action(**_with_bytes(await request.json()))
        except (LookupError, TypeError, ValueError) as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        return web.json_response({"ok": True, "result": result})


def _with_bytes(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments with the content of files, which comes in base64, as bytes."""
    if "files" not in arguments:
        return arguments
    return {**arguments, "files": [(file["name"], b64decode(file["content"])) for file in arguments["files"]]}
