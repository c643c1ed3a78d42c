"""Shows a run while it works: one line per finished step on standard error, a spinner on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from tieout.commands import event_words, terminal

if TYPE_CHECKING:
    from datetime import datetime

    from tieout.model import Event, Principal, Run
    from tieout.ports import Desk


def watch(desk: Desk, who: Principal, run: Run, *, quiet: bool, after: int = 0) -> Run:
    """Follow the run to its end and return it; `quiet` shows nothing.

    Without a service it ends, too, when only a person can make the run go on: nobody else can open the data folder
    while this process holds it.
    """
    alone = getattr(desk, "url", None) is None
    if alone and needs_person(desk, who, run.id):
        return desk.run(who, run.id)
    waited = False
    with nullcontext() if quiet else _display(run) as display:
        for event in desk.follow(who, run.id, after=after):
            if display is not None:
                display.tell(event)
            waited = waited or event.kind == "step_waited"
            if alone and waited and needs_person(desk, who, run.id):
                break
    return desk.run(who, run.id)


def needs_person(desk: Desk, who: Principal, run_id: str) -> bool:
    """Return whether the run waits, and for nothing that comes by itself, such as a time or another run."""
    if desk.run(who, run_id).state.value != "waiting":
        return False
    still = [wait.kind.value for wait in desk.waits(who, run_id=run_id) if wait.state.value == "open"]
    return bool(still) and not {"timer", "run"} & set(still)


def describe(event: Event) -> str:
    """Return an event as one line of text."""
    parts = [event.at.astimezone().strftime("%H:%M:%S"), f"{event.seq:>4}", event.kind]
    if event.step:
        parts.append(event.step)
    said = event_words.words(event)
    if said is None:
        said = " ".join(f"{name}={value}" for name, value in event.data.items() if value not in (None, "", [], {}))
    return terminal.line("  ".join([*parts, said] if said else parts))[:400]


_ENDS_ATTEMPT = frozenset({"step_waited", "step_deferred", "step_cancelled"})


class _Display:
    """Keeps which steps run and prints those that end."""

    def __init__(self, console: Any, status: Any) -> None:
        self._console = console
        self._status = status
        self._running: dict[str, datetime] = {}

    def tell(self, event: Event) -> None:
        """Take one event."""
        step = event.step or ""
        if event.kind == "step_started":
            self._running[step] = event.at
        elif event.kind == "step_finished":
            seconds = (event.at - self._running.pop(step, event.at)).total_seconds()
            self._print("✓", f"{step.replace('_', ' '):<24} {seconds:6.1f} s")
        elif event.kind in {"step_retried", "step_failed"}:
            self._running.pop(step, None)
            word = "will be tried again" if event.kind == "step_retried" else "failed"
            self._print("!" if event.kind == "step_retried" else "✗", f"{step} {word}: {event.data.get('error', '')}")
        elif (said := event_words.words(event)) is not None:
            if event.kind in _ENDS_ATTEMPT:
                self._running.pop(step, None)
            self._print("·", f"{step} {said}" if step else said)
        if self._status is not None:
            doing = ", ".join(name.replace("_", " ") for name in self._running) or "waiting"
            self._status.update(terminal.line(doing))

    def _print(self, mark: str, text: str) -> None:
        self._console.print(f"  {mark} {terminal.plain(text).replace(chr(10), ' ')}")


@contextmanager
def _display(run: Run) -> Iterator[_Display]:
    console = terminal.notices()
    console.print(f"Run {run.id}")
    if not sys.stderr.isatty():
        yield _Display(console, None)
        return
    with console.status("starting") as status:
        yield _Display(console, status)
