"""The state of record of runs: steps, claims, effects, events and artifacts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from tieout.model import Artifact, Event, Plan, Principal, Run, RunRequest, RunState, Step, Usage

NO_USAGE = Usage()


@dataclass(frozen=True)
class Claimed:
    """A step that this process may execute: each later write carries `fence`."""

    step: Step
    run: Run
    fence: int
    inputs: Mapping[str, Mapping[str, Any]]  # outputs of the finished steps of the run, by step key


@dataclass(frozen=True)
class ReadyStep:
    """A step that waits for a worker; what the dispatcher sees of it."""

    step_id: str
    run_id: str
    workspace: str


@dataclass(frozen=True)
class Budget:
    """What a run may use in all: tokens (in and out) and money. None means no limit."""

    tokens: int | None = None
    money: Decimal | None = None


NO_LIMIT = Budget()


class RunStore(Protocol):
    """Runs, steps, attempts, effects, events and artifacts: the truth that brokers only hint at."""

    def create_run(self, principal: Principal, request: RunRequest, plan: Plan, *, now: datetime) -> Run:
        """Commit a run with its steps and `run_submitted` event.

        The same idempotency key with the same request returns the first run; with another request it
        raises Conflict.
        """
        ...

    def get_run(self, principal: Principal, run_id: str) -> Run:
        """Return the run. `run_id` may be a unique prefix. Raises NotFound."""
        ...

    def list_runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first, each with an empty `result`: `get_run` gives that of one run."""
        ...

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order."""
        ...

    def cancel_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""
        ...

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Make dead and stranded steps ready again with fresh attempts; finished steps are kept."""
        ...

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        ...

    def append_event(
        self,
        run_id: str,
        kind: str,
        data: Mapping[str, Any],
        *,
        now: datetime,
        step: str | None = None,
        fence: tuple[str, int] | None = None,
    ) -> Event:
        """Append one event; `fence` is (step_id, fence) and raises StaleFence when a newer claim exists."""
        ...

    def ready_steps(self, *, limit: int, now: datetime) -> list[ReadyStep]:
        """Return steps that are ready or whose retry is due, fairly over workspaces."""
        ...

    def claim_step(self, step_id: str, owner: str, *, lease_s: float, now: datetime) -> Claimed | None:
        """Claim by one conditional update that raises the fence and counts the attempt; None if not to be had."""
        ...

    def complete_step(
        self,
        claimed: Claimed,
        output: Mapping[str, Any],
        *,
        now: datetime,
        run_state: RunState | None = None,
        run_result: Mapping[str, Any] | None = None,
    ) -> list[ReadyStep]:
        """Commit the output, count down its successors, and return those that became ready.

        `run_state` ends the run early (needs_answer) or sets how it ends (needs_review); `run_result` is
        merged into the run's result. Raises StaleFence.
        """
        ...

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> None:
        """Record a failed attempt; with no `retry_at`, or no attempts left, the step is dead and the run failed."""
        ...

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop: ready again, the attempt not counted. Raises StaleFence."""
        ...

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands: not cancelled, not lost, not claimed anew."""
        ...

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the steps that `owner` runs (only of those ids, when given); return how many."""
        ...

    def release_lost(self, *, now: datetime, alive: Callable[[str], bool]) -> list[ReadyStep]:
        """Make steps whose lease ran out or whose owner is not alive ready again (or dead, with no attempts left)."""
        ...

    def begin_effect(
        self,
        claimed: Claimed,
        key: str,
        kind: str,
        intent: Mapping[str, Any],
        *,
        now: datetime,
        estimate: Usage = NO_USAGE,
        budget: Budget = NO_LIMIT,
        max_attempts: int = 1,
    ) -> Effect:
        """Commit the intent of an effect before it is done, or return the one that stands under `key`.

        One whose outcome is unknown is begun again while it has attempts left. Each beginning charges
        `estimate` to the run; finishing puts the true usage in its place, so what never finishes stays
        charged. Raises BudgetExceeded (nothing is kept) when the estimate does not fit, StaleFence.
        """
        ...

    def finish_effect(self, key: str, outcome: Mapping[str, Any], *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """Record the outcome of an effect, `usage` taking the place of the estimate. The first outcome stays."""
        ...

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt of an effect that did not succeed, `usage` taking the place of its estimate.

        With no usage nothing happened outside, and the attempt is not counted.
        """
        ...

    def put_artifact(self, claimed: Claimed, artifact: Artifact, *, now: datetime) -> None:
        """Record an artifact of the run (same name: replaced). Raises StaleFence."""
        ...

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name."""
        ...


@dataclass(frozen=True)
class Effect:
    """Something that leaves the system. `fresh` is true when this call committed the intent.

    Not fresh and `outcome` None: an earlier attempt began it and its outcome is unknown.
    """

    key: str
    kind: str
    fresh: bool
    attempts: int
    outcome: Mapping[str, Any] | None = None
