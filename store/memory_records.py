"""A run as the in-memory store keeps it, with all that belongs to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from store import rules
from tieout.model import Artifact, Event, Run, RunState, Step, StepState, Usage
from tieout.ports import Effect, ReadyStep

FINISHED = (StepState.DONE, StepState.DEAD, StepState.CANCELLED)


@dataclass
class MemoryClaim:
    """Who runs a step, and until when."""

    owner: str
    lease_until: datetime


@dataclass
class MemoryIntent:
    """An effect as it stands, and what its newest attempt was charged."""

    run_id: str
    intent: dict[str, Any]
    effect: Effect
    estimate: Usage


@dataclass
class MemoryRecord:
    """A run with all that belongs to it."""

    run: Run
    parents: Mapping[str, frozenset[str]]
    steps: dict[str, Step]  # by key, in plan order
    ready_at: dict[str, datetime] = field(default_factory=dict)
    claims: dict[str, MemoryClaim] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    outcome: RunState | None = None

    def event(self, kind: str, data: Mapping[str, Any], now: datetime, step: str | None = None) -> Event:
        """Append an event under the next number."""
        happened = Event(self.run.id, len(self.events) + 1, kind, now, step, rules.json_object(data))
        self.events.append(happened)
        self.run = replace(self.run, updated_at=now)
        return happened

    def finish(self, state: RunState, now: datetime, error: str | None = None) -> None:
        """End the run; what has not finished is cancelled."""
        for key, step in self.steps.items():
            if step.state not in FINISHED:
                self.leave(key, state=StepState.CANCELLED, fence=step.fence + 1, finished_at=now)
        self.run = replace(self.run, state=state, finished_at=now, error=error)
        self.event("run_finished", {"state": state.value}, now)

    def leave(self, key: str, **values: Any) -> None:
        """Change a step that nobody runs from now on."""
        self.claims.pop(key, None)
        self.steps[key] = replace(self.steps[key], **values)

    def open(self, key: str, now: datetime, **values: Any) -> ReadyStep:
        """Make a step ready."""
        self.ready_at[key] = now
        self.leave(key, state=StepState.READY, **values)
        return ReadyStep(self.steps[key].id, self.run.id, self.run.workspace)
