"""What people do on a chat platform, in words that both platforms share; JSON through `tieout.codec`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class InboundKind(StrEnum):
    """What a person did."""

    MESSAGE = "message"  # wrote: with a mention, directly, or in a thread that tieout takes part in
    COMMAND = "command"  # called a command by name, with arguments
    CLICK = "click"  # pressed a button; `action` is its value
    EDITED = "edited"  # changed a message
    DELETED = "deleted"  # removed a message


@dataclass(frozen=True)
class Place:
    """Where something is said. `thread` is Slack's `thread_ts`, Discord's thread channel; empty: the channel itself."""

    platform: str  # "slack" or "discord"
    team: str  # Slack's team, Discord's guild; empty in a direct message on Discord
    channel: str
    thread: str = ""
    direct: bool = False  # only the person and the bot read it


@dataclass(frozen=True)
class Attachment:
    """A file that was posted. `url` needs the bot's token on Slack."""

    id: str
    name: str
    size: int  # bytes
    media_type: str
    url: str


@dataclass(frozen=True)
class Inbound:
    """One thing that a person did. `key` is the platform's own: a redelivery, or the second of a pair, has the same.

    Slack: `slack/TEAM/CHANNEL/TS` of a message, `slack/TEAM/trigger/ID` else; Discord: `discord/message/ID`,
    `discord/interaction/ID`.
    """

    key: str
    kind: InboundKind
    place: Place
    author: str  # the person's id on the platform
    at: datetime  # UTC
    message: str = ""  # id of the message: written, changed, removed, or the one that the button is on
    text: str = ""  # mentions of the bot cut out
    mentioned: bool = False  # the bot was named, or it is a direct message
    command: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    action: str = ""
    in_channel: bool = False  # an answer begins no thread: the channel's settings say so
    token: str = ""  # with which this interaction may be answered for a while (Discord); useless afterwards
