"""The use case that executes one step: claim, act with no transaction open, commit the outcome under the fence.

Time limits: Python cannot stop a thread from outside. A step past its limit is failed (and retried) in the state of
record at once, its context says `cancelled()`, and whatever it still writes is refused as stale; the thread itself is
free again only when the action returns. An action that may take long asks `cancelled()` between its pieces of work.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import structlog

from tieout.backoff import Backoff
from tieout.delivery import NeedsDecision
from tieout.errors import (
    InvalidInput,
    NeedsAnswer,
    NotFound,
    RateLimited,
    StaleFence,
    StepCancelled,
    StorageFull,
    TieoutError,
)
from tieout.insistence import insist, passes
from tieout.model import ReadyStep, RunState, Step, Wait, WaitKind
from tieout.ports import (
    NO_LIMIT,
    NO_MEASURES,
    Action,
    Advanced,
    Agents,
    Budget,
    Claimed,
    Hints,
    Measures,
    Parts,
    RunStore,
    StepOutcome,
)
from tieout.step_context import Execution, ExecutionContext
from tieout.turns import Posted, Turns

type Complete = Callable[[Execution, StepOutcome], list[ReadyStep] | TieoutError | None]

_DEFERRALS = 20  # of a step that no worker can do, in a row: about a quarter of an hour in all
_LIMITED_DEFERRALS = 200  # of a step whose provider says when to come again
_LONGEST_DEFERRAL_S = 60.0
_LONGEST_TURN_S = 3600.0  # that a provider is believed
_DEEPEST = 8  # sub-runs within sub-runs
_ENDS = frozenset({None, *(state for state in RunState if state.final)})
_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class StepTimedOut(TieoutError):
    """The step ran longer than its plan allows."""

    retryable = True


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
        measures: Measures = NO_MEASURES,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Take the parts; `budget` limits each run's model calls, beside the run's own budget."""
        self._store = store
        self._agents = agents
        self._parts = parts
        self._budget = budget
        self._backoff = backoff
        self._measures = measures
        self._clock = clock
        self._running: dict[tuple[str, int], Execution] = {}
        self._lock = threading.Lock()
        self._turns = Turns()

    def execute_step(self, step_id: str, *, owner: str, lease_s: float) -> list[ReadyStep] | None:
        """Claim the step and carry it out; return the steps that it opened, None when it was not to be had.

        What the action raises ends as a retry, a failed run or a question in the state of record, never here.
        Raises StorageFull, NotAvailable or Conflict when the store itself could not be read or written.
        """
        claimed = self._store.claim_step(step_id, owner, lease_s=lease_s, now=self._clock())
        return None if claimed is None else self._carry_out(self._enter(claimed), self._complete)

    def execute_steps(self, step_id: str, hints: Hints, *, owner: str, lease_s: float) -> None:
        """Carry out the step as `execute_step` does, and others that are hinted at, until `hints` has none.

        Results and claims of all threads that are in here are written in sets. Raises as `execute_step` does.
        """

        def write(posted: Sequence[Posted], wanted: Sequence[str]) -> list[Execution]:
            opened, claimed = self._advance(posted, wanted, owner, lease_s)
            hints.opened(opened)
            return claimed

        self._turns.want(step_id)
        while (execution := self._turns.next(hints.take, write)) is not None:
            opened = self._carry_out(execution, self._post)
            if opened:
                hints.opened(opened)

    def _enter(self, claimed: Claimed) -> Execution:
        execution = Execution(claimed)
        with self._lock:
            self._running[execution.key] = execution
        return execution

    def _carry_out(self, execution: Execution, complete: Complete) -> list[ReadyStep]:
        """Act and commit what came of it, a plain result by `complete`; return what that opened."""
        step = execution.claimed.step
        execution.begin()
        if step.ready_at is not None and step.started_at is not None:
            self._measures.claimed((step.started_at - step.ready_at).total_seconds())
        came: list[ReadyStep] | TieoutError | None = []
        try:
            came = self._act(execution, complete)
        except (KeyboardInterrupt, SystemExit):
            self._hand_back(execution)
            raise
        finally:
            self._turns.took(time.monotonic() - execution.began)
            if came is not None:
                self._leave(execution)
        if isinstance(came, TieoutError):
            raise came
        return came or []

    def _leave(self, execution: Execution) -> None:
        """Work on it no more: its outcome is committed, or given up."""
        with self._lock:
            self._running.pop(execution.key, None)
        if execution.began:
            seconds = execution.took or time.monotonic() - execution.began
            claimed = execution.claimed
            self._measures.ended(claimed.run.plan.agent, claimed.step.action, execution.outcome, seconds)

    def _post(self, execution: Execution, outcome: StepOutcome) -> list[ReadyStep] | TieoutError | None:
        """Have a plain result committed with others; None: it will be."""
        if outcome.run_state is not None or outcome.result or outcome.spawn:
            return self._complete(execution, outcome)
        execution.end()
        self._turns.post(execution, outcome)
        return None

    def _advance(
        self, posted: Sequence[Posted], wanted: Sequence[str], owner: str, lease_s: float
    ) -> tuple[list[ReadyStep], list[Execution]]:
        """Commit results and claim steps; return what opened and what was claimed."""
        results = [(execution.claimed, outcome.output) for execution, outcome in posted]
        try:
            came = insist(
                lambda: self._store.advance(results, wanted, owner, lease_s=lease_s, now=self._clock()),
                self._backoff.settle_s if posted else (),
                steps=str(len(posted)),
            )
        except Exception as error:
            if not posted or passes(error):
                for execution, _ in posted:  # their leases run out
                    self._leave(execution)
                raise
            came = Advanced()  # something is wrong with one of them
        claimed = [self._enter(one) for one in came.claimed]
        opened = list(came.opened)
        for execution, outcome in posted:
            if execution.claimed.step.id in came.completed:
                execution.outcome = "done"
            else:
                alone = self._complete(execution, outcome)
                opened += alone if isinstance(alone, list) else ()
            self._leave(execution)
        return opened, claimed

    def running(self) -> set[str]:
        """Return the ids of the steps that this process works on, those given up excluded."""
        with self._lock:
            return {step_id for (step_id, _), one in self._running.items() if not one.given_up}

    def notice_lost(self) -> int:
        """Tell the steps that were cancelled or claimed anew; return how many. Called by the engine every so often."""
        with self._lock:
            claims = {key: one for key, one in self._running.items() if not (one.given_up or one.lost)}
        lost = self._store.lost_claims(claims.keys()) if claims else set()
        for key in lost:
            claims[key].lost = True
        return len(lost)

    def fail_overdue(self) -> int:
        """Fail the steps that are past their time limit; return how many. Called by the engine every so often."""
        with self._lock:
            overdue = [one for one in self._running.values() if not one.given_up and one.overdue()]
        for execution in overdue:
            execution.given_up = True
            self._fail(execution, _timed_out(execution.claimed.step))
        return len(overdue)

    def hand_back_waiting(self, *, after_s: float) -> int:
        """Give up the claims that no thread has begun within so many seconds; return how many."""
        waiting = self._turns.not_begun(after_s=after_s)
        for execution in waiting:
            self._hand_back(execution)
            self._leave(execution)
        return len(waiting)

    def hand_back_all(self) -> int:
        """Give up every claim of this process because it stops; another start does them. Return how many."""
        waiting = self.hand_back_waiting(after_s=0.0)
        with self._lock:
            left = [one for one in self._running.values() if not one.given_up]
        for execution in left:
            execution.given_up = True
            self._hand_back(execution)
        return waiting + len(left)

    def _hand_back(self, execution: Execution) -> None:
        def commit() -> list[ReadyStep]:
            self._store.hand_back(execution.claimed, now=self._clock())
            return []

        self._settle(execution, "handed_back", commit)

    def _act(self, execution: Execution, complete: Complete) -> list[ReadyStep] | TieoutError | None:
        """Carry out the action and commit what came of it; return what that opened, or why it was not committed."""
        claimed = execution.claimed
        bound = {"run_id": claimed.run.id, "step": claimed.step.key, "workspace": claimed.run.workspace}
        with structlog.contextvars.bound_contextvars(**bound):
            try:
                action = self._action(claimed)
            except NotFound as error:
                return self._defer(execution, error)
            try:
                outcome = _checked(action(self._context(execution)), claimed.step)
                waits = [self._planned(wait, claimed) for wait in outcome.waits]
            except (StaleFence, StepCancelled):
                _log.info("step_abandoned", attempt=claimed.step.attempt)
                return []
            except NeedsAnswer as error:
                question = {"question": error.message}
                return self._complete(execution, StepOutcome(question, RunState.NEEDS_ANSWER, question))
            except NeedsDecision as needed:
                return self._suspend(execution, [needed.wait], StepOutcome(claimed.step.output or {}))
            except RateLimited as error:
                return self._defer(execution, error, after_s=error.after_s)
            except Exception as error:
                if isinstance(error, TieoutError) and passes(error):
                    return self._wait_out(execution, error)
                if not isinstance(error, TieoutError):
                    _log.exception("step_raised", attempt=claimed.step.attempt)
                return self._fail(execution, error)
            # An action that was told to stop, as its time is over or this process stops, returns something unfinished.
            if execution.overdue():
                return self._fail(execution, _timed_out(claimed.step))
            if execution.given_up:
                return self._keep(execution, outcome) or []
            return self._suspend(execution, waits, outcome) if waits else complete(execution, outcome)

    def _action(self, claimed: Claimed) -> Action:
        agent = self._agents.get(claimed.run.plan.agent)
        if claimed.step.action not in agent.actions:
            raise NotFound(
                f"agent {agent.name!r} {agent.version} has no action {claimed.step.action!r} (its plan was made by "
                f"version {claimed.run.plan.version}): run a worker of that version, or ask again in a new run"
            )
        return agent.actions[claimed.step.action]

    def _planned(self, wait: Wait, claimed: Claimed) -> Wait:
        """Return the wait; one for a run with the plan that its agent makes. Raises InvalidInput, NotFound."""
        if wait.kind is not WaitKind.RUN or wait.request is None:
            return wait
        depth = int(claimed.run.request.params.get("depth", 0)) + 1
        if depth > _DEEPEST:
            raise InvalidInput(f"step {claimed.step.key!r} asks for a run {depth} levels deep; {_DEEPEST} are allowed")
        params = {**wait.request.params, "depth": depth}
        request = replace(wait.request, params=params, idempotency_key=None)
        return replace(wait, request=request, plan=self._agents.get(request.agent).plan(request))

    def _context(self, execution: Execution) -> ExecutionContext:
        request = execution.claimed.run.request
        budget = Budget(
            _least(request.token_budget, self._budget.tokens), _least(request.money_budget, self._budget.money)
        )
        return ExecutionContext(
            self._store, execution, self._parts, budget, self._clock, pauses_s=self._backoff.settle_s
        )

    def _complete(self, execution: Execution, outcome: StepOutcome) -> list[ReadyStep] | TieoutError:
        """Commit the result by itself."""
        return self._settle(
            execution,
            "done",
            lambda: self._store.complete_step(
                execution.claimed,
                outcome.output,
                now=self._clock(),
                run_state=outcome.run_state,
                run_result=outcome.result,
                spawn=outcome.spawn,
            ),
            partial=outcome,
        )

    def _suspend(
        self, execution: Execution, waits: Sequence[Wait], outcome: StepOutcome
    ) -> list[ReadyStep] | TieoutError:
        claimed = execution.claimed
        return self._settle(
            execution,
            "waiting",
            lambda: self._store.suspend_step(claimed, waits, outcome.output, now=self._clock()),
            partial=outcome,
        )

    def _wait_out(self, execution: Execution, error: TieoutError) -> list[ReadyStep] | TieoutError:
        """Put off a step that met trouble of the installation; a full disk is told to whoever waits for the run."""
        came = self._defer(execution, error)
        return error if isinstance(error, StorageFull) else came

    def _defer(
        self, execution: Execution, error: TieoutError, *, after_s: float | None = None
    ) -> list[ReadyStep] | TieoutError:
        """Put off a step that cannot be done here and now; the attempt is not counted. In the end it fails.

        A worker of another version may have its action, as while a deploy rolls out; a disk gets room; or a provider
        lets more through after `after_s` seconds. No worker waits for that.
        """
        claimed = execution.claimed
        try:
            before = self._store.count_deferrals(claimed)
        except TieoutError as trouble:
            return trouble  # the lease runs out
        if before >= (_DEFERRALS if after_s is None else _LIMITED_DEFERRALS):
            return self._fail(execution, error)
        now = self._clock()
        pause_s = min(_LONGEST_DEFERRAL_S, 2.0**before) if after_s is None else min(_LONGEST_TURN_S, after_s)
        retry_at = now + timedelta(seconds=pause_s)

        def commit() -> list[ReadyStep]:
            self._store.defer_step(claimed, error.message, retry_at=retry_at, now=now)
            return []

        return self._settle(execution, "deferred", commit)

    def _fail(self, execution: Execution, error: Exception) -> list[ReadyStep] | TieoutError:
        step = execution.claimed.step
        now = self._clock()
        retry_at = None
        if self._backoff.retryable(error):
            retry_at = now + timedelta(seconds=self._backoff.wait_s(error, step.attempt))
        message = error.message if isinstance(error, TieoutError) else f"{type(error).__name__}: {error}"
        return self._settle(
            execution,
            "failed",
            lambda: self._store.fail_step(execution.claimed, message, retry_at=retry_at, now=self._clock()),
        )

    def _settle(
        self,
        execution: Execution,
        outcome: str,
        write: Callable[[], list[ReadyStep]],
        *,
        partial: StepOutcome | None = None,
    ) -> list[ReadyStep] | TieoutError:
        """Commit an outcome. When the store cannot (a full disk), try a few times, then let the lease run out."""
        try:
            opened = self._insist(execution, write)
        except StaleFence:
            return self._keep(execution, partial) or []
        except InvalidInput as error:
            if partial is None:
                return error
            return self._fail(execution, error)  # what the action asked for cannot be kept
        except NotFound:
            _log.info("late_outcome_dropped", step_id=execution.claimed.step.id, reason="its run was removed")
            return []
        except TieoutError as error:
            return error
        execution.outcome = outcome
        return opened

    def _keep(self, execution: Execution, partial: StepOutcome | None) -> TieoutError | None:
        """Keep what a cancelled step had; it is lost when the store cannot take it. Return what stood in the way."""
        step_id = execution.claimed.step.id
        kept = False
        try:
            if partial is not None:
                keep = partial.output
                kept = self._insist(
                    execution, lambda: self._store.keep_partial(execution.claimed, keep, now=self._clock())
                )
        except TieoutError as error:
            _log.warning("partial_result_lost", step_id=step_id, reason=error.message)
            return error if passes(error) else None
        _log.info("late_outcome_dropped", step_id=step_id, kept_as_partial=kept)
        return None

    def _insist[T](self, execution: Execution, write: Callable[[], T]) -> T:
        return insist(write, self._backoff.settle_s, step_id=execution.claimed.step.id)


def _timed_out(step: Step) -> StepTimedOut:
    return StepTimedOut(f"step {step.key!r} ran longer than its limit of {step.timeout_s:g} s")


def _checked(outcome: object, step: Step) -> StepOutcome:
    """Return the outcome if it can be kept. Raises InvalidInput: trying again would not help."""
    if not isinstance(outcome, StepOutcome):
        raise InvalidInput(f"action {step.action!r} returned {type(outcome).__name__}, not a StepOutcome")
    if outcome.run_state not in _ENDS:
        raise InvalidInput(f"action {step.action!r} cannot put its run into {outcome.run_state}")
    try:
        if outcome.output or outcome.result:
            json.dumps([dict(outcome.output), dict(outcome.result)], allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"action {step.action!r} returned what JSON cannot hold: {error}") from error
    return outcome


def _least[T: (int, Decimal)](*limits: T | None) -> T | None:
    return min((limit for limit in limits if limit is not None), default=None)
