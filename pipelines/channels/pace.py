"""Turns at a place that has asked for slowness, so that nobody waits in vain and none has to wait with a worker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tieout.errors import RateLimited

_SHORT_S = 0.05  # is waited for at once
_QUIET_S = 30.0  # after which a place may be hurried again
_MOST_TURNS = 10_000


@dataclass
class _Place:
    next_at: float = 0.0
    turns: dict[str, float] = field(default_factory=dict)


class Pace:
    """Knows which places are slow. A place is what a limit counts for: a method and a channel.

    Safe for many threads.
    """

    def __init__(
        self, every_s: float, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """`every_s` is how far apart turns are, in seconds: as the platform's own rate has it."""
        self._every_s = every_s
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}

    def before(self, place: str, turn: str = "") -> None:
        """Return when a call may be made now.

        Raises RateLimited with the seconds to this turn, which is kept; a call without a name is given none: it is to
        be left out rather than to come between.
        """
        with self._lock:
            wait_s = self._wait_s(place, turn)
        if wait_s > _SHORT_S:
            raise _limited(place, wait_s)
        if wait_s > 0:
            self._sleep(wait_s)

    def limited(self, place: str, pause_s: float, turn: str = "") -> RateLimited:
        """Return the error for a call that the platform refused for so many seconds, and give it another turn."""
        with self._lock:
            known = self._places.setdefault(place, _Place())
            due = max(known.next_at, self._clock() + pause_s)
            known.next_at = due
            if turn:
                self._give(known, turn, due)
            return _limited(place, due - self._clock())

    def _wait_s(self, place: str, turn: str) -> float:
        known, now = self._places.get(place), self._clock()
        if known is None:
            return 0.0
        due = known.turns.pop(turn, None)
        if due is None and now > known.next_at + _QUIET_S:
            del self._places[place]
            return 0.0
        if due is None:
            due = max(now, known.next_at)
            if not turn:
                return due - now
            known.next_at = due + self._every_s
        if due - now > _SHORT_S:
            known.turns[turn] = due
        return due - now

    def _give(self, known: _Place, turn: str, due: float) -> None:
        if len(known.turns) >= _MOST_TURNS:  # of callers that never came again
            known.turns.clear()
        known.turns[turn] = due
        known.next_at = due + self._every_s


def _limited(place: str, wait_s: float) -> RateLimited:
    return RateLimited(f"{place} is rate-limited; {wait_s:.1f} s to go", after_s=wait_s)
