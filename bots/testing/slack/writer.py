"""Writes, changes and removes messages, and tells the app of it."""

from __future__ import annotations

from dataclasses import replace

from bots.testing.slack.errors import Refusal
from bots.testing.slack.events import Events
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.payloads import complete_blocks
from bots.testing.slack.world import World


class Writer:
    """The one way in which messages come and go, for people and for the app."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def post(self, message: Message, mention_first: bool | None = None) -> Message:
        """Add a message under a new `ts`. A thread needs its parent; a reply's `ts` names its parent's thread."""
        with self._world.changing():
            channel = self._world.channels[message.channel]
            thread = self._root(message.channel, message.thread)
            blocks = complete_blocks(message.blocks)
            written = replace(message, ts=self._world.next_ts(), thread=thread, blocks=blocks)
            if written.ephemeral_to:
                channel.ephemerals.append(written)
                return written
            channel.add(written)
            self._events.posted(written, mention_first)
            return written

    def change(self, message: Message, changes: Json) -> None:
        """Set fields of a message by their names here, and note who edited it."""
        with self._world.changing():
            before = self._world.show(message)
            if "blocks" in changes:
                changes = {**changes, "blocks": complete_blocks(changes["blocks"])}
            for name, value in changes.items():
                setattr(message, name, value)
            message.edited = {"user": message.user, "ts": self._world.next_ts()}
            if not message.ephemeral_to:
                self._events.changed(message, before)

    def remove(self, message: Message) -> None:
        """Take a message away. A parent with replies leaves a tombstone, which is a change."""
        with self._world.changing():
            channel = self._world.channels[message.channel]
            if message.ephemeral_to:
                channel.ephemerals.remove(message)
                return
            before = self._world.show(message)
            channel.deleted.append(message.snapshot())
            if channel.replies(message.ts):
                message.subtype, message.text = "tombstone", "This message was deleted."
                message.blocks, message.files, message.metadata = [], [], None
                self._events.changed(message, before)
            else:
                channel.remove(message)
                self._events.removed(channel.id, message.ts, before)

    def _root(self, channel: str, thread: str) -> str:
        if not thread:
            return ""
        parent = self._world.channels[channel].messages.get(thread)
        if parent is None:
            raise Refusal("cannot_reply_to_message")
        return parent.thread or parent.ts
