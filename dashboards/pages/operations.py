"""Operations: queues, dead letters, schedules, workers, what was spent, and who did what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

import panel as pn

from dashboards.parts import facts, heading, text
from dashboards.table import Table
from dashboards.view import Page, View
from tieout.errors import PermissionDenied
from tieout.model import DeadLetter, Event, Schedule, ScheduleState, UsageLine, Worker
from tieout.use_cases.operations import USAGE_BY

_MOST = 500
_NONE = "none"
_DAYS = {"the last day": 1, "7 days": 7, "30 days": 30, "a year": 365}
_WORKER = ["Process", "Kind", "State", "Machine", "PID", "Threads", "Version", "Started (UTC)", "Seen (UTC)"]
_SCHEDULE = ["Schedule", "Name", "State", "Rule", "Question", "Next (UTC)", "Owner"]
_LETTER = ["Run", "Step", "Agent", "Attempts", "Ended (UTC)", "Error", "Question"]


def build(view: View) -> Sequence[Any]:
    """Return all of it, live."""
    shown = _Operations(view)
    view.live(shown.refresh)
    return shown.body


class _Operations:
    """What one browser sees of the engine."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._queues = text("")
        links = {"Run": "/runs/"}
        self._letters = Table("dead-letters", _LETTER, links=links, nothing="No step is dead.", page_size=8)
        self._effects = Table(
            "unknown-effects", ["Run", "Step", "Kind", "Effect", "Begun (UTC)"], links=links, page_size=6,
            nothing="The outcome of everything that was sent is known.",
        )  # fmt: skip
        self._letter = pn.widgets.Select(
            label="Dead letter", options={_NONE: ""}, max_width=360, min_width=250, sizing_mode="stretch_width"
        )
        self._schedules = Table("schedules", _SCHEDULE, nothing="There is no schedule.", page_size=8)
        self._schedule = pn.widgets.Select(
            label="Schedule", options={_NONE: ""}, max_width=360, min_width=250, sizing_mode="stretch_width"
        )
        self._workers = Table("workers", _WORKER, plain=["PID"], nothing="No process works.", page_size=8)
        self._by = pn.widgets.Select(label="By", options=list(USAGE_BY), value="agent", width=130)
        self._days = pn.widgets.Select(label="Over", options=list(_DAYS), value="30 days", width=150)
        self._usage = Table("usage", ["Name", "Runs", "Model calls", "Tokens in", "Tokens out", "Cost"], page_size=10)
        self._trail = Table(
            "audit", ["At (UTC)", "Who", "What", "Run", "Step", "Details"], links=links, page_size=12,
            nothing="Nobody has done anything yet.",
        )  # fmt: skip
        view.sync(self._by, value="by")
        view.sync(self._days, value="days")
        view.sync(self._letter, value="letter")
        view.sync(self._schedule, value="schedule")
        for widget in (self._by, self._days):
            widget.param.watch(lambda _: view.doing(self._sum), "value")

    @property
    def body(self) -> list[Any]:
        """Return the blocks, one below the other."""
        button = self._button
        return [
            *(heading("Queues"), self._queues),
            *(heading("Dead letters"), self._letters.panel),
            pn.FlexBox(self._letter, button("Replay", self._replay), align_items="flex-end"),
            *(heading("Sent, and not known whether it arrived"), self._effects.panel),
            *(heading("Schedules"), self._schedules.panel),
            pn.FlexBox(
                self._schedule,
                button("Fire now", self._fire),
                button("Pause", self._pause),
                button("Resume", self._resume),
                align_items="flex-end",
            ),
            *(heading("Workers"), self._workers.panel),
            *(heading("Usage and cost"), pn.FlexBox(self._by, self._days), self._usage.panel),
            *(heading("Audit trail"), self._trail.panel),
        ]

    def refresh(self) -> None:
        """Look at everything again. What only an admin may see is left empty, with a word why."""
        desk, who = self._view.desk, self._view.who()
        states = desk.states(who)
        told = {state: f"{count:,}" for state, count in sorted(states.items())} or {"Runs": "there are none"}
        self._queues.object = facts(told | dict(self._allowed(self._depths)))
        letters = desk.dead_letters(who, limit=_MOST)
        self._letters.show([_letter(one) for one in letters])
        _offer(
            self._letter, {f"{one.step.key} of …{one.run_id[-6:]}": f"{one.run_id} {one.step.key}" for one in letters}
        )
        effects = desk.unknown_effects(who, limit=_MOST)
        self._effects.show([[one.run_id, one.step, one.kind, one.key, one.begun_at] for one in effects])
        schedules = desk.schedules(who)
        self._schedules.show([_schedule(one) for one in schedules])
        _offer(self._schedule, {f"{one.spec.name} ({one.id[-6:]})": one.id for one in schedules})
        self._workers.show([_worker(one) for one in self._allowed(lambda: desk.workers(who))])
        self._trail.show([_deed(one) for one in self._allowed(lambda: desk.deeds(who, limit=_MOST))])
        self._sum()

    def _depths(self) -> list[tuple[str, str]]:
        depths = self._view.desk.depths(self._view.who())
        steps = ", ".join(f"{count:,} {state}" for state, count in depths.steps.items())
        waits = f"{depths.oldest_ready_s:.1f} s" if depths.oldest_ready_s else "none waits"
        return [
            ("Steps", escape(steps)),
            ("Oldest ready step", waits),
            ("Effects not known", f"{depths.effects_unknown:,}"),
        ]

    def _allowed[T](self, look: Callable[[], list[T]]) -> list[T]:
        try:
            return look()
        except PermissionDenied:
            return []

    def _sum(self) -> None:
        since = datetime.now(UTC) - timedelta(days=_DAYS[self._days.value])
        self._usage.show(
            [_usage(one) for one in self._view.desk.usage(self._view.who(), by=self._by.value, since=since)]
        )

    def _button(self, label: str, work: Callable[[], None]) -> Any:
        button = pn.widgets.Button(label=label, color="default")
        button.on_click(lambda _: self._view.doing(work))
        return button

    def _replay(self) -> None:
        run_id, _, step = str(self._letter.value).partition(" ")
        if not run_id:
            self._view.say("Choose a dead letter first.")
            return
        self._view.desk.replay(self._view.who(), run_id, step=step)
        self._view.say(f"{step} is done again.")
        self.refresh()

    def _with_schedule(self, work: Callable[[str], str]) -> None:
        if not self._schedule.value:
            self._view.say("Choose a schedule first.")
            return
        self._view.say(work(str(self._schedule.value)))
        self.refresh()

    def _fire(self) -> None:
        desk, who = self._view.desk, self._view.who()
        self._with_schedule(lambda id: f"It is asked now, as {desk.fire_schedule(who, id).id}.")

    def _pause(self) -> None:
        desk, who = self._view.desk, self._view.who()
        self._with_schedule(lambda id: f"{desk.pause_schedule(who, id).spec.name} is paused.")

    def _resume(self) -> None:
        desk, who = self._view.desk, self._view.who()
        self._with_schedule(lambda id: f"{desk.resume_schedule(who, id).spec.name} goes on.")


def _offer(select: Any, options: dict[str, str]) -> None:
    options = {_NONE: "", **options}
    if options != select.options:
        keep = select.value if select.value in options.values() else ""
        select.param.update(options=options, value=keep)


def _letter(one: DeadLetter) -> list[object]:
    step = one.step
    return [one.run_id, step.key, one.agent, step.attempt, step.finished_at, step.error or "", one.question[:120]]


def _schedule(one: Schedule) -> list[object]:
    next_at = one.next_at if one.state is ScheduleState.ACTIVE else None
    spec = one.spec
    return [one.id, spec.name, one.state.value, spec.rule, spec.request.question[:120], next_at, one.principal]


def _worker(one: Worker) -> list[object]:
    at_work = one.state(datetime.now(UTC))
    return [
        *(one.owner, one.kind.value, at_work, one.host, one.pid, one.threads, one.version, one.started_at, one.seen_at)
    ]


def _usage(one: UsageLine) -> list[object]:
    usage = one.usage
    return [one.name, one.runs, usage.calls, usage.tokens_in, usage.tokens_out, usage.cost]


def _deed(one: Event) -> list[object]:
    data = dict(one.data)
    who = data.pop("principal", data.pop("by", ""))
    details = ", ".join(f"{name}: {value}" for name, value in data.items())
    return [one.at, who, one.kind.replace("_", " "), one.run_id, one.step or "", details[:300]]


PAGE = Page("/operations", "Operations", build, order=50)
