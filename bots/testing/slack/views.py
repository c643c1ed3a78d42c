"""Modals: opened with a trigger that is good once, for three seconds."""

from __future__ import annotations

import secrets
import time
from copy import deepcopy
from dataclasses import dataclass

from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.payloads import complete_blocks
from bots.testing.slack.world import World

TRIGGER_S = 3.0


@dataclass
class View:
    """A modal on a person's screen. `errors` are those that the app gave for the last submission."""

    id: str
    user: str
    content: Json
    hash: str
    open: bool = True
    errors: Json | None = None

    def to_json(self, team: str, bot: str, app: str) -> Json:
        """Return the view as the API and interactions show it."""
        return {
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            **deepcopy(self.content),
            "id": self.id,
            "team_id": team,
            "app_id": app,
            "bot_id": bot,
            "app_installed_team_id": team,
            "hash": self.hash,
            "root_view_id": self.id,
            "previous_view_id": None,
            "state": {"values": {}},
        }


class Views:
    """The modals of the team and the triggers that may open one."""

    def __init__(self, world: World) -> None:
        self.views: dict[str, View] = {}
        self._world = world
        self._triggers: dict[str, tuple[str, float]] = {}
        self._used: set[str] = set()

    def trigger(self, user: str) -> str:
        """Return a new trigger id for this person."""
        trigger = f"{self._world.ids.next('1')}.{secrets.token_hex(8)}"
        self._triggers[trigger] = (user, time.monotonic() + TRIGGER_S)
        return trigger

    def open(self, trigger: str, content: Json) -> View:
        """Put a modal on the screen of the trigger's person."""
        user = self._spend(trigger)
        _check(content)
        with self._world.changing():
            view = View(self._world.ids.next("V"), user, _complete(content), self._hash())
            self.views[view.id] = view
            return view

    def update(self, id: str, external_id: str, content: Json, hash: str = "") -> View:
        """Show something else in an open modal; with a hash only if nothing was shown since."""
        view = self._find(id, external_id)
        if hash and hash != view.hash:
            raise Refusal("hash_conflict")
        _check(content)
        with self._world.changing():
            view.content, view.hash = _complete(content), self._hash()
            return view

    def answer(self, view: View, body: Json) -> None:
        """Do what the app answered to a submission: close, show errors, or show something else."""
        action = body.get("response_action", "")
        if action in ("update", "push"):
            self.update(view.id, "", body["view"])
            return
        with self._world.changing():
            view.errors = body.get("errors") if action == "errors" else None
            view.open = action == "errors"

    def show(self, view: View) -> Json:
        """Return the JSON of a view."""
        identity = self._world.identity
        return view.to_json(identity.team, identity.bot, identity.app)

    def _spend(self, trigger: str) -> str:
        if trigger in self._used:
            raise Refusal("exchanged_trigger_id")
        user, expires = self._triggers.get(trigger, ("", 0.0))
        if not user:
            raise Refusal("invalid_trigger_id")
        if time.monotonic() > expires:
            raise Refusal("expired_trigger_id")
        self._used.add(trigger)
        return user

    def _find(self, id: str, external_id: str) -> View:
        for view in self.views.values():
            if view.id == id or (external_id and view.content.get("external_id") == external_id):
                return view
        raise Refusal("not_found")

    def _hash(self) -> str:
        return f"{int(time.time())}.{secrets.token_hex(4)}"


def _complete(content: Json) -> Json:
    return {**deepcopy(content), "blocks": complete_blocks(content["blocks"])}


def _check(content: Json) -> None:
    title, blocks = content.get("title"), content.get("blocks")
    wrong = content.get("type") != "modal" or not isinstance(title, dict) or not isinstance(blocks, list)
    if wrong or len(blocks or []) > 100 or len((title or {}).get("text", "")) > 24:
        raise Refusal("invalid_arguments", response_metadata={"messages": ["[ERROR] the view is not a modal"]})
