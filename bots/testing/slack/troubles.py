"""Troubles on order: the next calls of a method fail, are slow, or lose their answer."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Trouble:
    """`error` refuses the call; `lost` does what was asked and breaks off; `wait_s` comes before either."""

    error: str = ""
    status: int = 200
    retry_after_s: float = 0.0
    lost: bool = False
    wait_s: float = 0.0


class Troubles:
    """Orders per method, each for one call, in the order in which they were given."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._orders: dict[str, list[Trouble]] = {}

    def order(self, method: str, trouble: Trouble, times: int = 1) -> None:
        """Let the next calls of this method go wrong."""
        with self._lock:
            self._orders.setdefault(method, []).extend([trouble] * times)

    def next(self, method: str) -> Trouble | None:
        """Return what is to go wrong with this call."""
        with self._lock:
            orders = self._orders.get(method)
            return orders.pop(0) if orders else None
