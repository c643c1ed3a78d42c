"""A message and the JSON that Slack makes of it."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field, replace

from bots.testing.slack.files import StoredFile
from bots.testing.slack.identity import Json

_MARKS = re.compile(r"(<[@#!][^>]*>|<https?://[^>]*>)")
_URL = re.compile(r"(https?://[^\s<>]+)")


@dataclass
class Message:
    """Something written in a channel. `thread` is the parent's `ts`; empty outside threads and on the parent itself."""

    channel: str
    ts: str
    user: str
    text: str = ""
    thread: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[StoredFile] = field(default_factory=list)
    metadata: Json | None = None
    bot: str = ""  # `bot_id`, when an app wrote it
    app: str = ""
    subtype: str = ""
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    options: Json = field(default_factory=dict)  # unfurl_links, unfurl_media, reply_broadcast
    ephemeral_to: str = ""

    def snapshot(self) -> Message:
        """Return a copy that later changes do not reach."""
        return replace(self, **{name: deepcopy(getattr(self, name)) for name in _MUTABLE})

    def to_json(self, team: str, *, metadata: bool = True) -> Json:
        """Return the message as it stands in histories and events, without empty fields."""
        shape: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": team}
        shape |= self._origin()
        for name in ("subtype", "blocks", "attachments", "edited"):
            if value := getattr(self, name):
                shape[name] = deepcopy(value)
        if self.files:
            shape |= {"files": [file.to_json() for file in self.files], "upload": False}
        if self.reactions:
            shape["reactions"] = [{"name": n, "users": list(u), "count": len(u)} for n, u in self.reactions.items()]
        if metadata and self.metadata:
            shape["metadata"] = deepcopy(self.metadata)
        return shape

    def _origin(self) -> Json:
        shape: Json = {"bot_id": self.bot, "app_id": self.app} if self.bot else {"client_msg_id": f"msg-{self.ts}"}
        if self.thread:
            shape["thread_ts"] = self.thread
        return shape


_MUTABLE = ("blocks", "attachments", "files", "metadata", "edited", "reactions", "options")


def escape(text: str) -> str:
    """Return typed text as Slack stores it: `&`, `<`, `>` as entities, addresses in angle brackets, marks kept."""
    pieces = _MARKS.split(text)
    return "".join(piece if _MARKS.fullmatch(piece) else _escape_plain(piece) for piece in pieces)


def _escape_plain(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _URL.sub(r"<\1>", escaped)
