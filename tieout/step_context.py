"""What an action sees of its run and step; all it writes carries the fence of the claim."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tieout.delivery import deliver
from tieout.errors import InvalidInput, NotFound
from tieout.model import Artifact, ModelAnswer, ModelMessage, Run, Step
from tieout.model_calls import call_model
from tieout.ports import Budget, Claimed, Parts, RunStore

_LOOK_EVERY_S = 0.25  # how often a step that asks `cancelled()` in a loop reads the state of record


@dataclass
class Execution:
    """A claim of this process: a thread works on it, or will soon."""

    claimed: Claimed
    began: float = 0.0  # in time.monotonic(), as the next two
    deadline: float = math.inf
    took: float = 0.0  # seconds, once the action is over
    given_up: bool = False  # its time is over, or this process stops
    lost: bool = False  # it was cancelled or claimed anew
    outcome: str = "abandoned"  # how the attempt ended: done, failed, waiting, deferred

    @property
    def key(self) -> tuple[str, int]:
        """The step's id, and the fence."""
        return self.claimed.step.id, self.claimed.fence

    def begin(self) -> None:
        """Start the step's time."""
        self.began = time.monotonic()
        self.deadline = self.began + self.claimed.step.timeout_s

    def overdue(self) -> bool:
        """Return whether the step has run longer than its limit."""
        return time.monotonic() >= self.deadline

    def end(self) -> None:
        """End the step's time: the action is over."""
        self.took = time.monotonic() - self.began
        self.deadline = math.inf


class ExecutionContext:
    """The `StepContext` that an action gets."""

    def __init__(
        self,
        store: RunStore,
        execution: Execution,
        parts: Parts,
        budget: Budget,
        clock: Callable[[], datetime],
        *,
        pauses_s: Sequence[float] = (),
    ) -> None:
        """`pauses_s` are the seconds between tries to record what has happened outside."""
        claimed = execution.claimed
        self.principal = claimed.run.asker
        self.run: Run = claimed.run
        self.step: Step = claimed.step
        self.inputs: Mapping[str, Mapping[str, Any]] = claimed.inputs
        self.signals: Mapping[str, Mapping[str, Any]] = claimed.step.signals
        self.parts = parts
        self._store = store
        self._execution = execution
        self._budget = budget
        self._clock = clock
        self._pauses_s = pauses_s
        self._looked_at = 0.0

    def emit(self, kind: str, **data: Any) -> None:
        """Append an event of this step to the run. Raises StaleFence."""
        fence = (self.step.id, self._execution.claimed.fence)
        self._store.append_event(self.run.id, kind, data, now=self._clock(), step=self.step.key, fence=fence)

    def put_artifact(self, name: str, media_type: str, data: bytes) -> Artifact:
        """Keep a file of the run, bytes first. Raises InvalidInput (name), StorageFull, StaleFence."""
        if not 0 < len(name) <= 200 or not name.isprintable() or name.startswith(".") or "/" in name or "\\" in name:
            raise InvalidInput(f"{name!r} cannot be the name of an artifact: use a plain file name")
        sha256 = self.parts.blobs.put(self.principal, data)
        artifact = Artifact(self.run.id, name, media_type, sha256, len(data))
        self._store.put_artifact(self._execution.claimed, artifact, now=self._clock())
        return artifact

    def call_model(self, key: str, messages: Sequence[ModelMessage], *, max_tokens: int) -> ModelAnswer:
        """Return the model's answer, bought once.

        Raises BudgetExceeded, NotAvailable, ProviderError, StaleFence, StepCancelled.
        """
        return call_model(
            self._store,
            self._execution.claimed,
            self.parts.model,
            key,
            messages,
            max_tokens=max_tokens,
            budget=self._budget,
            clock=self._clock,
            cancelled=self.cancelled,
            pauses_s=self._pauses_s,
        )

    def deliver(self, key: str, channel: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send a message once and return its receipt. Raises NotFound (channel), ProviderError, EffectDropped."""
        if channel not in self.parts.channels:
            known = ", ".join(sorted(self.parts.channels)) or "none"
            raise NotFound(f"there is no channel {channel!r}; this installation has: {known}")
        claimed, there = self._execution.claimed, self.parts.channels[channel]
        return deliver(self._store, claimed, there, key, message, clock=self._clock, pauses_s=self._pauses_s)

    def cancelled(self) -> bool:
        """Return whether to stop: the run was cancelled, the step claimed anew, or its time is over."""
        execution = self._execution
        if execution.lost or execution.given_up or execution.overdue():
            return True
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
            execution.lost = not self._store.holds_claim(execution.claimed)
            self._looked_at = time.monotonic()
        return execution.lost
