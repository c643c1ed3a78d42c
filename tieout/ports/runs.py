"""The state of record of runs: steps, claims, effects, events and artifacts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from tieout.model import (
    Artifact,
    DeadLetter,
    Event,
    Plan,
    Principal,
    ReadyStep,
    Run,
    RunRequest,
    RunState,
    Step,
    StepSpec,
    Usage,
    UsageLine,
    Wait,
)
from tieout.ports.waits import WaitStore

NO_USAGE = Usage()


@dataclass(frozen=True)
class Claimed:
    """A step that this process may execute: each later write carries `fence`."""

    step: Step
    run: Run
    fence: int
    inputs: Mapping[str, Mapping[str, Any]]  # outputs of the finished steps of the run, by step key
    owner: str = ""


@dataclass(frozen=True)
class Advanced:
    """What came of a set of results and claims."""

    completed: frozenset[str] = frozenset()  # ids of the steps whose results are kept
    opened: Sequence[ReadyStep] = ()  # steps that became ready
    claimed: Sequence[Claimed] = ()


@dataclass(frozen=True)
class Budget:
    """What a run may use in all: tokens (in and out) and money. None means no limit."""

    tokens: int | None = None
    money: Decimal | None = None


NO_LIMIT = Budget()


@dataclass(frozen=True)
class RunFilter:
    """Which runs to replay or remove; None and empty mean any."""

    states: tuple[RunState, ...] = ()
    agent: str | None = None
    error: str | None = None  # a part of the error's text
    since: datetime | None = None  # created then or later
    until: datetime | None = None  # created before


@dataclass(frozen=True)
class Depths:
    """How much stands where, over all workspaces."""

    steps: Mapping[str, int]  # by state, the settled ones only as far as they are dead letters
    runs: Mapping[str, int]  # by state, the unfinished ones
    effects_unknown: int
    oldest_ready_s: float  # how long the step waits that has waited longest; 0 with none


class RunStore(WaitStore, Protocol):
    """Runs, steps, attempts, waits, effects, events and artifacts: the truth that brokers only hint at."""

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

    def cancel_step(self, principal: Principal, run_id: str, key: str, *, now: datetime) -> Run:
        """Cancel one unfinished step; joins take it as a parent without a result, else the run is cancelled.

        Raises NotFound, Conflict (it has ended).
        """
        ...

    def pause_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Begin no further step of the run; those that run may end. Raises Conflict when it is final."""
        ...

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """End a pause; make dead and stranded steps ready again with fresh attempts; finished steps are kept.

        A step without a result stays so when a join has begun without it, or when it was cancelled by itself and its
        run goes on. A run that ended with an answer or a question is returned unchanged.
        """
        ...

    def replay_run(
        self, principal: Principal, run_id: str, *, step: str | None, redeliver: bool = False, now: datetime
    ) -> Run:
        """Do `step` and all that follows from it again, or (None) what `resume_run` would.

        Effects that were done are not done again unless `redeliver` says so. Ends a pause. Raises NotFound, Conflict
        when one of the steps runs or waits just now, or was left out by the result that had once added it.
        """
        ...

    def find_runs(self, principal: Principal, where: RunFilter, *, limit: int = 1000) -> list[str]:
        """Return ids of runs that fit, oldest first."""
        ...

    def dead_letters(self, principal: Principal, *, limit: int = 50, run_id: str | None = None) -> list[DeadLetter]:
        """Return dead steps, the newest first."""
        ...

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order."""
        ...

    def usage(self, principal: Principal, *, by: str, since: datetime) -> list[UsageLine]:
        """Return what the runs created since then cost, summed by `agent`, `principal`, `model` or `day`."""
        ...

    def deeds(self, principal: Principal, *, limit: int = 100) -> Sequence[Event]:
        """Return what people did to runs (submitted, stopped, replayed, decided, told), the newest first."""
        ...

    def states(self, principal: Principal) -> Mapping[str, int]:
        """Return how many runs stand in which state."""
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
        """Return steps that may start: one of each workspace in turn, high priority first, within limits."""
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
        spawn: Sequence[StepSpec] = (),
    ) -> list[ReadyStep]:
        """Commit the output, count down its successors, and return those that became ready.

        `run_state` ends the run early (needs_answer) or sets how it ends (needs_review); `run_result` is
        merged into the run's result. `spawn` adds steps that follow this one; all its successors wait for them, too.
        Raises StaleFence, InvalidInput (spawn).
        """
        ...

    def advance(
        self,
        results: Sequence[tuple[Claimed, Mapping[str, Any]]],
        wanted: Sequence[str],
        owner: str,
        *,
        lease_s: float,
        now: datetime,
    ) -> Advanced:
        """Complete steps with plain outputs, and claim the steps with the ids of `wanted`: one flush for all.

        What cannot be done in that way is left as it was, and is not in what is returned: `complete_step` does it, or
        says why not. Raises only what concerns all, having changed nothing.
        """
        ...

    def suspend_step(
        self, claimed: Claimed, waits: Sequence[Wait], output: Mapping[str, Any], *, now: datetime
    ) -> list[ReadyStep]:
        """Free the worker until all `waits` have ended; the step is then ready with `signals`. Keeps `output` for it.

        Returns what became ready at once: the step itself when everything has arrived already, sub-runs' first steps.
        Raises StaleFence, InvalidInput.
        """
        ...

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> list[ReadyStep]:
        """Record a failed attempt; with no `retry_at`, or no attempts left, the step is dead.

        A dead step fails its run, unless every successor runs without it.
        """
        ...

    def defer_step(self, claimed: Claimed, reason: str, *, retry_at: datetime, now: datetime) -> None:
        """Give up a claim that this process cannot carry out; the attempt is not counted. Raises StaleFence."""
        ...

    def count_deferrals(self, claimed: Claimed) -> int:
        """Return how often in a row the step was deferred before this claim; stops and lost processes do not count."""
        ...

    def keep_partial(self, claimed: Claimed, output: Mapping[str, Any], *, now: datetime) -> bool:
        """Keep what a cancelled step had so far; return False when it was not cancelled under this claim."""
        ...

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop: ready again, the attempt not counted. Raises StaleFence."""
        ...

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands: not cancelled, not lost, not claimed anew."""
        ...

    def lost_claims(self, claims: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Return those of (step id, fence) that no longer stand: one look for all that a process works on."""
        ...

    def promote_due(self, *, now: datetime) -> tuple[list[ReadyStep], datetime | None]:
        """Make due retries ready and end due waits; return what became ready and when the next is due."""
        ...

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the steps that `owner` runs (only of those ids, when given); return how many."""
        ...

    def running_owners(self) -> frozenset[str]:
        """Return the owners of all running steps."""
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

    def unknown_effects(self, principal: Principal, *, limit: int = 100) -> list[Effect]:
        """Return effects that were begun by a claim that is over and whose outcome nobody recorded, oldest first."""
        ...

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt of an effect that did not succeed, `usage` taking the place of its estimate.

        With no usage nothing happened outside, and the attempt is not counted.
        """
        ...

    def depths(self, *, now: datetime) -> Depths:
        """Return how much stands where, for metrics."""
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
    run_id: str = ""
    step: str = ""  # the step's key
    begun_at: datetime | None = None
