"""What runs the steps, and what tells waiting threads that something changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tieout.errors import TieoutError


class Engine(Protocol):
    """Runs steps: takes hints, never the truth."""

    @property
    def owner(self) -> str:
        """The name that the claims of this process carry; empty when it claims nothing."""
        ...

    @property
    def trouble(self) -> TieoutError | None:
        """What keeps the engine from going on just now (a full disk, a database that is away), or None."""
        ...

    def wake(self) -> None:
        """Say that something may be ready; cheap, may be lost."""
        ...

    def start(self) -> None:
        """Start workers, dispatcher and sweeper in this process."""
        ...

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Let running steps finish within the time, hand back the others, then stop.

        A second call, from another thread, cuts the first one's wait short to its own.
        """
        ...


class Changes(Protocol):
    """Tells waiting threads that something was committed. A hint: who waits looks at SQL again."""

    def notify(self) -> None:
        """Wake all who wait; cheap, may be called from any thread."""
        ...

    def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count of changes once it differs from `seen`, at the latest after `timeout_s` seconds."""
        ...

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back at each change (quick, must not raise); return the function that ends it."""
        ...
