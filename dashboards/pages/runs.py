"""Runs: what is going on and what went before, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn

from dashboards.table import Table
from dashboards.view import Page, View
from tieout.model import Run, RunState

_MOST = 500
_ANY = "any state"
_COLUMNS = ["Run", "State", "Agent", "Question", "Asked by", "Started (UTC)", "Took (s)", "Tokens", "Cost"]


def build(view: View) -> Sequence[Any]:
    """Return a filter and the table; a click on a row opens the run."""
    state = pn.widgets.Select(label="State", options=[_ANY, *[one.value for one in RunState]], width=180)
    words = pn.widgets.TextInput(label="Question contains", placeholder="Apple", width=260)
    view.sync(state, value="state")
    view.sync(words, value="words")
    table = Table("runs", _COLUMNS, links={"Run": "/runs/"}, nothing="No run fits.")

    def refresh(*_: object) -> None:
        states = () if state.value == _ANY else (RunState(state.value),)
        found = view.desk.runs(view.who(), limit=_MOST, states=states)
        wanted = (words.value or "").strip().casefold()
        shown = [run for run in found if wanted in run.request.question.casefold()]
        table.show([_row(run) for run in shown])

    state.param.watch(lambda _: view.doing(refresh), "value")
    words.param.watch(lambda _: view.doing(refresh), "value")
    view.live(refresh)
    return [pn.FlexBox(state, words), table.panel]


def _row(run: Run) -> list[object]:
    took = run.finished_at - run.created_at if run.finished_at else None
    tokens = run.usage.tokens_in + run.usage.tokens_out
    return [
        run.id,
        run.state.value,
        run.request.agent,
        run.request.question[:160],
        run.principal,
        f"{run.created_at:%Y-%m-%d %H:%M:%S}",
        round(took.total_seconds(), 1) if took else None,
        tokens,
        f"{run.usage.cost:f}",
    ]


PAGE = Page("/runs", "Runs", build, order=30)
