"""What the stand's team consists of, in memory, behind one lock whose condition tells of every change."""

from __future__ import annotations

import time
from urllib.parse import quote

from bots.testing.changes import Changes
from bots.testing.slack.errors import Refusal
from bots.testing.slack.files import StoredFile
from bots.testing.slack.identity import Identity, Ids, Json
from bots.testing.slack.messages import Message
from bots.testing.slack.people import Channel, ChannelKind, User


class World(Changes):
    """Users, channels, files."""

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self.ids = Ids()
        self.base_url = ""
        self.revoked = False
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, StoredFile] = {}
        self._microseconds = 0
        self._settle()

    def next_ts(self) -> str:
        """Return a time stamp later than every one before, in microseconds since 1970."""
        with self.lock:
            self._microseconds = max(self._microseconds + 1, time.time_ns() // 1000)
            return f"{self._microseconds // 1_000_000}.{self._microseconds % 1_000_000:06d}"

    def add_user(self, name: str, real_name: str = "", *, is_bot: bool = False) -> User:
        """Add a person or a bot to the team."""
        with self.changing():
            user = User(self.ids.next("U"), name, real_name or name.title(), is_bot)
            self.users[user.id] = user
            return user

    def add_channel(self, name: str, kind: ChannelKind, members: list[str]) -> Channel:
        """Add a channel with these members' ids."""
        with self.changing():
            letter = "D" if kind is ChannelKind.DIRECT else "C"
            channel = Channel(self.ids.next(letter), name, kind, list(members))
            self.channels[channel.id] = channel
            return channel

    def direct_channel(self, user: str) -> Channel:
        """Return the conversation between this user and the bot, opened when there was none."""
        with self.lock:
            if user not in self.users:
                raise Refusal("user_not_found")
            for channel in self.channels.values():
                if channel.kind is ChannelKind.DIRECT and user in channel.members:
                    return channel
            return self.add_channel("", ChannelKind.DIRECT, [self.identity.bot_user, user])

    def channel(self, id: str) -> Channel:
        """Return a channel that the bot can see; a private one without it does not exist for it."""
        channel = self.channels.get(id)
        hidden = channel is not None and channel.kind is not ChannelKind.PUBLIC and not self.has_bot(channel)
        if channel is None or hidden:
            raise Refusal("channel_not_found")
        return channel

    def joined_channel(self, id: str) -> Channel:
        """Return a channel that the bot is a member of."""
        channel = self.channel(id)
        if not self.has_bot(channel):
            raise Refusal("not_in_channel")
        return channel

    def has_bot(self, channel: Channel) -> bool:
        """Return whether the bot is a member."""
        return self.identity.bot_user in channel.members

    def message(self, channel: str, ts: str) -> Message:
        """Return a message that still stands there."""
        found = self.channel(channel).messages.get(ts)
        if found is None:
            raise Refusal("message_not_found")
        return found

    def add_file(self, name: str, size: int, user: str, content: bytes | None = None) -> StoredFile:
        """Add a file that nobody has shared yet."""
        with self.changing():
            id = self.ids.next("F")
            url = f"{self.base_url}/files-pri/{self.identity.team}-{id}/{quote(name)}"
            file = StoredFile(id, name, size, user, url, f"{self.base_url}/upload/v1/{id}", content=content)
            self.files[id] = file
            return file

    def show(self, message: Message, *, metadata: bool = True) -> Json:
        """Return a message's JSON, with the summary of its thread when it has replies."""
        shape = message.to_json(self.identity.team, metadata=metadata)
        replies = self.channels[message.channel].replies(message.ts)
        if replies:
            users = list(dict.fromkeys(reply.user for reply in replies))
            shape |= {"thread_ts": message.ts, "reply_count": len(replies), "reply_users": users}
            shape |= {"reply_users_count": len(users), "latest_reply": replies[-1].ts}
        elif message.thread:
            parent = self.channels[message.channel].messages.get(message.thread)
            shape |= {"parent_user_id": parent.user} if parent else {}
        return shape

    def _settle(self) -> None:
        bot = self.identity.bot_user
        self.users[bot] = User(bot, self.identity.bot_name, self.identity.bot_name, is_bot=True)
        ada, ben = self.add_user("ada", "Ada Lovelace"), self.add_user("ben", "Ben Graham")
        self.add_channel("general", ChannelKind.PUBLIC, [bot, ada.id, ben.id])
        self.add_channel("desk", ChannelKind.PRIVATE, [bot, ada.id, ben.id])
        self.add_channel("lobby", ChannelKind.PUBLIC, [ada.id, ben.id])
        self.add_channel("vault", ChannelKind.PRIVATE, [ada.id])
