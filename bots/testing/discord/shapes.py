"""The JSON of Discord's objects, with the fields that clients read."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

type Json = dict[str, Any]

TEXT, DIRECT, THREAD = 0, 1, 11
VIEW, SEND, HISTORY, THREADS, ATTACH = 1 << 10, 1 << 11, 1 << 16, 1 << 38, 1 << 15
EVERYONE = VIEW | SEND | HISTORY | THREADS | ATTACH
EPHEMERAL = 1 << 6
EPOCH_MS = 1_420_070_400_000


def now() -> str:
    """Return this moment as Discord writes it."""
    return datetime.now(UTC).isoformat()


def age_s(id: str) -> float:
    """Return the seconds since an id was given."""
    return time.time() - ((int(id) >> 22) + EPOCH_MS) / 1000


def user(id: str, name: str, *, bot: bool = False) -> Json:
    """Return a person or a bot."""
    about = {"id": id, "username": name, "global_name": name.title(), "discriminator": "0", "avatar": None}
    return {**about, "bot": bot}


def member(of: Json, roles: list[str]) -> Json:
    """Return a user as a member of the guild."""
    times = {"joined_at": "2024-01-01T00:00:00+00:00", "premium_since": None}
    return {"user": of, "nick": None, "roles": roles, "deaf": False, "mute": False, "flags": 0, **times}


def role(id: str, name: str, permissions: int, **more: Any) -> Json:
    """Return a role."""
    look = {"color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 1, "flags": 0}
    return {
        "id": id,
        "name": name,
        "permissions": str(permissions),
        "managed": False,
        "mentionable": False,
        **look,
        **more,
    }


def channel(id: str, type: int, guild: str, name: str, overwrites: list[Json] | None = None) -> Json:
    """Return a channel of the guild, or a direct one without a guild."""
    if type == DIRECT:
        return {"id": id, "type": type, "name": name, "last_message_id": None}
    return {
        "id": id,
        "type": type,
        "guild_id": guild,
        "name": name,
        "position": 0,
        "parent_id": None,
        "nsfw": False,
        "permission_overwrites": overwrites or [],
    }


def thread(id: str, parent: Json, name: str, owner: str) -> Json:
    """Return a thread, which begins with the message of the same id."""
    times = {"archived": False, "auto_archive_duration": 1440, "archive_timestamp": now(), "locked": False}
    of = {"owner_id": owner, "message_count": 0, "member_count": 1, "thread_metadata": times}
    return {**channel(id, THREAD, parent["guild_id"], name), "parent_id": parent["id"], **of}


def message(id: str, channel: str, author: Json, content: str, **more: Any) -> Json:
    """Return a message; empty lists stand where nothing is."""
    lists: Json = {name: [] for name in ("mentions", "mention_roles", "attachments", "embeds", "components")}
    flags = {"tts": False, "pinned": False, "mention_everyone": False, "edited_timestamp": None, "flags": 0}
    about = {"id": id, "channel_id": channel, "author": author, "content": content, "type": 0, "timestamp": now()}
    return {**about, **lists, **flags, **more}


def guild(id: str, owner: str, channels: list[Json], roles: list[Json], members: list[Json]) -> Json:
    """Return the guild as a new session is told of it."""
    lists: Json = {name: [] for name in ("emojis", "threads", "presences", "voice_states", "features", "stickers")}
    levels = ("verification_level", "default_message_notifications", "explicit_content_filter", "mfa_level")
    numbers = dict.fromkeys((*levels, "system_channel_flags", "premium_tier", "nsfw_level", "afk_timeout"), 0)
    about = {"id": id, "name": "Desk", "owner_id": owner, "unavailable": False, "preferred_locale": "en-US"}
    counts = {"member_count": len(members)}
    return {**lists, **numbers, **about, **counts, "channels": channels, "roles": roles, "members": members}
