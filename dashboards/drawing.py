"""Drawings of a run as SVG: its steps as a graph, and when each of them ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from tieout.model import Event, Run, Step, StepState

_BOX_W, _BOX_H, _GAP_X, _GAP_Y, _PAD = 168, 44, 40, 16, 8
_LABEL_W, _BAR_W, _ROW_H = 150, 620, 24
_MARKS = {
    StepState.DONE: ("#1a7f37", "✓"),
    StepState.RUNNING: ("#0969da", "▶"),
    StepState.DEAD: ("#cf222e", "✕"),
    StepState.CANCELLED: ("#6e7781", "–"),
    StepState.WAITING: ("#9a6700", "⏸"),
    StepState.RETRY: ("#9a6700", "↻"),
    StepState.READY: ("#6e7781", "…"),
    StepState.BLOCKED: ("#6e7781", "·"),
}


def edges(run: Run, steps: Sequence[Step]) -> list[tuple[str, str]]:
    """Return who waits for whom as (earlier, later): as planned, and from a step to those that its result asked for."""
    keys = {step.key for step in steps}
    planned = [(before, spec.key) for spec in run.plan.steps for before in spec.after]
    asked = [(step.spawned_by, step.key) for step in steps if step.spawned_by]
    return [(one, other) for one, other in (*planned, *asked) if one in keys and other in keys]


def layers(keys: Sequence[str], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return each key's column: one more than the last of those before it. The pairs must have no cycle."""
    column = dict.fromkeys(keys, 0)
    for _ in keys:
        moved = False
        for before, after in pairs:
            if column[after] <= column[before]:
                column[after], moved = column[before] + 1, True
        if not moved:
            return column
    raise ValueError("the steps wait for each other in a circle")


def graph(run: Run, steps: Sequence[Step]) -> str:
    """Return the steps as boxes with arrows, left to right; each says its state in a sign, a colour and words."""
    pairs = edges(run, steps)
    column = layers([step.key for step in steps], pairs)
    places: dict[str, tuple[int, int]] = {}
    taken: dict[int, int] = {}
    for step in steps:
        at = column[step.key]
        row = taken.get(at, 0)
        taken[at] = row + 1
        places[step.key] = (_PAD + at * (_BOX_W + _GAP_X), _PAD + row * (_BOX_H + _GAP_Y))
    width = _PAD * 2 + (max(column.values(), default=0) + 1) * (_BOX_W + _GAP_X) - _GAP_X
    height = _PAD * 2 + max(taken.values(), default=1) * (_BOX_H + _GAP_Y) - _GAP_Y
    lines = [_arrow(places[one], places[other]) for one, other in pairs]
    boxes = [_box(step, *places[step.key]) for step in steps]
    told = f"{len(steps)} steps: " + ", ".join(f"{step.key} {step.state.value}" for step in steps)
    return _svg(width, height, told, [*lines, *boxes])


def _arrow(one: tuple[int, int], other: tuple[int, int]) -> str:
    x1, y1, x2, y2 = one[0] + _BOX_W, one[1] + _BOX_H // 2, other[0], other[1] + _BOX_H // 2
    middle = x2 - _GAP_X // 2
    return f'<path d="M{x1} {y1} H{middle} V{y2} H{x2 - 5}" class="arrow" marker-end="url(#head)"/>'


def _box(step: Step, x: int, y: int) -> str:
    colour, mark = _MARKS[step.state]
    told = f"{step.key}: {step.state.value}, attempt {step.attempt} of {step.max_attempts}"
    note = step.state.value + (f", attempt {step.attempt}" if step.attempt > 1 else "")
    return (
        f"<g><title>{escape(told)}{escape(': ' + step.error if step.error else '')}</title>"
        f'<rect x="{x}" y="{y}" width="{_BOX_W}" height="{_BOX_H}" rx="6" class="box" stroke="{colour}"/>'
        f'<text x="{x + 10}" y="{y + 19}" class="name">{escape(_short(step.key, 19))}</text>'
        f'<text x="{x + 10}" y="{y + 35}" class="note">{mark} {escape(note)}</text></g>'
    )


@dataclass(frozen=True)
class _Attempt:
    began: datetime
    ended: datetime | None
    good: bool


def timeline(steps: Sequence[Step], events: Sequence[Event], now: datetime) -> str:
    """Return a bar for each attempt of each step over the run's time; those that failed are red, open ones go on."""
    attempts = {step.key: _attempts(step, events) for step in steps}
    begins = [one.began for found in attempts.values() for one in found]
    if not begins:
        return '<p class="quiet">No step has begun.</p>'
    first = min(begins)
    ends = [one.ended or now for found in attempts.values() for one in found]
    whole = max((max(ends) - first).total_seconds(), 0.001)
    parts = []
    for row, step in enumerate(steps):
        y = _PAD + row * _ROW_H
        parts.append(f'<text x="{_PAD}" y="{y + 15}" class="name">{escape(_short(step.key, 18))}</text>')
        for one in attempts[step.key]:
            ended = one.ended or now
            x = _LABEL_W + (one.began - first).total_seconds() / whole * _BAR_W
            wide = max(2.0, (ended - one.began).total_seconds() / whole * _BAR_W)
            colour = "#1a7f37" if one.good else ("#cf222e" if one.ended else "#0969da")
            seconds = (ended - one.began).total_seconds()
            told = f"{step.key}: {seconds:.2f} s from {(one.began - first).total_seconds():.2f} s on"
            bar = f'<rect x="{x:.1f}" y="{y + 4}" width="{wide:.1f}" height="14" rx="3" fill="{colour}"/>'
            parts.append(f"<g><title>{escape(told)}</title>{bar}</g>")
            if one is attempts[step.key][-1]:
                left = x + wide + 60 > _LABEL_W + _BAR_W + 60
                anchor = f'x="{x - 6:.1f}" text-anchor="end"' if left else f'x="{x + wide + 6:.1f}"'
                parts.append(f'<text {anchor} y="{y + 15}" class="note">{seconds:.2f} s</text>')
    height = _PAD * 2 + len(steps) * _ROW_H
    return _svg(_LABEL_W + _BAR_W + 70, height, f"When each step ran, {whole:.2f} seconds in all", parts)


def _attempts(step: Step, events: Sequence[Event]) -> list[_Attempt]:
    found: list[_Attempt] = []
    began: datetime | None = None
    for event in events:
        if event.step != step.key:
            continue
        if event.kind == "step_started":
            if began is not None:
                found.append(_Attempt(began, event.at, good=False))
            began = event.at
        elif began is not None and event.kind in _ENDS:
            found.append(_Attempt(began, event.at, good=_ENDS[event.kind]))
            began = None
    if began is not None:
        found.append(_Attempt(began, None if step.state is StepState.RUNNING else step.finished_at, good=False))
    return found


_ENDS: Mapping[str, bool] = {
    "step_finished": True,
    "step_waited": True,
    "step_deferred": True,
    "step_failed": False,
    "step_retried": False,
    "step_abandoned": False,
    "step_cancelled": False,
}


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _svg(width: float, height: float, told: str, parts: Sequence[str]) -> str:
    head = (
        '<defs><marker id="head" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0 8 4 0 8z" class="tip"/></marker></defs>'
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(told)}"><svg role="img" '
        f'aria-label="{escape(told)}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">{head}{"".join(parts)}</svg></div>'
    )


CSS = """
.scroll { overflow-x: auto } .box { fill: var(--panel); stroke-width: 2 }
text { fill: var(--ink); font: 13px system-ui }
.note { fill: var(--soft); font-size: 11.5px } .arrow { fill: none; stroke: var(--soft); stroke-width: 1.2 }
.tip { fill: var(--soft) } .quiet { color: var(--soft) }
"""
