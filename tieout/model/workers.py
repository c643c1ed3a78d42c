"""The processes that run steps, as operators see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class WorkerKind(StrEnum):
    """What a process that runs steps is beside that."""

    SERVICE = "service"  # `tieout up`
    WORKER = "worker"  # one of the processes of `tieout worker`
    COMMAND = "command"  # a command, for its own length


class SignOfLife(StrEnum):
    """How others learn that a process has died."""

    LOCK = "lock"  # a session's advisory lock in PostgreSQL: at once
    FILE = "file"  # a locked file: at once
    LEASE = "lease"  # only by the leases of its steps that run out


_SILENT = timedelta(seconds=30)  # several times as long as between two signs


@dataclass(frozen=True)
class Worker:
    """A process that runs steps, or ran some. Times are in UTC, by the database's clock where it has one."""

    owner: str  # the name that its claims carry; never used again
    kind: WorkerKind
    host: str
    pid: int
    boot_id: str  # of the machine; empty when it does not tell
    threads: int
    version: str
    liveness: SignOfLife
    started_at: datetime
    seen_at: datetime
    stopped_at: datetime | None = None  # it said goodbye; a killed process has none

    def state(self, now: datetime) -> str:
        """Return `at work`, `stopped`, or `silent`: killed, cut off or asleep. For people; no verdict rests on it."""
        if self.stopped_at is not None:
            return "stopped"
        return "silent" if now - self.seen_at > _SILENT else "at work"
