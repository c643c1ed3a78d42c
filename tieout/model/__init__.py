"""The vocabulary: frozen records that every layer speaks in (docs/glossary.md defines each word).

Times are timezone-aware UTC. Money and counts are `Decimal` or `int` in base units (dollars, not
millions); a percentage is a fraction (7.79 % = 0.0779). Page numbers count from 1 in the file.
"""

from __future__ import annotations

from tieout.model.access import Grant, GrantKind, Member
from tieout.model.conversations import ChannelSettings, Conversation, Message, Speaker
from tieout.model.documents import Chunk, Document, Figure, Hit, Instrument, Page, Period, Span
from tieout.model.ledger import Claim, Correction, Fact, Ledger, LedgerCounts, Number, NumberStatus, Source
from tieout.model.limits import Limit
from tieout.model.market import Series, SeriesKey
from tieout.model.models import ModelAnswer, ModelMessage
from tieout.model.report import Chart, Draft, Report, Section, Table
from tieout.model.runs import (
    Artifact,
    DeadLetter,
    Event,
    JoinPolicy,
    Plan,
    ReadyStep,
    Run,
    RunRequest,
    RunState,
    Step,
    StepSpec,
    StepState,
    Usage,
    UsageLine,
)
from tieout.model.schedules import (
    CronRule,
    Fire,
    FireState,
    IntervalRule,
    MarketRule,
    Misfire,
    OnceRule,
    Overlap,
    Rule,
    Schedule,
    ScheduleSpec,
    ScheduleState,
)
from tieout.model.waits import OpenWait, Wait, WaitKind, WaitState
from tieout.model.who import Principal, Role, new_id
from tieout.model.workers import SignOfLife, Worker, WorkerKind

__all__ = [
    "Artifact",
    "ChannelSettings",
    "Chart",
    "Chunk",
    "Claim",
    "Conversation",
    "Correction",
    "CronRule",
    "DeadLetter",
    "Document",
    "Draft",
    "Event",
    "Fact",
    "Figure",
    "Fire",
    "FireState",
    "Grant",
    "GrantKind",
    "Hit",
    "Instrument",
    "IntervalRule",
    "JoinPolicy",
    "Ledger",
    "LedgerCounts",
    "Limit",
    "MarketRule",
    "Member",
    "Message",
    "Misfire",
    "ModelAnswer",
    "ModelMessage",
    "Number",
    "NumberStatus",
    "OnceRule",
    "OpenWait",
    "Overlap",
    "Page",
    "Period",
    "Plan",
    "Principal",
    "ReadyStep",
    "Report",
    "Role",
    "Rule",
    "Run",
    "RunRequest",
    "RunState",
    "Schedule",
    "ScheduleSpec",
    "ScheduleState",
    "Section",
    "Series",
    "SeriesKey",
    "SignOfLife",
    "Source",
    "Span",
    "Speaker",
    "Step",
    "StepSpec",
    "StepState",
    "Table",
    "Usage",
    "UsageLine",
    "Wait",
    "WaitKind",
    "WaitState",
    "Worker",
    "WorkerKind",
    "new_id",
]
