"""Edits the progress messages of chats while their runs work: now and then, all news at once, never after the end.

An edit is no effect: one that is lost is followed by another, and the answer is a message of its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from bots.answer import answered_below
from bots.approvals import call_for
from bots.inbound import Inbound
from bots.render.discord import render_discord
from bots.render.document import Button, ButtonStyle, Document
from bots.render.escape import literal
from bots.render.slack import render_slack
from tieout import codec
from tieout.errors import NotFound, RateLimited, TieoutError
from tieout.model import Event, Principal, Role, RunState
from tieout.ports import Changes, Channel, Desk

_UNFINISHED = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
_log = structlog.get_logger(__name__)


@dataclass
class _Watched:
    """A run of a chat, and what its progress message says."""

    principal: Principal
    run_id: str
    inbound: Inbound | None = None  # what it answers
    shown: Mapping[str, Any] = field(default_factory=dict)  # the data of `progress_shown`
    workspace: str = ""
    child: str = ""
    seen: int = 0
    done: list[str] = field(default_factory=list)
    told: int = 0  # how many of these the message says

    @property
    def where(self) -> tuple[str, str]:
        """The channel of the message."""
        return self.platform, str(self.shown.get("channel"))

    @property
    def platform(self) -> str:
        """The platform's name; empty as long as nothing is known of the run."""
        return self.inbound.place.platform if self.inbound else ""


class Progress:
    """A thread that follows the runs of chats. `watch` may be called by any thread."""

    def __init__(
        self,
        desk: Desk,
        changes: Changes,
        channels: Mapping[str, Channel],
        take: Callable[[Inbound], object],
        *,
        every_s: float,
    ) -> None:
        """Take the use cases, wake-ups and channels; a message is edited every `every_s` seconds at the most.

        `take` commits a call that is made for a person: to show them what their run waits for.
        """
        self._desk = desk
        self._take = take
        self._changes = changes
        self._channels = channels
        self._every_s = every_s
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._next: dict[tuple[str, str], float] = {}  # when (monotonic) a channel's messages may be changed again
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tieout-progress", daemon=True)

    def start(self, readers: Sequence[Principal]) -> None:
        """Begin, with the unfinished runs of chats that an earlier process left in the workspaces of the readers."""
        for reader in readers:
            for run in self._desk.runs(reader, limit=1000, states=_UNFINISHED):
                if run.request.agent == "chat":
                    self.watch(run.asker, run.id)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._changes.notify()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def watch(self, principal: Principal, run_id: str) -> None:
        """Follow a run until it is final."""
        with self._lock:
            self._watched.setdefault(run_id, _Watched(principal, run_id))

    def _run(self) -> None:
        seen = -1
        while not self._stopping.is_set():
            seen = self._changes.wait(seen, self._every_s)
            with self._lock:
                watched = sorted(self._watched.values(), key=lambda one: one.told)
                self._next = {where: at for where, at in self._next.items() if at > time.monotonic()}
            for one in watched:
                try:
                    self._look(one)
                except NotFound:
                    self._forget(one)
                except TieoutError as error:
                    _log.warning("progress_not_shown", run_id=one.run_id, reason=error.message)
            self._stopping.wait(min(0.25, self._every_s))

    def _forget(self, one: _Watched) -> None:
        with self._lock:
            self._watched.pop(one.run_id, None)

    def _look(self, one: _Watched) -> None:
        run = self._desk.run(one.principal, one.run_id)
        if run.state.final:
            self._forget(one)
            return
        if not one.shown:
            one.inbound, one.workspace = codec.load(Inbound, run.request.params["inbound"]), run.workspace
            events = self._desk.events(one.principal, one.run_id)
            one.shown = next((event.data for event in events if event.kind == "progress_shown"), {})
        if not one.child:
            waits = self._desk.waits(one.principal, run_id=one.run_id)
            one.child = next((wait.child_run for wait in waits if wait.child_run), "") or ""
        if not (one.shown.get("message") and one.child) or time.monotonic() < self._next.get(one.where, 0.0):
            return
        news = self._new_events(one)
        for event in news:
            if event.kind == "approval_asked" and one.inbound is not None:
                self._take(call_for(one.inbound, one.shown, event))
        one.done += [line for line in map(_words, news) if line]
        if len(one.done) > one.told:
            self._edit(one)

    def _new_events(self, one: _Watched) -> list[Event]:
        events = self._desk.events(self._reader(one), one.child, after=one.seen)
        one.seen = events[-1].seq if events else one.seen
        return events

    def _edit(self, one: _Watched) -> None:
        """Change the message, unless its run has ended: that is told by the run of the chat.

        A channel's messages are changed in turns, and not when the platform asks for slowness: answers come first.
        """
        if self._desk.run(self._reader(one), one.child).state.final:
            return
        self._next[one.where] = time.monotonic() + self._every_s
        cancel = Button("Cancel", f"cancel:{one.run_id}", ButtonStyle.DANGER)
        lines = [
            f"{one.shown['told']}: {literal(str(one.shown['question']))} …",
            "",
            *(f"- {line}" for line in one.done),
        ]
        count = len(one.done)
        self._change(one, Document("\n".join(lines), (cancel,)), optional=True)
        one.told = count
        run = self._desk.run(self._reader(one), one.child)
        if run.state.final:  # it ended meanwhile: perhaps this came after the last words
            self._change(one, answered_below(run))

    @staticmethod
    def _reader(one: _Watched) -> Principal:
        """Return who reads the run that was asked for: it may be for other readers than those of the channel."""
        return Principal("bots", one.workspace, Role.ADMIN)

    def _change(self, one: _Watched, document: Document, *, optional: bool = False) -> None:
        to = {"channel": one.shown["channel"], "thread": ""}
        about = {"to": to, "workspace": one.workspace, "edit": one.shown["message"], "optional": optional}
        try:
            self._channels[one.platform].send(f"{one.run_id}/progress", {**_rendered(one.platform, document), **about})
        except RateLimited as error:
            self._next[one.where] = time.monotonic() + error.after_s


def _rendered(platform: str, document: Document) -> dict[str, Any]:
    if platform == "slack":
        first = render_slack(document)[0]
        return {"text": first.text, "blocks": list(first.blocks)}
    said = render_discord(document)[0]
    return {"content": said.content, "components": list(said.components)}


def _words(event: Event) -> str | None:
    """Return what an event of a research run tells in a chat."""
    data = event.data
    if event.kind == "scope_resolved":
        return (
            f"about {literal(', '.join(data.get('companies', [])) or 'the market')}, {data.get('documents')} documents"
        )
    if event.kind == "figures_read":
        return f"{data.get('figures')} figures read in the filings"
    if event.kind == "prices_computed":
        return f"{data.get('facts')} facts computed from prices"
    if event.kind == "passages_found":
        return f"{data.get('passages')} passages found"
    if event.kind == "numbers_tied":
        return f"{data.get('tied')} of {data.get('numbers')} numbers tied"
    return None
