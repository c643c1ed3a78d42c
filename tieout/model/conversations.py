"""What is remembered of chats: threads, what was said in them, and how tieout behaves in a channel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

type Speaker = Literal["person", "tieout"]


@dataclass(frozen=True)
class Conversation:
    """A thread with people. `thread` is the platform's, empty for the channel itself; so is `team` where none is."""

    id: str
    workspace: str
    platform: str  # "slack" or "discord"
    team: str
    channel: str
    thread: str
    created_at: datetime
    private: bool  # only some may read it: a direct message, or a channel that is not open to all


@dataclass(frozen=True)
class Message:
    """One utterance in a conversation. A deleted one has no text any more."""

    id: str
    conversation_id: str
    message_id: str  # the platform's
    author: str  # the platform's id of the person
    role: Speaker
    text: str
    at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    run_id: str | None = None  # what it asked for, or answers; the run may be gone by now


@dataclass(frozen=True)
class ChannelSettings:
    """How tieout behaves in one channel. What nobody has set is as the defaults say."""

    platform: str
    team: str
    channel: str
    agents: tuple[str, ...] = ()  # names of those that may be used; empty: all
    may_ask: Literal["anyone", "members"] = "anyone"  # "members": people whom the workspace knows
    askers: tuple[str, ...] = ()  # the platform's ids of the only people who may ask; empty: all whom `may_ask` lets
    tickers: tuple[str, ...] = ()  # what a question without a company is about
    reply: Literal["thread", "channel"] = "thread"  # where answers go
    verbosity: Literal["short", "normal", "full"] = "normal"
    enabled: bool = True
    off: tuple[str, ...] = ()  # commands that are not answered
    updated_by: str | None = None  # the principal who last changed them
    updated_at: datetime | None = None
