"""Rate limits as Discord tells of them: a bucket per route and channel, and one for everything."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from threading import Lock

from bots.testing.discord.errors import Refusal

_ID = re.compile(r"/\d+")
_MAJOR = re.compile(r"/(?:channels|guilds|webhooks)/(\d+)")


@dataclass(frozen=True)
class Rate:
    """So many calls in so many seconds."""

    calls: int
    per_s: float


POSTS = Rate(5, 5.0)
OTHERS = Rate(50, 1.0)


class RateLimiter:
    """Counts calls in fixed windows. With `on` False nothing is refused, and the headers still tell."""

    def __init__(self, *, on: bool = True, posts: Rate = POSTS, everything: Rate = OTHERS) -> None:
        self._on, self._posts, self._everything = on, posts, everything
        self._windows: dict[str, tuple[float, int]] = {}
        self._lock = Lock()

    def spend(self, method: str, path: str) -> dict[str, str]:
        """Count a call; return the headers of its answer. Raises Refusal (429)."""
        major = _MAJOR.search(path)
        template = f"{method} {_ID.sub('/:id', path)}"
        writes = method in ("POST", "PATCH") and "/messages" in path
        bucket = hashlib.sha256(template.encode()).hexdigest()[:16]
        rate = self._posts if writes else self._everything
        self._count("everything", self._everything, {"X-RateLimit-Global": "true"})
        left, reset_s = self._count(f"{bucket}/{major[1] if major else ''}", rate, {"X-RateLimit-Bucket": bucket})
        return {
            "X-RateLimit-Limit": str(rate.calls),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": f"{time.time() + reset_s:.3f}",
            "X-RateLimit-Reset-After": f"{reset_s:.3f}",
            "X-RateLimit-Bucket": bucket,
        }

    def _count(self, key: str, rate: Rate, headers: dict[str, str]) -> tuple[int, float]:
        now = time.monotonic()
        with self._lock:
            began, used = self._windows.get(key, (now, 0))
            if now - began >= rate.per_s:
                began, used = now, 0
            reset_s = rate.per_s - (now - began)
            if self._on and used >= rate.calls:
                scope = "global" if key == "everything" else "user"
                raise Refusal(
                    429,
                    0,
                    "You are being rate limited.",
                    headers={**headers, "Retry-After": f"{reset_s:.3f}", "X-RateLimit-Scope": scope},
                )
            self._windows[key] = began, used + 1
            return max(0, rate.calls - used - 1), reset_s
