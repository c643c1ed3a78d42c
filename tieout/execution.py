"""The use case that executes one step: claim, act with no transaction open, commit the outcome under the fence.

Time limits: Python cannot stop a thread from outside. A step past its limit is failed (and retried) in the state of
record at once, its context says `cancelled()`, and whatever it still writes is refused as stale; the thread itself is
free again only when the action returns. An action that may take long asks `cancelled()` between its pieces of work.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import structlog

from tieout.backoff import Backoff
from tieout.errors import InvalidInput, NeedsAnswer, NotFound, StaleFence, TieoutError
from tieout.model import Artifact, ModelAnswer, ModelMessage, Principal, Run, RunState, Step
from tieout.model_calls import call_model
from tieout.ports import NO_LIMIT, Action, Agents, Budget, Claimed, Parts, RunStore, StepOutcome

_LOOK_EVERY_S = 0.25  # how often a step that asks `cancelled()` in a loop reads the state of record
_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class StepTimedOut(TieoutError):
    """The step ran longer than its plan allows."""

    retryable = True


@dataclass
class _Execution:
    """A claim that a thread of this process works on."""

    claimed: Claimed
    deadline: float  # of time.monotonic()
    given_up: bool = False

    def overdue(self) -> bool:
        return time.monotonic() >= self.deadline


class Executor:
    """Executes steps that the engine hints at. Safe for many threads."""

    def __init__(
        self,
        store: RunStore,
        agents: Agents,
        parts: Parts,
        *,
        budget: Budget = NO_LIMIT,
        backoff: Backoff = Backoff(),  # noqa: B008
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Take the parts; `budget` limits each run's model calls, beside the run's own budget."""
        self._store = store
        self._agents = agents
        self._parts = parts
        self._budget = budget
        self._backoff = backoff
        self._clock = clock
        self._running: dict[tuple[str, int], _Execution] = {}
        self._lock = threading.Lock()

    def execute_step(self, step_id: str, *, owner: str, lease_s: float) -> bool:
        """Claim the step and carry it out; return False when it was not to be had.

        What the action raises ends as a retry, a failed run or a question in the state of record, never here.
        Raises StorageFull, NotAvailable or Conflict when the store itself could not be read or written.
        """
        claimed = self._store.claim_step(step_id, owner, lease_s=lease_s, now=self._clock())
        if claimed is None:
            return False
        execution = _Execution(claimed, time.monotonic() + claimed.step.timeout_s)
        with self._lock:
            self._running[step_id, claimed.fence] = execution
        try:
            trouble = self._act(execution)
        except (KeyboardInterrupt, SystemExit):
            self._settle(execution, lambda: self._store.hand_back(claimed, now=self._clock()))
            raise
        finally:
            with self._lock:
                del self._running[step_id, claimed.fence]
        if trouble is not None:
            raise trouble
        return True

    def running(self) -> set[str]:
        """Return the ids of the steps that this process works on, those given up excluded."""
        with self._lock:
            return {step_id for (step_id, _), one in self._running.items() if not one.given_up}

    def fail_overdue(self) -> int:
        """Fail the steps that are past their time limit; return how many. Called by the engine every so often."""
        with self._lock:
            overdue = [one for one in self._running.values() if not one.given_up and one.overdue()]
        for execution in overdue:
            execution.given_up = True
            self._fail(execution, _timed_out(execution.claimed.step))
        return len(overdue)

    def hand_back_all(self) -> int:
        """Give up every claim of this process because it stops; another start does them. Return how many."""
        with self._lock:
            left = [one for one in self._running.values() if not one.given_up]
        for execution in left:
            execution.given_up = True
            self._settle(execution, partial(self._store.hand_back, execution.claimed, now=self._clock()))
        return len(left)

    def _act(self, execution: _Execution) -> TieoutError | None:
        """Carry out the action and commit what came of it; return why that could not be committed."""
        claimed = execution.claimed
        bound = {"run_id": claimed.run.id, "step": claimed.step.key, "workspace": claimed.run.workspace}
        with structlog.contextvars.bound_contextvars(**bound):
            try:
                outcome = _checked(self._action(claimed)(self._context(execution)), claimed.step)
            except StaleFence:
                _log.info("step_abandoned", attempt=claimed.step.attempt)
                return None
            except NeedsAnswer as error:
                question = {"question": error.message}
                return self._complete(execution, StepOutcome(question, RunState.NEEDS_ANSWER, question))
            except Exception as error:
                if not isinstance(error, TieoutError):
                    _log.exception("step_raised", attempt=claimed.step.attempt)
                return self._fail(execution, error)
            # An action that was told to stop because its time is over returns something unfinished.
            if execution.overdue():
                return self._fail(execution, _timed_out(claimed.step))
            return self._complete(execution, outcome)

    def _action(self, claimed: Claimed) -> Action:
        agent = self._agents.get(claimed.run.plan.agent)
        if claimed.step.action not in agent.actions:
            raise NotFound(
                f"agent {agent.name!r} {agent.version} has no action {claimed.step.action!r} (its plan was made by "
                f"version {claimed.run.plan.version}): ask again in a new run"
            )
        return agent.actions[claimed.step.action]

    def _context(self, execution: _Execution) -> ExecutionContext:
        request = execution.claimed.run.request
        budget = Budget(
            _least(request.token_budget, self._budget.tokens), _least(request.money_budget, self._budget.money)
        )
        return ExecutionContext(self._store, execution, self._parts, budget, self._clock)

    def _complete(self, execution: _Execution, outcome: StepOutcome) -> TieoutError | None:
        return self._settle(
            execution,
            lambda: self._store.complete_step(
                execution.claimed,
                outcome.output,
                now=self._clock(),
                run_state=outcome.run_state,
                run_result=outcome.result,
            ),
        )

    def _fail(self, execution: _Execution, error: Exception) -> TieoutError | None:
        step = execution.claimed.step
        now = self._clock()
        retry_at = None
        if self._backoff.retryable(error):
            retry_at = now + timedelta(seconds=self._backoff.wait_s(error, step.attempt))
        message = error.message if isinstance(error, TieoutError) else f"{type(error).__name__}: {error}"
        return self._settle(
            execution,
            lambda: self._store.fail_step(execution.claimed, message, retry_at=retry_at, now=self._clock()),
        )

    def _settle(self, execution: _Execution, write: Callable[[], object]) -> TieoutError | None:
        """Commit an outcome. When the store cannot (a full disk), try a few times, then let the lease run out."""
        step_id = execution.claimed.step.id
        for pause in (*self._backoff.settle_s, None):
            try:
                write()
            except StaleFence:
                _log.info("late_outcome_dropped", step_id=step_id)
            except TieoutError as error:
                _log.warning("outcome_not_committed", step_id=step_id, reason=error.message, given_up=pause is None)
                if pause is None:
                    return error
                time.sleep(pause)
                continue
            break
        return None


class ExecutionContext:
    """The `StepContext` that an action gets; all its writes carry the fence of the claim."""

    def __init__(
        self,
        store: RunStore,
        execution: _Execution,
        parts: Parts,
        budget: Budget,
        clock: Callable[[], datetime],
    ) -> None:
        claimed = execution.claimed
        self.principal = Principal(claimed.run.principal, claimed.run.workspace)
        self.run: Run = claimed.run
        self.step: Step = claimed.step
        self.inputs: Mapping[str, Mapping[str, Any]] = claimed.inputs
        self.parts = parts
        self._store = store
        self._execution = execution
        self._budget = budget
        self._clock = clock
        self._looked_at = 0.0
        self._lost = False

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
        """Return the model's answer, bought once. Raises BudgetExceeded, NotAvailable, ProviderError, StaleFence."""
        return call_model(
            self._store,
            self._execution.claimed,
            self.parts.model,
            key,
            messages,
            max_tokens=max_tokens,
            budget=self._budget,
            clock=self._clock,
        )

    def cancelled(self) -> bool:
        """Return whether to stop: the run was cancelled, the step claimed anew, or its time is over."""
        if self._lost or self._execution.given_up or self._execution.overdue():
            return True
        if time.monotonic() - self._looked_at >= _LOOK_EVERY_S:
            self._lost = not self._store.holds_claim(self._execution.claimed)
            self._looked_at = time.monotonic()
        return self._lost


def _timed_out(step: Step) -> StepTimedOut:
    return StepTimedOut(f"step {step.key!r} ran longer than its limit of {step.timeout_s:g} s")


def _checked(outcome: object, step: Step) -> StepOutcome:
    """Return the outcome if it can be kept. Raises InvalidInput: trying again would not help."""
    if not isinstance(outcome, StepOutcome):
        raise InvalidInput(f"action {step.action!r} returned {type(outcome).__name__}, not a StepOutcome")
    if outcome.run_state not in (None, *(state for state in RunState if state.final)):
        raise InvalidInput(f"action {step.action!r} cannot put its run into {outcome.run_state}")
    try:
        json.dumps([dict(outcome.output), dict(outcome.result)], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"action {step.action!r} returned what JSON cannot hold: {error}") from error
    return outcome


def _least[T: (int, Decimal)](*limits: T | None) -> T | None:
    return min((limit for limit in limits if limit is not None), default=None)
