"""Runs, their plans, steps, events and artifacts, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from tieout.model.who import Principal, Role


class RunState(StrEnum):
    """Where a run is. The last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # nothing runs or is ready: a person, a time or another run must come first
    PAUSED = "paused"  # no step is begun until somebody says so
    DONE = "done"
    NEEDS_REVIEW = "needs_review"
    NEEDS_ANSWER = "needs_answer"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to the run by itself."""
        return self not in (RunState.QUEUED, RunState.RUNNING, RunState.WAITING, RunState.PAUSED)


class StepState(StrEnum):
    """blocked → ready → running → done; waiting → ready; retry → ready; dead; cancelled."""

    BLOCKED = "blocked"
    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    RETRY = "retry"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def settled(self) -> bool:
        """Whether nothing more will happen to the step by itself."""
        return self in (StepState.DONE, StepState.DEAD, StepState.CANCELLED)


class JoinPolicy(StrEnum):
    """What a step makes of parents that ended without a result.

    `fail`: the run fails. `skip`: it runs with those that have one. `quorum`: so, but it dies when fewer than its
    `quorum` have one.
    """

    FAIL = "fail"
    SKIP = "skip"
    QUORUM = "quorum"


@dataclass(frozen=True)
class StepSpec:
    """One node of a plan: `action` is looked up in the agent, `after` names the keys it waits for.

    `limit_key` names a limit of the installation (`model`, say) that the step counts against.
    """

    key: str
    action: str
    after: tuple[str, ...] = ()
    input: Mapping[str, Any] = field(default_factory=dict)
    max_attempts: int = 3
    timeout_s: float = 600.0
    on_failed: JoinPolicy = JoinPolicy.FAIL
    quorum: int = 0
    limit_key: str | None = None


@dataclass(frozen=True)
class Plan:
    """The DAG of steps of a run, pinned when the run starts."""

    agent: str
    version: str
    steps: tuple[StepSpec, ...]


@dataclass(frozen=True)
class RunRequest:
    """What a door hands in. `idempotency_key` makes a repeated request the same run."""

    question: str
    agent: str = "research"
    tickers: tuple[str, ...] = ()
    as_of: date | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    idempotency_key: str | None = None
    door: str = "cli"
    token_budget: int | None = None
    money_budget: Decimal | None = None
    priority: int = 0  # higher first within the workspace, -100 to 100
    audience: str = ""  # who may read the run and what came of it, as a principal has it; use cases set it


@dataclass(frozen=True)
class Usage:
    """What model calls cost. `cost` is in the currency of the configured prices (default USD)."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )


@dataclass(frozen=True)
class Run:
    """One piece of work asked for by a principal."""

    id: str
    workspace: str
    principal: str
    request: RunRequest
    plan: Plan
    state: RunState
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    usage: Usage = Usage()
    parent_step: str | None = None  # id of the step of another run that waits for this one

    @property
    def asker(self) -> Principal:
        """Who the run works for: it may use what they and the run's audience may read."""
        return Principal(self.principal, self.workspace, audience=self.request.audience)

    def open_to(self, principal: Principal) -> bool:
        """Return whether all who read what the principal is answered may read the run; admins read every run."""
        return self.request.audience in ("", principal.audience) or principal.role is Role.ADMIN


@dataclass(frozen=True)
class Step:
    """One step of a run as it stands in the state of record."""

    id: str
    run_id: str
    workspace: str
    key: str
    action: str
    input: Mapping[str, Any]
    state: StepState
    pending: int
    attempt: int
    max_attempts: int
    fence: int
    timeout_s: float
    output: Mapping[str, Any] | None = None
    error: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    signals: Mapping[str, Any] = field(default_factory=dict)  # what its waits brought, by their names
    generation: int = 0  # grows when it is replayed with its effects delivered again
    spawned_by: str | None = None  # key of the step whose result asked for it
    ready_at: datetime | None = None  # since when it may start, or may start again


@dataclass(frozen=True)
class ReadyStep:
    """A step that waits for a worker; what the dispatcher sees of it."""

    step_id: str
    run_id: str
    workspace: str


@dataclass(frozen=True)
class DeadLetter:
    """A step that ended without a result: its attempts are spent, or trying again would not help."""

    run_id: str
    agent: str
    step: Step
    run_state: RunState
    question: str


@dataclass(frozen=True)
class Event:
    """Something that happened in a run. `seq` has no gaps within the run; `kind` is past tense."""

    run_id: str
    seq: int
    kind: str
    at: datetime
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class UsageLine:
    """What runs cost together: of one agent, person, model or day, whose name it is."""

    name: str
    runs: int
    usage: Usage


@dataclass(frozen=True)
class Artifact:
    """A file that a run made, kept in the blob store under its SHA-256."""

    run_id: str
    name: str
    media_type: str
    sha256: str
    size: int
