"""What tieout's bot may do in a Discord server, in one place, and the address by which it is invited with that."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

ADMINISTRATOR = 1 << 3  # includes all others
PERMISSIONS: Mapping[str, int] = {  # by the names that Discord shows
    "View Channels": 1 << 10,
    "Send Messages": 1 << 11,
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,
    "Create Public Threads": 1 << 35,
    "Send Messages in Threads": 1 << 38,
}
REASONS: Mapping[str, str] = {
    "View Channels": "to see what it is asked",
    "Send Messages": "to answer",
    "Attach Files": "to post reports and pictures",
    "Read Message History": "to reply to a message, and find its own after a crash",
    "Create Public Threads": "to answer in a thread of the question",
    "Send Messages in Threads": "to answer there",
}
SCOPES = ("bot", "applications.commands")
_AUTHORIZE = "https://discord.com/oauth2/authorize"


def invite_url(application: str) -> str:
    """Return the address at which an admin of a server lets the bot in, with the permissions that it needs."""
    permissions = sum(PERMISSIONS.values())
    return (
        f"{_AUTHORIZE}?{urlencode({'client_id': application, 'scope': ' '.join(SCOPES), 'permissions': permissions})}"
    )


def missing(granted: int) -> list[str]:
    """Return the permissions that are not among those granted."""
    return [] if granted & ADMINISTRATOR else [name for name, bit in PERMISSIONS.items() if not granted & bit]
