"""The port between the research agent and whoever writes: a brief goes in, a draft comes out.

The extractive writer and the model writer both stand behind it, so the agent does not know which one it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from tieout.model import Draft, Fact, Figure, Hit, Instrument, Span
from tieout.ports import StepContext


@dataclass(frozen=True)
class Brief:
    """All that a writer may use: nothing outside it may appear in the draft.

    `figure_spans` maps a figure's id to the span that quotes its row. `outline` is the extractive draft, for a
    writer that improves on it. `notes` are conventions and gaps that the report must state.
    """

    question: str
    as_of: date
    instruments: tuple[Instrument, ...] = ()
    facts: tuple[Fact, ...] = ()
    figures: tuple[Figure, ...] = ()
    figure_spans: Mapping[str, Span] = field(default_factory=dict)
    passages: tuple[Hit, ...] = ()
    outline: Draft | None = None
    notes: tuple[str, ...] = ()


class Writer(Protocol):
    """Turns a brief into a draft whose claims name the facts and spans that they rest on."""

    name: str

    def write(
        self, context: StepContext, brief: Brief, errors: Sequence[str] = (), previous: Draft | None = None
    ) -> Draft:
        """Return a draft.

        With `errors` (what the ledger found wrong with `previous`, one sentence each) return a corrected one.
        Raises ProviderError when a model is needed and does not give a usable draft, BudgetExceeded.
        """
        ...
