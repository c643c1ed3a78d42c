"""What a page needs to show the stand and to act in it: the world as JSON, and addresses under `/stand/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web

from bots.testing.actions import Actions
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.people import Channel
from bots.testing.slack.views import Views
from bots.testing.slack.world import World


class Page:
    """Shows and drives. `actions` are the stand's methods by name; their keyword arguments are the posted JSON."""

    def __init__(self, world: World, views: Views, actions: Mapping[str, Callable[..., object]]) -> None:
        self._world = world
        self._views = views
        self._actions = Actions(actions)

    def state(self) -> Json:
        """Return team, users, channels with their messages, files and modals. `changes` grows with every change."""
        world = self._world
        with world.lock:
            return {
                "changes": world.changes,
                "team": {"id": world.identity.team, "name": world.identity.team_name},
                "bot": world.identity.bot_user,
                "users": [user.to_json(world.identity.team) for user in world.users.values()],
                "channels": [self._channel(channel) for channel in world.channels.values()],
                "files": [{**file.to_json(), "user": file.user} for file in world.files.values()],
                "views": [self._view(id) for id in self._views.views],
            }

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/stand/state", self.serve_state),
            web.post("/stand/state", self.serve_state),
            web.post("/stand/{action}", self._actions.act),
        ]

    async def serve_state(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Answer with the world."""
        return web.json_response(self.state())

    def _channel(self, channel: Channel) -> Json:
        return {
            **channel.to_json(self._world.identity.bot_user),
            "members": list(channel.members),
            "messages": [self._message(message) for message in channel.messages.values()],
            "ephemerals": [self._message(message) for message in channel.ephemerals],
        }

    def _message(self, message: Message) -> Json:
        return {**self._world.show(message), "ephemeral_to": message.ephemeral_to}

    def _view(self, id: str) -> Json:
        view = self._views.views[id]
        return {**self._views.show(view), "user": view.user, "open": view.open, "errors": view.errors}
