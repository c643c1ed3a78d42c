"""The use case of processes as the doors see it."""

from __future__ import annotations

from typing import Protocol

from tieout.model import Principal, Worker


class WorkerDesk(Protocol):
    """Tells which processes run steps."""

    def workers(self, principal: Principal) -> list[Worker]:
        """Return the processes that run steps, or did lately: for admins. Raises PermissionDenied."""
        ...
