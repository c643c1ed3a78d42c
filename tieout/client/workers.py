"""The use case of processes over HTTP."""

from __future__ import annotations

from tieout import codec
from tieout.client.http import HttpTransport
from tieout.model import Principal, Worker


class HttpWorkers(HttpTransport):
    """A `WorkerDesk` behind a service's URL."""

    def workers(self, principal: Principal) -> list[Worker]:
        """Return the processes that run steps, or did lately. Raises PermissionDenied."""
        return codec.load(list[Worker], self._json("GET", "workers", principal))
