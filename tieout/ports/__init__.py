"""The contracts between use cases and parts: what a store, lake, index, provider or engine must do.

Each Protocol has an in-memory implementation and real ones; one suite in tests/contracts runs over all.
Every method that touches a workspace's data takes the principal first and sees only that workspace.
"""

from __future__ import annotations

from tieout.model import ReadyStep
from tieout.ports.access import AccessStore
from tieout.ports.agents import Action, Agent, Agents, Parts, StepContext, StepOutcome
from tieout.ports.channels import Channel
from tieout.ports.content import BlobStore, ContentStore
from tieout.ports.conversations import LONGEST_MESSAGE, ConversationStore
from tieout.ports.desk import Checker, Desk, Replayed, ResultRenderer
from tieout.ports.engine import READY, Changes, Engine, Hints
from tieout.ports.lake import (
    DEFAULT_OPTIONS,
    BarFilter,
    FactQuery,
    ImportOptions,
    ImportPreview,
    Lake,
    Measurer,
    RefusedRow,
    ScreenFilter,
)
from tieout.ports.liveness import Liveness
from tieout.ports.measures import NO_MEASURES, Measures
from tieout.ports.models import ModelProvider
from tieout.ports.retrieval import Embedder, IngestOutcome, Library, Registry, SearchFilter, VectorIndex, VectorPoint
from tieout.ports.runs import NO_LIMIT, NO_USAGE, Advanced, Budget, Claimed, Depths, Effect, RunFilter, RunStore
from tieout.ports.schedules import ScheduleStore
from tieout.ports.secrets import CREDENTIALS, CredentialStore
from tieout.ports.waits import WaitStore
from tieout.ports.workers import WorkerStore

__all__ = [
    "CREDENTIALS",
    "DEFAULT_OPTIONS",
    "LONGEST_MESSAGE",
    "NO_LIMIT",
    "NO_MEASURES",
    "NO_USAGE",
    "READY",
    "AccessStore",
    "Action",
    "Advanced",
    "Agent",
    "Agents",
    "BarFilter",
    "BlobStore",
    "Budget",
    "Changes",
    "Channel",
    "Checker",
    "Claimed",
    "ContentStore",
    "ConversationStore",
    "CredentialStore",
    "Depths",
    "Desk",
    "Effect",
    "Embedder",
    "Engine",
    "FactQuery",
    "Hints",
    "ImportOptions",
    "ImportPreview",
    "IngestOutcome",
    "Lake",
    "Library",
    "Liveness",
    "Measurer",
    "Measures",
    "ModelProvider",
    "Parts",
    "ReadyStep",
    "RefusedRow",
    "Registry",
    "Replayed",
    "ResultRenderer",
    "RunFilter",
    "RunStore",
    "ScheduleStore",
    "ScreenFilter",
    "SearchFilter",
    "StepContext",
    "StepOutcome",
    "VectorIndex",
    "VectorPoint",
    "WaitStore",
    "WorkerStore",
]
