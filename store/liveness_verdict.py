"""Decides who is dead from what PostgreSQL shows of locks and beats; it knows what a server's own trouble looks like.

A lock that is gone means that its session ended, which is not yet that its process did: an administrator, a failing
network or a restart of the server end sessions, too. A living process takes its lock again within a fraction of a
second, and beats as it does. So a lock must be seen missing twice, with no beat between. And when locks went missing
because of the server (it started a moment ago, or the session of the one who looks was cut as well), everybody gets
a few seconds to come back. A wrong verdict would cost work done twice, never a wrong result: writes are fenced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tieout.model import SignOfLife

CONFIRM_S = 0.4  # below the time between two sweeps, and many times what taking a lock again takes
PATIENCE_S = 5.0  # after trouble of the server, for all processes to come back
LONG_SILENT_S = 10.0  # several missed beats: seeing that once is enough
_FORGOTTEN_S = 60.0  # what nobody asked about for so long begins anew


@dataclass(frozen=True)
class Look:
    """What one query shows of an owner. Without a row (`liveness` is None) nobody knows how it shows life."""

    owner: str
    locked: bool
    liveness: SignOfLife | None = None
    stopped: bool = False
    seen_at: datetime | None = None
    silent_s: float = 0.0


@dataclass(frozen=True)
class _Missing:
    """Since when an owner's lock is missing with the same last beat. Times are of the verdict's clock."""

    since: float
    beat: datetime | None
    asked: float


class Verdict:
    """Remembers whose lock was missing since when. Used under its caller's lock."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._missing: dict[str, _Missing] = {}
        self._patient_until = float("-inf")

    def trouble(self) -> None:
        """Say that the looker's own session was cut: others' may have been as well."""
        self._missing.clear()
        self._patient_until = self._clock() + PATIENCE_S

    def living(self, looks: Sequence[Look], *, server_up_s: float) -> frozenset[str]:
        """Return the owners that may be alive. `server_up_s`: how long ago the server started."""
        now = self._clock()
        calm = server_up_s >= PATIENCE_S and now >= self._patient_until
        self._missing = {owner: one for owner, one in self._missing.items() if now - one.asked < _FORGOTTEN_S}
        return frozenset(look.owner for look in looks if not self._dead(look, now, calm=calm))

    def _dead(self, look: Look, now: float, *, calm: bool) -> bool:
        if look.stopped:
            return True
        if look.locked or look.liveness is not SignOfLife.LOCK:
            self._missing.pop(look.owner, None)
            return False
        if calm and look.silent_s >= LONG_SILENT_S:
            return True
        before = self._missing.get(look.owner)
        since = before.since if before is not None and before.beat == look.seen_at else now
        self._missing[look.owner] = _Missing(since, look.seen_at, asked=now)
        return now - since >= (CONFIRM_S if calm else PATIENCE_S)
