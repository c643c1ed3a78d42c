"""The use cases that every door calls, joined: who may do what, what input is good, in which order the parts act."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.use_cases.access import AccessUseCases
from tieout.use_cases.approvals import ApprovalUseCases
from tieout.use_cases.backup import BackupUseCases
from tieout.use_cases.common import MAX_QUESTION
from tieout.use_cases.credentials import CredentialUseCases
from tieout.use_cases.documents import MAX_HITS, MAX_TEXT, DocumentUseCases, find_document
from tieout.use_cases.ledgers import LedgerUseCases
from tieout.use_cases.market import MarketUseCases
from tieout.use_cases.operations import OperationUseCases
from tieout.use_cases.runs import RunUseCases, find_artifact
from tieout.use_cases.schedules import ScheduleUseCases
from tieout.use_cases.workers import WorkerUseCases

__all__ = ["MAX_HITS", "MAX_QUESTION", "MAX_TEXT", "Application", "find_artifact", "find_document"]


@dataclass(frozen=True)
class Application(
    ScheduleUseCases,
    LedgerUseCases,
    RunUseCases,
    OperationUseCases,
    ApprovalUseCases,
    DocumentUseCases,
    MarketUseCases,
    WorkerUseCases,
    BackupUseCases,
    CredentialUseCases,
    AccessUseCases,
):
    """A `Desk` in this process. All parts come in as ports; tieout/bootstrap.py joins them.

    Viewers read, members also write, admins also remove; every other role raises PermissionDenied.
    """
