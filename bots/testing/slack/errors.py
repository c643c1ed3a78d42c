"""How the stand says no: as Slack does, with a word for the reason.

Exception
└── Refusal       an answer with "ok": false
    └── Limited   HTTP 429 with Retry-After
"""

from __future__ import annotations

import math
from typing import Any

from bots.testing.slack.identity import Json


class Refusal(Exception):
    """An answer with `"ok": false`. `details` go along in the body."""

    def __init__(self, error: str, *, status: int = 200, **details: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.details = details
        self.headers: dict[str, str] = {}

    def body(self) -> Json:
        """Return what the client reads."""
        return {"ok": False, "error": self.error, **self.details}


class Limited(Refusal):
    """Too many calls; the client may come back after `wait_s` seconds, rounded up."""

    def __init__(self, wait_s: float) -> None:
        super().__init__("ratelimited", status=429)
        self.headers = {"Retry-After": str(max(1, math.ceil(wait_s)))}
