"""Troubles on order: the next calls of a method fail, are slow, or lose their answer."""

from __future__ import annotations

from dataclasses import dataclass

from bots.testing.orders import Orders


@dataclass(frozen=True)
class Trouble:
    """`error` refuses the call; `lost` does what was asked and breaks off; `wait_s` comes before either."""

    error: str = ""
    status: int = 200
    retry_after_s: float = 0.0
    lost: bool = False
    wait_s: float = 0.0


class Troubles(Orders[Trouble]):
    """Orders by method."""

    def next(self, method: str) -> Trouble | None:
        """Return what is to go wrong with this call."""
        return self.take(lambda ordered: ordered == method)
