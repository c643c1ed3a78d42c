"""How a process shows that it lives, and how others tell that it has died."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Liveness(Protocol):
    """Keeps a sign of life for an owner of steps by itself, and reads those of others."""

    def hold(self, owner: str) -> None:
        """Show that `owner` lives, until `release` or the end of this process.

        Raises NotAvailable when that cannot be shown, or another process has the name.
        """
        ...

    def release(self, owner: str) -> None:
        """End the sign of life; never raises."""
        ...

    def alive(self, owner: str) -> bool:
        """Return whether the owner may still be at work; False only when it is certainly not."""
        ...

    def alive_many(self, owners: Collection[str]) -> frozenset[str]:
        """Return those owners that may still be at work. Asks once for all: this is what a sweep calls."""
        ...
