"""Wakes steps when their time has come: retries, timers, expiries, and the ends of sub-runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from tieout.model import ReadyStep
from tieout.ports import RunStore

_LONGEST_S = 0.5  # what another process made due, and the ends of sub-runs, are seen this late at the most
_POLITE_S = 0.01  # after a wake-up: what is ready begins before it is looked what is due


class Timer:
    """Sleeps until the next retry or wait is due. Any number of timers may share a store: each end has one winner."""

    def __init__(
        self,
        store: RunStore,
        opened: Callable[[Sequence[ReadyStep]], None],
        *,
        clock: Callable[[], datetime],
        guarded: Callable[[str, Callable[[], object]], object],
    ) -> None:
        """Take the store, what to do with steps that became ready, and what keeps the thread alive over errors."""
        self._store = store
        self._opened = opened
        self._clock = clock
        self._guarded = guarded
        self._waking = threading.Event()
        self._next: datetime | None = None

    def wake(self) -> None:
        """Say that something may be due earlier than was known."""
        self._waking.set()

    def run(self, stopping: threading.Event) -> None:
        """Look and sleep until `stopping` is set."""
        while not stopping.is_set():
            self._waking.clear()
            self._next = None
            self._guarded("timers_unchecked", self._look)
            left = _LONGEST_S
            if self._next is not None:
                left = min(left, max(0.001, (self._next - self._clock()).total_seconds()))
            if self._waking.wait(left):
                stopping.wait(_POLITE_S)

    def _look(self) -> None:
        opened, self._next = self._store.promote_due(now=self._clock())
        opened += self._store.end_sub_runs(now=self._clock())
        if opened:
            self._opened(opened)
