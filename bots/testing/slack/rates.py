"""How often a method may be called in one channel."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bots.testing.slack.errors import Limited


@dataclass(frozen=True)
class Rate:
    """`burst` calls at once, then as many as come back per minute."""

    burst: int
    per_minute: float


RATES: Mapping[str, Rate] = {
    "chat.postMessage": Rate(burst=4, per_minute=60),
    "chat.update": Rate(burst=50, per_minute=50),
    "chat.postEphemeral": Rate(burst=100, per_minute=100),
}


class RateLimiter:
    """A token bucket per method and channel. Methods without a rate pass; so do all when it is switched off."""

    def __init__(self, rates: Mapping[str, Rate], clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = dict(rates)
        self._clock = clock
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # tokens, and when they were counted

    def take(self, method: str, channel: str) -> None:
        """Count a call; raises Limited with the seconds until the next one may come."""
        rate = self.rates.get(method)
        if rate is None:
            return
        now = self._clock()
        tokens, counted = self._buckets.get((method, channel), (float(rate.burst), now))
        tokens = min(float(rate.burst), tokens + (now - counted) * rate.per_minute / 60)
        if tokens < 1:
            raise Limited((1 - tokens) * 60 / rate.per_minute)
        self._buckets[method, channel] = tokens - 1, now
