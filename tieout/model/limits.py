"""How much of the installation one workspace, or one kind of step, may use at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """At most `concurrency` running steps, and a token bucket of `per_s` starts a second that holds `burst`.

    None means no limit. Raises ValueError for what would let nothing start.
    """

    concurrency: int | None = None
    per_s: float | None = None
    burst: int = 1

    def __post_init__(self) -> None:
        """Refuse limits under which nothing could ever start."""
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError("a limit's concurrency is at least 1")
        if self.per_s is not None and self.per_s <= 0:
            raise ValueError("a limit's per_s is above zero")
        if self.burst < 1:
            raise ValueError("a limit's burst is at least 1")
