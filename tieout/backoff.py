"""When a failed step is tried again: by the class of its error, later each time, with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tieout.errors import ProviderUnavailable, TieoutError


@dataclass(frozen=True)
class Backoff:
    """Exponential backoff in seconds; the wait is drawn evenly from half of a doubling limit to all of it."""

    first_s: float = 0.5
    provider_first_s: float = 3.0  # a service that just failed needs longer than a bug that may be a race
    longest_s: float = 60.0
    settle_s: tuple[float, ...] = (0.1, 0.5, 2.0, 5.0)  # between tries to commit an outcome that the store refused
    draw: Callable[[], float] = random.random  # from [0, 1)

    def retryable(self, error: BaseException) -> bool:
        """Return whether trying again may help: errors that say so, and those that nobody foresaw."""
        return error.retryable if isinstance(error, TieoutError) else True

    def wait_s(self, error: BaseException, attempt: int) -> float:
        """Return how long to wait after the failed attempt number `attempt` (from 1)."""
        first = self.provider_first_s if isinstance(error, ProviderUnavailable) else self.first_s
        limit = min(self.longest_s, first * 2.0 ** (attempt - 1))
        return limit * (0.5 + self.draw() / 2)
