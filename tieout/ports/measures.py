"""What the engine counts about itself: for nobody by default, for Prometheus in a service and in workers."""

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

    def claimed(self, waited_s: float) -> None:
        """A step was claimed that was ready for so many seconds."""
        ...

    def ended(self, agent: str, action: str, outcome: str, seconds: float) -> None:
        """An attempt ended after so many seconds: done, failed, waiting, deferred or abandoned."""
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

    def claimed(self, waited_s: float) -> None:
        """Do nothing."""

    def ended(self, agent: str, action: str, outcome: str, seconds: float) -> None:
        """Do nothing."""


NO_MEASURES: Measures = _NoMeasures()
