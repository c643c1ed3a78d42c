"""Desk: what is going on, what waits for whoever looks, what was answered lately, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any

import panel as pn

from dashboards.parts import decision, heading, run_link, text
from dashboards.view import Page, View
from tieout.model import OpenWait, Principal, Run, RunState, WaitKind, WaitState

_MOST = 200
_SHOWN = 12
_GOING_ON = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
_ENDED = (RunState.DONE, RunState.NEEDS_REVIEW)
_SPEND_DAYS = 30


def build(view: View) -> Sequence[Any]:
    """Return four blocks that follow what happens."""
    waiting = pn.Column(sizing_mode="stretch_width")
    rest = text("")
    shown: list[str] = []

    @lru_cache(maxsize=_MOST)
    def counted(run_id: str) -> str:
        counts = view.desk.run(view.who(), run_id).result.get("ledger") or {}
        return f"{counts.get('tied', 0)} of {counts.get('numbers', 0)} numbers tied" if counts else "no numbers"

    def refresh() -> None:
        who = view.who()
        waits = [wait for wait in view.desk.waits(who) if _is_for(wait, who)]
        tokens = [wait.token for wait in waits]
        if tokens != shown or not waiting.objects:  # a button that somebody is about to press stays where it is
            shown[:] = tokens
            waiting.objects = [heading("Waits for you"), *(decision(view, wait) for wait in waits[:_SHOWN])]
            if not waits:
                waiting.append(text("<p>Nothing waits for you.</p>"))
        told = "".join(_blocks(view.desk.runs(who, limit=_MOST), datetime.now(UTC), counted))
        if told != rest.object:
            rest.object = told

    view.live(refresh)
    return [waiting, rest]


def _is_for(wait: OpenWait, who: Principal) -> bool:
    open_approval = wait.kind is WaitKind.APPROVAL and wait.state is WaitState.OPEN
    return open_approval and (not wait.approvers or who.id in wait.approvers)


def _blocks(runs: Sequence[Run], now: datetime, counted: Callable[[str], str]) -> Iterator[str]:
    """Yield the blocks that only tell; `counted` says how the numbers of an ended run stand."""
    asked = [run for run in runs if run.request.agent != "chat"]
    going = [run for run in asked if run.state in _GOING_ON]
    yield _list("Going on", [_line(run, run.state.value) for run in going], "Nothing is going on.")
    ended = [run for run in asked if run.state in _ENDED]
    lines = [_line(run, counted(run.id) if number < _SHOWN else "") for number, run in enumerate(ended)]
    yield _list("Recent reports", lines, "There are no reports yet.")
    failed = [run for run in asked if run.state is RunState.FAILED]
    if failed:
        yield _list("Failed", [_line(run, run.error or "no reason was recorded") for run in failed], "")
    yield _spend([run for run in runs if run.created_at > now - timedelta(days=_SPEND_DAYS)])


def _list(title: str, lines: Sequence[str], nothing: str) -> str:
    more = f"<p>{len(lines) - _SHOWN} more on <a href='/runs'>Runs</a>.</p>" if len(lines) > _SHOWN else ""
    body = f"<ul>{''.join(lines[:_SHOWN])}</ul>{more}" if lines else f"<p>{nothing}</p>"
    return f"<section><h2>{title}</h2>{body}</section>"


def _line(run: Run, note: str) -> str:
    return (
        f"<li>{run_link(run)} "
        f"<small>{escape(note)} · {escape(run.principal)} · {run.created_at:%-d %b %H:%M} UTC</small></li>"
    )


def _spend(runs: Sequence[Run]) -> str:
    """Return calls, tokens and money of models; the model's prices are those of the settings."""
    cost = sum((run.usage.cost for run in runs), Decimal(0))
    tokens = sum(run.usage.tokens_in + run.usage.tokens_out for run in runs)
    calls = sum(run.usage.calls for run in runs)
    return (
        f"<section><h2>Spend in the last {_SPEND_DAYS} days</h2><p>{len(runs)} of the newest {_MOST} runs: "
        f"{calls:,} model calls, {tokens:,} tokens, {cost:f} in the currency of the model's prices.</p></section>"
    )


PAGE = Page("/desk", "Desk", build, order=10)
