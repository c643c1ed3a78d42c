"""Users and channels of the stand's team."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message


@dataclass(frozen=True)
class User:
    """A person or a bot."""

    id: str
    name: str
    real_name: str
    is_bot: bool = False

    def to_json(self, team: str) -> Json:
        """Return the user as `users.info` shows it."""
        return {
            "id": self.id,
            "team_id": team,
            "name": self.name,
            "real_name": self.real_name,
            "deleted": False,
            "is_bot": self.is_bot,
            "is_app_user": False,
            "tz": "Etc/UTC",
            "tz_offset": 0,
            "profile": {"real_name": self.real_name, "display_name": self.name, "team": team},
        }


class ChannelKind(StrEnum):
    """Values are those of `channel_type` in events."""

    PUBLIC = "channel"
    PRIVATE = "group"
    DIRECT = "im"


@dataclass
class Channel:
    """A conversation: its members and what is written there, by `ts` in the order of writing."""

    id: str
    name: str
    kind: ChannelKind
    members: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    deleted: list[Message] = field(default_factory=list)
    ephemerals: list[Message] = field(default_factory=list)
    threads: dict[str, list[Message]] = field(default_factory=dict)  # replies by the parent's `ts`

    def add(self, message: Message) -> None:
        """Put a message last."""
        self.messages[message.ts] = message
        if message.thread:
            self.threads.setdefault(message.thread, []).append(message)

    def remove(self, message: Message) -> None:
        """Take a message out."""
        del self.messages[message.ts]
        if message.thread:
            self.threads[message.thread].remove(message)

    def replies(self, ts: str) -> list[Message]:
        """Return the replies in the thread of `ts`, oldest first, without the parent."""
        return list(self.threads.get(ts, ()))

    def partner(self, bot_user: str) -> str:
        """Return the person on the other side of a direct conversation."""
        return next((member for member in self.members if member != bot_user), "")

    def to_json(self, bot_user: str) -> Json:
        """Return the conversation as `conversations.info` shows it."""
        direct = self.kind is ChannelKind.DIRECT
        shape: Json = {
            "id": self.id,
            "is_channel": self.kind is ChannelKind.PUBLIC,
            "is_group": self.kind is ChannelKind.PRIVATE,
            "is_im": direct,
            "is_mpim": False,
            "is_private": self.kind is not ChannelKind.PUBLIC,
            "is_archived": False,
        }
        if direct:
            return {**shape, "user": self.partner(bot_user), "is_open": True}
        return {**shape, "name": self.name, "name_normalized": self.name, "is_member": bot_user in self.members}
