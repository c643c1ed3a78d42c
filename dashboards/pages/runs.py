"""Runs: what is going on and what went before, live."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import panel as pn

from dashboards.view import Page, View
from tieout.model import Run, RunState

_MOST = 500
_ANY = "any state"


def build(view: View) -> Sequence[Any]:
    """Return a filter and the table; a click on a row opens the run."""
    state = pn.widgets.Select(label="State", options=[_ANY, *[one.value for one in RunState]], width=180)
    words = pn.widgets.TextInput(label="Question contains", placeholder="Apple", width=260)
    view.sync(state, value="state")
    view.sync(words, value="words")
    table = pn.widgets.Tabulator(
        _rows([]),
        show_index=False,
        disabled=True,
        pagination="local",
        page_size=25,
        selectable=False,
        sizing_mode="stretch_width",
        layout="fit_columns",
        formatters={"Run": {"type": "html"}},
    )

    def refresh(*_: object) -> None:
        states = () if state.value == _ANY else (RunState(state.value),)
        found = view.desk.runs(view.who(), limit=_MOST, states=states)
        wanted = (words.value or "").strip().casefold()
        shown = [run for run in found if wanted in run.request.question.casefold()]
        rows = _rows(shown)
        if not rows.equals(table.value):
            table.value = rows

    state.param.watch(lambda _: view.doing(refresh), "value")
    words.param.watch(lambda _: view.doing(refresh), "value")
    view.live(refresh)
    return [pn.FlexBox(state, words), table]


def _rows(runs: Sequence[Run]) -> pd.DataFrame:
    columns = ["Run", "State", "Agent", "Question", "Asked by", "Started (UTC)", "Took", "Tokens", "Cost"]
    return pd.DataFrame([_row(run) for run in runs], columns=columns)


def _row(run: Run) -> list[object]:
    took = run.finished_at - run.created_at if run.finished_at else None
    tokens = run.usage.tokens_in + run.usage.tokens_out
    return [
        f'<a href="/runs/{run.id}">…{run.id[-6:]}</a>',
        run.state.value,
        run.request.agent,
        run.request.question[:160],
        run.principal,
        f"{run.created_at:%Y-%m-%d %H:%M:%S}",
        f"{took.total_seconds():.1f} s" if took else "",
        tokens or "",
        f"{run.usage.cost:f}" if run.usage.cost else "",
    ]


PAGE = Page("/runs", "Runs", build, order=30)
