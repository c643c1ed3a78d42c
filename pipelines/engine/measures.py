"""What the engine counts about itself, for whoever measures: nobody by default, Prometheus in a service."""

from __future__ import annotations

from typing import Protocol


class Measures(Protocol):
    """Takes counts as they happen; cheap, from any thread, never raises."""

    def hinted(self, sent: int, *, resent: int) -> None:
        """Hints were sent, some of them again since they seemed lost."""
        ...

    def broker_lost(self) -> None:
        """The broker lost what it held."""
        ...

    def leases(self, held: int, renewed: int) -> None:
        """Of so many leases that this process held, so many could be renewed."""
        ...

    def freed(self, steps: int) -> None:
        """Steps of dead processes, or with leases that ran out, were freed."""
        ...


class _NoMeasures:
    def hinted(self, sent: int, *, resent: int) -> None:
        """Do nothing."""

    def broker_lost(self) -> None:
        """Do nothing."""

    def leases(self, held: int, renewed: int) -> None:
        """Do nothing."""

    def freed(self, steps: int) -> None:
        """Do nothing."""


NO_MEASURES: Measures = _NoMeasures()
