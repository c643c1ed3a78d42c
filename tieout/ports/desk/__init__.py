"""The use cases as the doors see them, one Protocol per noun."""

from __future__ import annotations

from typing import Protocol

from tieout.ports.desk.access import AccessDesk
from tieout.ports.desk.backup import BackupDesk
from tieout.ports.desk.credentials import CredentialDesk
from tieout.ports.desk.documents import Checker, DocumentDesk
from tieout.ports.desk.ledgers import LedgerDesk
from tieout.ports.desk.market import MarketDesk
from tieout.ports.desk.operations import OperationDesk, Replayed
from tieout.ports.desk.runs import ResultRenderer, RunDesk
from tieout.ports.desk.schedules import ScheduleDesk
from tieout.ports.desk.workers import WorkerDesk

__all__ = [
    "AccessDesk",
    "BackupDesk",
    "Checker",
    "CredentialDesk",
    "Desk",
    "DocumentDesk",
    "LedgerDesk",
    "MarketDesk",
    "OperationDesk",
    "Replayed",
    "ResultRenderer",
    "RunDesk",
    "ScheduleDesk",
    "WorkerDesk",
]


class Desk(
    RunDesk,
    OperationDesk,
    DocumentDesk,
    LedgerDesk,
    MarketDesk,
    ScheduleDesk,
    WorkerDesk,
    BackupDesk,
    CredentialDesk,
    AccessDesk,
    Protocol,
):
    """Every use case. The application is one in this process; the HTTP client is one in the service's."""
