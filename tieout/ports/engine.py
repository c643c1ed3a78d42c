"""What runs the steps, and what tells waiting threads that something changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from tieout.errors import TieoutError
from tieout.model import ReadyStep


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


READY = "ready"  # in place of a run's id: some run has steps that may start; engines of all processes listen to it


class Changes(Protocol):
    """Tells waiting threads that something was committed. A hint: who waits looks at SQL again.

    `run_id` narrows a wake-up to those who wait for this run, and for any run. None concerns all.
    """

    @property
    def poll_s(self) -> float:
        """How long, in seconds, to wait before looking anyway: a wake-up may be lost, or this process not be told."""
        ...

    def notify(self, run_id: str | None = None) -> None:
        """Wake who waits for the run or for any; with None, all. Cheap, may be called from any thread."""
        ...

    def wait(self, seen: int, timeout_s: float, run_id: str | None = None) -> int:
        """Return the count of changes once there are some after `seen`, at the latest after `timeout_s` seconds.

        With a run's id, only once that run may have changed. With `seen` -1 it returns at once.
        """
        ...

    def listen(self, callback: Callable[[], None], run_id: str | None = None) -> Callable[[], None]:
        """Call back at each change (quick, must not raise), of the run when given; return the function that ends it."""
        ...

    def close(self) -> None:
        """End what carries wake-ups to other processes; within this one they go on."""
        ...


class Hints(Protocol):
    """Steps that are likely to be ready, as ids. A hint may be lost, late or doubled: the state of record decides."""

    def take(self, most: int) -> Sequence[str]:
        """Return hints that are at hand, without waiting; none when there are none, or no more work is to begin."""
        ...

    def opened(self, steps: Sequence[ReadyStep]) -> None:
        """Hear of steps that have just become ready."""
        ...
