"""What tieout's app is to Slack, in one place: its command and shortcut, the events that it takes, and each scope."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tieout.errors import InvalidInput

PATH = "/slack/events"  # where Slack posts, without Socket Mode
COMMAND = "/tieout"
SHORTCUT = "ask_tieout"  # in the menu of a message
SCOPES: Mapping[str, str] = {
    "app_mentions:read": "to be asked with @tieout",
    "channels:history": "to read what is said in threads of public channels that it is in, and find its own messages",
    "channels:read": "to know whether a channel is open to all of the team",
    "chat:write": "to answer",
    "commands": f"for {COMMAND} and the shortcut on messages",
    "files:read": "to read files that people give it",
    "files:write": "to post reports and pictures",
    "groups:history": "to do so in private channels that it is in",
    "im:history": "to be asked in direct messages",
    "im:write": "to answer one person alone, in direct messages",
    "mpim:history": "to be asked in group conversations",
}
EVENTS: Mapping[str, str] = {  # with the scope that each needs
    "app_mention": "app_mentions:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
}
APP_SCOPE = "connections:write"  # of the app-level token, for Socket Mode

_ABOUT = "Answers about companies, with sources for every number"
_LONG = (
    "tieout answers research questions about companies from their filings and prices. Each number in an answer ties "
    "out to the page it was read from or the query that computed it; one that does not is marked as open. Ask in a "
    "channel with a mention, in a direct message, or with the slash command, and go on in the thread."
)

type Json = dict[str, Any]


def manifest(commands: Iterable[str], *, url: str | None = None) -> Json:
    """Return the app manifest: for Socket Mode, or for events over HTTP at the public `url` of `tieout up`.

    `commands` are the words that can follow the slash command. Raises InvalidInput for a URL that Slack does not take.
    """
    address = None if url is None else _address(url)
    at: Json = {} if address is None else {"request_url": address}
    slash: Json = {"command": COMMAND, "description": _ABOUT, "usage_hint": " | ".join(commands), "should_escape": True}
    shortcut = {
        "name": "Ask tieout",
        "type": "message",
        "callback_id": SHORTCUT,
        "description": "Answer this message in its thread",
    }
    return {
        "display_information": {
            "name": "tieout",
            "description": _ABOUT,
            "long_description": _LONG,
            "background_color": "#1f3a4d",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "tieout", "always_online": True},
            "shortcuts": [shortcut],
            "slash_commands": [slash if address is None else {**slash, "url": address}],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**at, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **at},
            "org_deploy_enabled": False,
            "socket_mode_enabled": address is None,
            "token_rotation_enabled": False,
        },
    }


def _address(url: str) -> str:
    """Return where Slack posts. Raises InvalidInput."""
    try:
        parts = urlsplit(url.strip())
        good = (
            parts.scheme == "https" and bool(parts.hostname) and not (parts.query or parts.fragment or parts.username)
        )
    except ValueError:
        good = False
    if not good:
        raise InvalidInput(f"{url!r} is no address that Slack can post to: give the public https://… of `tieout up`.")
    return f"{url.strip().rstrip('/').removesuffix(PATH)}{PATH}"
