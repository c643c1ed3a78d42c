"""Methods about the app itself: who it is, and its way to Socket Mode."""

from __future__ import annotations

from bots.testing.slack.arguments import Arguments
from bots.testing.slack.identity import Json
from bots.testing.slack.methods.method import Context, Method


def test_auth(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Return whom the token belongs to."""
    identity = context.world.identity
    return {
        "url": f"{context.world.base_url}/",
        "team": identity.team_name,
        "user": identity.bot_name,
        "team_id": identity.team,
        "user_id": identity.bot_user,
        "bot_id": identity.bot,
        "is_enterprise_install": False,
    }


def open_connection(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Return an address that opens one socket."""
    return {"url": context.sockets.address()}


METHODS = {
    "auth.test": Method(test_auth),
    "apps.connections.open": Method(open_connection, by_app=True),
}
