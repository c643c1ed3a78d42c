"""What people write in the stand: messages, changes, removals."""

from __future__ import annotations

from collections.abc import Sequence

from bots.testing.slack.messages import Message, escape
from bots.testing.slack.people import Channel
from bots.testing.slack.world import World
from bots.testing.slack.writer import Writer


class Speech:
    """Acts for people, in channels that they are members of. LookupError for anything that is not there."""

    def __init__(self, world: World, writer: Writer) -> None:
        self._world = world
        self._writer = writer

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread: str | None = None,
        files: Sequence[tuple[str, bytes]] = (),
        mention: bool = False,
        mention_first: bool | None = None,
    ) -> str:
        """Write something and return its `ts`. Files are names with bytes.

        With `mention` the bot is named in front, and the app gets `app_mention` and `message`: in turns this or that
        first, unless `mention_first` says which.
        """
        with self._world.lock:
            where = self._channel(user, channel)
            if thread and thread not in where.messages:
                raise LookupError(f"No message {thread} in {channel}")
            name = f"<@{self._world.identity.bot_user}> " if mention else ""
            stored = [self._world.add_file(title, len(content), user, content) for title, content in files]
            message = Message(
                channel=channel,
                ts="",
                user=user,
                text=name + escape(text),
                thread=thread or "",
                files=stored,
                subtype="file_share" if stored else "",
            )
            return self._writer.post(message, mention_first).ts

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Change the text of one's own message."""
        with self._world.lock:
            self._writer.change(self._own(user, channel, ts), {"text": escape(text)})

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Remove one's own message."""
        with self._world.lock:
            self._writer.remove(self._own(user, channel, ts))

    def _own(self, user: str, channel: str, ts: str) -> Message:
        message = self._channel(user, channel).messages.get(ts)
        if message is None or message.user != user:
            raise LookupError(f"No message {ts} of {user} in {channel}")
        return message

    def _channel(self, user: str, id: str) -> Channel:
        channel = self._world.channels.get(id)
        if channel is None or user not in channel.members:
            raise LookupError(f"{user} is not in {id}")
        return channel
