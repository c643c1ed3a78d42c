"""Drafts and finished reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tieout.model.documents import Figure
from tieout.model.ledger import Claim, Ledger
from tieout.model.runs import Usage


@dataclass(frozen=True)
class Table:
    """A table of a report; each cell is a claim so that its numbers tie like any other."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Claim, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A chart of a report: series of points drawn from lake rows.

    `sql` over `bars` or `figures` returns columns x, then one numeric column per line or bar group.
    """

    id: str
    title: str
    kind: str  # line | bar
    sql: str
    unit: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A headed part of a report, in reading order: sentences, then tables, then charts."""

    title: str
    claims: tuple[Claim, ...] = ()
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()


@dataclass(frozen=True)
class Draft:
    """What a writer makes: the answer in a few sentences, sections, and what could not be answered."""

    title: str
    answer: tuple[Claim, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()  # conventions used, what was not found
    writer: str = "extractive"


@dataclass(frozen=True)
class Report:
    """A finished draft: its `draft` has no placeholders left and each claim carries its numbers."""

    run_id: str
    question: str
    as_of: date
    draft: Draft
    ledger: Ledger
    figures: tuple[Figure, ...] = ()  # rows behind the computed facts
    usage: Usage = field(default_factory=Usage)
