"""The vocabulary: frozen records that every layer speaks in (docs/glossary.md defines each word).

Times are timezone-aware UTC. Money and counts are `Decimal` or `int` in base units (dollars, not
millions); a percentage is a fraction (7.79 % = 0.0779). Page numbers count from 1 in the file.
"""

from __future__ import annotations

from tieout.model.documents import Chunk, Document, Figure, Hit, Instrument, Page, Period, Span
from tieout.model.ledger import Claim, Fact, Ledger, LedgerCounts, Number, NumberStatus, Source
from tieout.model.market import Series, SeriesKey
from tieout.model.models import ModelAnswer, ModelMessage
from tieout.model.report import Chart, Draft, Report, Section, Table
from tieout.model.runs import Artifact, Event, Plan, Run, RunRequest, RunState, Step, StepSpec, StepState, Usage
from tieout.model.who import Principal, Role, new_id

__all__ = [
    "Artifact",
    "Chart",
    "Chunk",
    "Claim",
    "Document",
    "Draft",
    "Event",
    "Fact",
    "Figure",
    "Hit",
    "Instrument",
    "Ledger",
    "LedgerCounts",
    "ModelAnswer",
    "ModelMessage",
    "Number",
    "NumberStatus",
    "Page",
    "Period",
    "Plan",
    "Principal",
    "Report",
    "Role",
    "Run",
    "RunRequest",
    "RunState",
    "Section",
    "Series",
    "SeriesKey",
    "Source",
    "Span",
    "Step",
    "StepSpec",
    "StepState",
    "Table",
    "Usage",
    "new_id",
]
