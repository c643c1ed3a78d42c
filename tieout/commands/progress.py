"""Shows a run while it works: one line per finished step on standard error, a spinner on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from tieout.commands import terminal

if TYPE_CHECKING:
    from datetime import datetime

    from tieout.model import Event, Principal, Run
    from tieout.ports import Desk


def watch(desk: Desk, who: Principal, run: Run, *, quiet: bool, after: int = 0) -> Run:
    """Follow the run to its end and return it; `quiet` shows nothing."""
    with nullcontext() if quiet else _display(run) as display:
        for event in desk.follow(who, run.id, after=after):
            if display is not None:
                display.tell(event)
    return desk.run(who, run.id)


def describe(event: Event) -> str:
    """Return an event as one line of text."""
    parts = [event.at.astimezone().strftime("%H:%M:%S"), f"{event.seq:>4}", event.kind]
    if event.step:
        parts.append(event.step)
    parts += [f"{name}={value}" for name, value in event.data.items() if value not in (None, "", [], {})]
    return terminal.line("  ".join(parts[:4]) + ("  " + " ".join(parts[4:]) if parts[4:] else ""))[:400]


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
