"""The list of processes that run steps, kept for operators. It belongs to the installation, not to a workspace."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tieout.model import Worker


class WorkerStore(Protocol):
    """Which processes run steps or ran some."""

    def register(self, worker: Worker) -> None:
        """Enter a process, or enter it anew under the name that it has."""
        ...

    def beat(self, owner: str, *, now: datetime) -> bool:
        """Note that the process lives; return False when it is not entered."""
        ...

    def leave(self, owner: str, *, now: datetime) -> None:
        """Note that the process ended by itself."""
        ...

    def list_workers(self, *, limit: int = 200) -> list[Worker]:
        """Return the processes: those not ended first, then the newest."""
        ...

    def time_left_s(self, owner: str, *, now: datetime) -> float:
        """Return in how many seconds the last of the owner's running steps reaches its time limit; 0 with none."""
        ...

    def forget(self, *, before: datetime) -> int:
        """Drop processes that showed no life since `before` and have no running step; return how many."""
        ...
