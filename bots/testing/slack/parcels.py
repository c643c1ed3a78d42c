"""What the stand sends to the app: an envelope with a payload, that wants to be acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Protocol

from bots.testing.slack.identity import Json
from bots.testing.slack.journal import Attempt


class ParcelKind(StrEnum):
    """Values are the envelopes' types in Socket Mode."""

    EVENT = "events_api"
    INTERACTION = "interactive"
    COMMAND = "slash_commands"


@dataclass(eq=False)
class Parcel:
    """A payload on its way. `on_answer` gets what the app put into its acknowledgement, often nothing."""

    kind: ParcelKind
    payload: Json
    on_answer: Callable[[Json], None] | None = None
    attempt: int = 0
    reason: str = ""
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def what(self) -> str:
        """Return the type of the event or interaction, or the command."""
        if self.kind is ParcelKind.EVENT:
            return str(self.payload["event"]["type"])
        return str(self.payload.get("type") or self.payload.get("command", ""))

    def again(self, event_id: str = "") -> Parcel:
        """Return the parcel as a redelivery, under another event id if one is given."""
        payload = {**self.payload, "event_id": event_id} if event_id else self.payload
        return replace(self, payload=payload, attempt=1, reason="timeout", answered=asyncio.Event())

    def report(self, connection: int, acked_s: float | None) -> Attempt:
        """Return how this sending went."""
        event_id = str(self.payload.get("event_id", ""))
        return Attempt(self.kind, self.what, event_id, self.attempt, self.reason, connection, acked_s)

    def answer(self, body: Json) -> None:
        """Take the first acknowledgement; later ones change nothing."""
        if self.answered.is_set():
            return
        self.answered.set()
        if self.on_answer is not None:
            self.on_answer(body)


class Transport(Protocol):
    """A way to the app: its sockets, or its URL."""

    async def attempt(self, parcel: Parcel) -> str:
        """Send once and wait for the acknowledgement; return why there was none, or an empty text."""
        ...
