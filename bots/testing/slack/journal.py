"""What happened between the stand and the app, for tests to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bots.testing.slack.identity import Json
from bots.testing.slack.world import World


class Ack(NamedTuple):
    """An envelope was acknowledged so many seconds after it was delivered."""

    kind: str
    seconds: float


@dataclass(frozen=True)
class Request:
    """A call of the Web API."""

    method: str
    seconds: float
    ok: bool
    error: str
    arguments: Json
    at: float  # seconds since 1970


@dataclass(frozen=True)
class Attempt:
    """One sending of an envelope. `what` is the event's or the interaction's type; `acked_s` is None without an ack."""

    kind: str
    what: str
    event_id: str
    number: int  # 0 is the first
    reason: str  # why it was sent again
    connection: int  # 0 over HTTP
    acked_s: float | None


class Journal:
    """Lists that only grow. Read copies of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._acks: list[Ack] = []
        self._requests: list[Request] = []
        self._attempts: list[Attempt] = []
        self._lost: list[Json] = []

    def acked(self, kind: str, seconds: float) -> None:
        """Note an acknowledgement, late ones, too."""
        with self._world.changing():
            self._acks.append(Ack(kind, seconds))

    def called(self, request: Request) -> None:
        """Note a call of the Web API."""
        with self._world.changing():
            self._requests.append(request)

    def attempted(self, attempt: Attempt) -> None:
        """Note how a sending went."""
        with self._world.changing():
            self._attempts.append(attempt)

    def gave_up(self, payload: Json) -> None:
        """Note what was never acknowledged."""
        with self._world.changing():
            self._lost.append(payload)

    def acks(self) -> list[Ack]:
        """Return all acknowledgements so far."""
        with self._world.lock:
            return list(self._acks)

    def requests(self) -> list[Request]:
        """Return all calls so far."""
        with self._world.lock:
            return list(self._requests)

    def attempts(self) -> list[Attempt]:
        """Return all sendings so far."""
        with self._world.lock:
            return list(self._attempts)

    def lost(self) -> list[Json]:
        """Return the payloads that were given up."""
        with self._world.lock:
            return list(self._lost)
