"""What a page needs to show the stand and to act in it: the world as JSON, and addresses under `/stand/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from bots.testing.actions import Actions
from bots.testing.discord.interactions import Modal
from bots.testing.discord.limits import modal_fields
from bots.testing.discord.shapes import DIRECT, THREAD, Json
from bots.testing.discord.world import Channel, World


class Page:
    """Shows and drives. `actions` are the stand's methods by name; their keyword arguments are the posted JSON."""

    def __init__(self, world: World, modals: Mapping[str, Modal], actions: Mapping[str, Callable[..., object]]) -> None:
        self._world, self._modals, self._actions = world, modals, Actions(actions)

    def state(self) -> Json:
        """Return members, channels with their messages, and windows. `changes` grows with every change."""
        with self._world.lock:
            return {
                "changes": self._world.changes,
                "bot": self._world.bot,
                "members": list(self._world.users.values()),
                "channels": [self._channel(one) for one in self._world.channels.values()],
                "modals": [self._modal(one) for one in self._modals.values()],
            }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [web.post("/stand/{action}", self._actions.act)]

    def _channel(self, channel: Channel) -> Json:
        kind = channel.about["type"]
        return {
            "id": channel.about["id"],
            "name": ("↳ " if kind == THREAD else "") + str(channel.about["name"]),
            "is_im": kind == DIRECT,
            "messages": [dict(one) for one in channel.messages.values()],
            "ephemerals": [dict(one) for one in channel.ephemerals],
        }

    def _modal(self, modal: Modal) -> Json:
        about = {"id": modal.id, "user": modal.user, "open": modal.open, "title": modal.content["title"]}
        return {**about, "fields": modal_fields(modal.content)}
