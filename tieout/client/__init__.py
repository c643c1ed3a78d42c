"""The desk of a running service, over HTTP: the same use cases, so that a door is written once."""

from __future__ import annotations

from tieout.client.access import HttpAccess
from tieout.client.backup import HttpBackups
from tieout.client.credentials import HttpCredentials
from tieout.client.documents import HttpDocuments
from tieout.client.http import problem_error, read_sse
from tieout.client.ledgers import HttpLedgers
from tieout.client.market import HttpMarket
from tieout.client.operations import HttpOperations
from tieout.client.runs import HttpRuns
from tieout.client.schedules import HttpSchedules
from tieout.client.workers import HttpWorkers

__all__ = ["HttpDesk", "problem_error", "read_sse"]


class HttpDesk(
    HttpRuns,
    HttpDocuments,
    HttpLedgers,
    HttpMarket,
    HttpSchedules,
    HttpWorkers,
    HttpBackups,
    HttpOperations,
    HttpCredentials,
    HttpAccess,
):
    """A `Desk` behind a service's URL. Close it, or use it as a context manager.

    Errors of the service come back as the same classes of tieout.errors; a service that does not answer
    raises NotAvailable.
    """
