"""What is to go wrong, on order: with the next calls of one kind, in the order in which it was given."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock


class Orders[T]:
    """Orders by a call's name, each for one call."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._orders: dict[str, list[T]] = {}

    def order(self, call: str, what: T, times: int = 1) -> None:
        """Let this happen to the next calls."""
        with self._lock:
            self._orders.setdefault(call, []).extend([what] * times)

    def take(self, fits: Callable[[str], bool]) -> T | None:
        """Return, and use up, the first order whose call fits."""
        with self._lock:
            for call, orders in self._orders.items():
                if orders and fits(call):
                    return orders.pop(0)
        return None
