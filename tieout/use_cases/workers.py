"""The use case of the processes that run steps: who there is."""

from __future__ import annotations

from tieout.errors import NotAvailable
from tieout.model import Principal, Role, Worker
from tieout.use_cases.common import UseCases, require


class WorkerUseCases(UseCases):
    """The processes of the whole installation, whichever workspace asks: for admins."""

    def workers(self, principal: Principal) -> list[Worker]:
        """Return the processes that run steps, or did lately. Raises PermissionDenied, NotAvailable."""
        require(principal, Role.ADMIN, "see the processes of this installation")
        if self.worker_store is None:
            raise NotAvailable("This desk keeps no list of processes.")
        return self.worker_store.list_workers()
