"""One run: its steps as a graph and over time, its events as they come, what it waits for; stop it, or do it again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

import panel as pn

from dashboards.drawing import CSS, graph, timeline
from dashboards.parts import CSS as TEXT
from dashboards.parts import decision, facts, heading, run_link, text
from dashboards.table import Table
from dashboards.view import Page, View
from tieout.errors import InvalidInput
from tieout.model import Event, Run, RunRequest, RunState, Step, WaitKind, WaitState

_EVENTS = 10_000
_WHOLE = "what has no result"


def build(view: View) -> Sequence[Any]:
    """Return the run that the address names, live."""
    run_id = str(view.query.get("id", ""))
    if not run_id:
        raise InvalidInput("The address names no run: choose one on the page Runs.")
    shown = _Shown(view, view.desk.run(view.who(), run_id).id)
    view.live(shown.refresh)
    return shown.body


class _Shown:
    """What one browser sees of one run."""

    def __init__(self, view: View, run_id: str) -> None:
        self._view, self._id = view, run_id
        self._head = text("")
        self._graph = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT, CSS])
        self._time = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[TEXT, CSS])
        self._waits = pn.Column(sizing_mode="stretch_width")
        self._shown_waits: list[str] = []
        self._steps = Table("steps", ["Step", "Action", "State", "Attempt", "Started (UTC)", "Took (s)", "Error"])
        self._events = Table(
            "events", ["Number", "At (UTC)", "Kind", "Step", "Data"], nothing="Nothing has happened yet."
        )
        self._cancel = self._button("Cancel", "danger", self._do_cancel)
        self._pause = self._button("Pause", "default", self._do_pause)
        self._resume = self._button("Resume", "default", self._do_resume)
        self._again = self._button("Ask again", "default", self._do_again)
        self._from = pn.widgets.Select(label="Replay from", options=[_WHOLE], width=220)
        self._replay = self._button("Replay", "default", self._do_replay)
        self._files = text("")

    @property
    def body(self) -> list[Any]:
        """Return the blocks, one below the other."""
        buttons = pn.FlexBox(self._cancel, self._pause, self._resume, self._again, self._from, self._replay)
        return [
            *(self._head, self._waits, buttons, self._files),
            *(heading("Steps"), self._graph, heading("When each step ran"), self._time, self._steps.panel),
            *(heading("Events"), self._events.panel),
        ]

    def refresh(self) -> None:
        """Look at the run again."""
        desk, who = self._view.desk, self._view.who()
        run, steps = desk.run(who, self._id), desk.steps(who, self._id)
        events = desk.events(who, self._id, limit=_EVENTS)
        _set(self._head, _head(run))
        _set(self._graph, graph(run, steps))
        now = max([one.at for one in events], default=run.created_at) if run.state.final else datetime.now(UTC)
        _set(self._time, timeline(steps, events, now))
        self._steps.show([_step(step) for step in steps])
        self._events.show([_event(event) for event in reversed(events)])
        _set(self._files, _files(run, [one.name for one in desk.artifacts(who, self._id)]))
        options = [_WHOLE, *(step.key for step in steps)]
        if self._from.options != options:
            self._from.options = options
        self._cancel.disabled = self._pause.disabled = run.state.final
        self._pause.disabled = run.state.final or run.state is RunState.PAUSED
        self._resume.disabled = run.state not in (RunState.PAUSED, RunState.FAILED)
        self._replay.disabled = not run.state.final
        self._refresh_waits()

    def _refresh_waits(self) -> None:
        waits = self._view.desk.waits(self._view.who(), run_id=self._id)
        approvals = [one for one in waits if one.state is WaitState.OPEN and one.kind is WaitKind.APPROVAL]
        if [one.token for one in approvals] != self._shown_waits:
            self._shown_waits = [one.token for one in approvals]
            self._waits.objects = [decision(self._view, one) for one in approvals]

    def _button(self, label: str, color: str, work: Any) -> Any:
        button = pn.widgets.Button(label=label, color=color)
        button.on_click(lambda _: self._view.doing(work))
        return button

    def _do_cancel(self) -> None:
        self._view.desk.cancel(self._view.who(), self._id)
        self._view.say("It is cancelled; what runs stops within seconds.")

    def _do_pause(self) -> None:
        self._view.desk.pause(self._view.who(), self._id)
        self._view.say("It is paused: no step is begun until it is resumed.")

    def _do_resume(self) -> None:
        self._view.desk.resume(self._view.who(), self._id)
        self._view.say("It goes on.")

    def _do_again(self) -> None:
        request = self._view.desk.run(self._view.who(), self._id).request
        fresh = RunRequest(
            request.question, agent=request.agent, tickers=request.tickers, as_of=request.as_of, params=request.params,
            door="page", token_budget=request.token_budget, money_budget=request.money_budget,
        )  # fmt: skip
        run = self._view.desk.start_run(self._view.who(), fresh)
        self._view.say_html(f"It is asked again, as {run_link(run, run.id)}.")

    def _do_replay(self) -> None:
        step = None if self._from.value == _WHOLE else self._from.value
        self._view.desk.replay(self._view.who(), self._id, step=step)
        self._view.say("It is done again; what was sent is not sent again.")


def _set(pane: Any, html: str) -> None:
    if pane.object != html:
        pane.object = html


def _head(run: Run) -> str:
    took = ((run.finished_at or datetime.now(UTC)) - run.created_at).total_seconds()
    tokens = run.usage.tokens_in + run.usage.tokens_out
    error = f'<p class="open">{escape(run.error)}</p>' if run.error else ""
    cost = (
        f"{run.usage.calls:,} model calls, {tokens:,} tokens, {run.usage.cost:f} in the currency of the model's prices"
    )
    return f"<p><b>{escape(run.request.question)}</b></p>{error}" + facts(
        {
            "State": f"<b>{escape(run.state.value)}</b>",
            "Run": f'<a href="/runs/{quote(run.id)}"><code>{escape(run.id)}</code></a>',
            "Agent": escape(f"{run.plan.agent}, version {run.plan.version}"),
            "Asked": escape(f"by {run.principal} through {run.request.door}, {run.created_at:%-d %B %Y, %H:%M:%S} UTC"),
            "As of": escape(run.request.as_of.isoformat()) if run.request.as_of else "",
            "Took": f"{took:.1f} s" if run.finished_at else "it goes on",
            "Cost": escape(cost) if run.usage.calls else "no model was called",
            "Part of": escape(f"step {run.parent_step}") if run.parent_step else "",
        }
    )


def _files(run: Run, names: Sequence[str]) -> str:
    if not names:
        return ""
    links = [f'<a href="/runs/{quote(run.id)}/artifacts/{quote(name)}">{escape(name)}</a>' for name in names]
    report = (
        f'<p><a href="/report?run={quote(run.id)}"><b>Open the report</b></a></p>' if "report.html" in names else ""
    )
    return f"{report}<p>Files: {', '.join(links)}</p>"


def _step(step: Step) -> list[object]:
    took = (step.finished_at - step.started_at).total_seconds() if step.started_at and step.finished_at else None
    return [
        step.key,
        step.action,
        step.state.value,
        f"{step.attempt} of {step.max_attempts}",
        f"{step.started_at:%Y-%m-%d %H:%M:%S}" if step.started_at else "",
        round(took, 3) if took is not None else None,
        step.error or "",
    ]


def _event(event: Event) -> list[object]:
    data = json.dumps(dict(event.data), ensure_ascii=False, default=str) if event.data else ""
    return [event.seq, f"{event.at:%H:%M:%S.%f}"[:-3], event.kind, event.step or "", data[:500]]


PAGE = Page("/run", "Run", build, order=31, menu=False)
