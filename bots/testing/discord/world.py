"""What the stand's server consists of, in memory, behind one lock whose condition tells of every change."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bots.testing.changes import Changes
from bots.testing.discord import shapes
from bots.testing.discord.errors import NO_ACCESS, UNKNOWN_CHANNEL, UNKNOWN_MESSAGE
from bots.testing.discord.shapes import DIRECT, EPOCH_MS, EVERYONE, TEXT, VIEW, Json


@dataclass
class Channel:
    """A channel, a thread or direct messages; what one person alone is shown stands apart."""

    about: Json
    messages: dict[str, Json] = field(default_factory=dict)  # by id, oldest first
    ephemerals: list[Json] = field(default_factory=list)  # with `ephemeral_to`
    person: str = ""  # whose direct messages they are


@dataclass
class StoredFile:
    """A file of a message."""

    name: str
    media_type: str
    content: bytes


class World(Changes):
    """The guild `Desk` with Ada and Ben, the bot, and channels."""

    def __init__(self) -> None:
        super().__init__()
        self.base_url = ""
        self.token = new_token()
        self._numbers = count(1)
        self.application, self.guild_id, self.bot_role = self.snowflake(), self.snowflake(), self.snowflake()
        self.bot = shapes.user(self.snowflake(), "tieout", bot=True)
        self.users: dict[str, Json] = {self.bot["id"]: self.bot}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, StoredFile] = {}
        self.commands: list[Json] = []
        self.intent = True  # message content, in the Developer Portal
        for name in ("ada", "ben"):
            self.add_user(name)
        for name in ("general", "desk"):
            self.add_channel(name)
        self.add_channel("vault", private=True)

    def snowflake(self) -> str:
        """Return a new id, which begins with the time."""
        with self.lock:
            return str((int(time.time() * 1000 - EPOCH_MS) << 22) + next(self._numbers))

    def add_user(self, name: str) -> Json:
        """Add a person to the guild."""
        with self.changing():
            user = shapes.user(self.snowflake(), name)
            self.users[user["id"]] = user
            return user

    def add_channel(self, name: str, *, private: bool = False) -> Channel:
        """Add a channel; a private one is hidden from everybody but Ada, the bot among them."""
        ada = next(user["id"] for user in self.users.values() if user["username"] == "ada")
        hidden = {"id": self.guild_id, "type": 0, "allow": "0", "deny": str(VIEW)}
        shown = {"id": ada, "type": 1, "allow": str(VIEW), "deny": "0"}
        about = shapes.channel(self.snowflake(), TEXT, self.guild_id, name, [hidden, shown] if private else None)
        with self.changing():
            self.channels[about["id"]] = Channel(about)
            return self.channels[about["id"]]

    def direct(self, person: str) -> Channel:
        """Return the direct messages between a person and the bot."""
        with self.changing():
            for channel in self.channels.values():
                if channel.person == person:
                    return channel
            about = shapes.channel(self.snowflake(), DIRECT, "", "")
            about["recipients"] = [self.users[person]]
            channel = self.channels[about["id"]] = Channel(about, person=person)
            return channel

    def sees(self, user: str, channel: Channel) -> bool:
        """Return whether somebody may see a channel."""
        if channel.about["type"] == DIRECT:
            return user in (channel.person, self.bot["id"])
        parent = self.channels.get(str(channel.about.get("parent_id") or ""), channel)
        overwrites = parent.about["permission_overwrites"]
        own = [one for one in overwrites if one["id"] == user and int(one["allow"]) & VIEW]
        return bool(own) or not any(one["id"] == self.guild_id and int(one["deny"]) & VIEW for one in overwrites)

    def visible(self, channel: str) -> Channel:
        """Return a channel that the bot may see. Raises Refusal."""
        found = self.channels.get(channel)
        if found is None:
            raise UNKNOWN_CHANNEL
        if not self.sees(self.bot["id"], found):
            raise NO_ACCESS
        return found

    def message(self, channel: str, id: str) -> Json:
        """Return a message of a channel that the bot may see. Raises Refusal."""
        found = self.visible(channel).messages.get(id)
        if found is None:
            raise UNKNOWN_MESSAGE
        return found

    def keep_files(self, channel: str, files: list[tuple[str, str, bytes]]) -> list[Json]:
        """Keep files (name, media type, bytes) and return their attachments."""
        attachments = []
        for name, media_type, content in files:
            id = self.snowflake()
            self.files[id] = StoredFile(name, media_type, content)
            url = f"{self.base_url}/attachments/{channel}/{id}/{name}"
            about = {"id": id, "filename": name, "size": len(content), "content_type": media_type}
            attachments.append({**about, "url": url, "proxy_url": url})
        return attachments

    def roles(self) -> list[Json]:
        """Return the guild's roles."""
        tags: dict[str, Any] = {"managed": True, "tags": {"bot_id": self.bot["id"]}}
        return [
            shapes.role(self.guild_id, "@everyone", EVERYONE),
            shapes.role(self.bot_role, "tieout", EVERYONE, **tags),
        ]

    def member(self, user: str) -> Json:
        """Return somebody as a member."""
        return shapes.member(self.users[user], [self.bot_role] if user == self.bot["id"] else [])


def new_token() -> str:
    """Return a token for the bot that none had before."""
    return f"{secrets.token_hex(10)}.{secrets.token_hex(3)}.{secrets.token_hex(12)}"
