"""When to try a call again, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter (each wait is drawn evenly from half to all of a doubling limit).

    `retries` counts tries after the first; waits are in seconds. What the server asks for in Retry-After is
    waited in full, with nothing drawn off.
    """

    retries: int = 3
    first_wait_s: float = 0.5
    longest_wait_s: float = 20.0
    draw: Callable[[], float] = random.random  # from [0, 1)

    def wait_s(self, attempt: int, asked_s: float | None = None) -> float:
        """Return how long to wait after the failed try number `attempt` (from 1)."""
        limit: float = min(self.longest_wait_s, self.first_wait_s * 2 ** (attempt - 1))
        drawn = limit * (0.5 + self.draw() / 2)
        return drawn if asked_s is None else max(asked_s, drawn)


def retry_after_s(headers: Mapping[str, str], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Return the seconds that a response asks to wait for, from `retry-after-ms` or `retry-after`.

    Retry-After is a number of seconds or an HTTP date (RFC 9110, section 10.2.3); what is neither gives None.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now()).total_seconds())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if 0 <= number < 1e9 else None
