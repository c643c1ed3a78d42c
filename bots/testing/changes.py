"""The lock that a stand's world is behind, and waiting for what changes in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, RLock

_SLICE_S = 0.02  # a predicate may also look at things that the stand is not told of


class Changes:
    """Reads hold `lock`, writes go through `changing`. `changes` grows with every write."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.changes = 0
        self._changed = Condition(self.lock)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock; afterwards tell those who wait."""
        with self.lock:
            try:
                yield
            finally:
                self.changes += 1
                self._changed.notify_all()

    def wait_for[T](self, predicate: Callable[[], T], timeout_s: float) -> T:
        """Return the predicate's first true value; raises TimeoutError. It is called without the lock."""
        deadline = time.monotonic() + timeout_s
        while True:
            seen = self.changes
            if value := predicate():
                return value
            rest = deadline - time.monotonic()
            if rest <= 0:
                raise TimeoutError(f"Not within {timeout_s} s: {predicate}")
            with self.lock:
                if seen == self.changes:
                    self._changed.wait(min(rest, _SLICE_S))
