"""The in-memory run store: the same promises as the SQL one, kept until the process ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from store import rules
from store.memory_records import MemoryClaim, MemoryIntent, MemoryRecord
from tieout.codec import dump, load
from tieout.errors import NotFound
from tieout.model import (
    Artifact,
    Event,
    Plan,
    Principal,
    Run,
    RunRequest,
    RunState,
    Step,
    StepState,
    Usage,
    new_id,
)
from tieout.ports import NO_LIMIT, NO_USAGE, Budget, Claimed, Effect, ReadyStep

_RESUMABLE = (RunState.FAILED, RunState.CANCELLED, RunState.QUEUED, RunState.RUNNING)


class MemoryRunStore:
    """Runs in this process's memory. Safe for many threads: one lock stands for the transaction."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._records: dict[str, MemoryRecord] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._place: dict[str, tuple[str, str]] = {}  # step id → (run id, key)
        self._effects: dict[str, MemoryIntent] = {}

    # ------------------------------------------------------------ runs

    def create_run(self, principal: Principal, request: RunRequest, plan: Plan, *, now: datetime) -> Run:
        """Keep a run with its steps. Raises InvalidInput (plan), Conflict (reused idempotency key)."""
        rules.check_plan(plan)
        rules.check_request(request)
        request, plan = load(RunRequest, dump(request)), load(Plan, dump(plan))
        with self._lock:
            taken = self._keys.get((principal.workspace, request.idempotency_key or ""))
            if taken:
                return rules.same_request(self._records[taken].run, request)
            run = Run(new_id("run"), principal.workspace, principal.id, request, plan, RunState.QUEUED, now, now)
            parents = rules.parents(plan)
            record = MemoryRecord(run, parents, {})
            for spec in plan.steps:
                waits = len(parents[spec.key])
                state = StepState.BLOCKED if waits else StepState.READY
                step_id = new_id("step")
                record.steps[spec.key] = Step(
                    step_id,
                    run.id,
                    run.workspace,
                    spec.key,
                    spec.action,
                    rules.json_object(spec.input),
                    state,
                    waits,
                    0,
                    spec.max_attempts,
                    0,
                    spec.timeout_s,
                )
                record.ready_at[spec.key] = now
                self._place[step_id] = (run.id, spec.key)
            self._records[run.id] = record
            if request.idempotency_key:
                self._keys[(principal.workspace, request.idempotency_key)] = run.id
            record.event("run_submitted", {"agent": plan.agent, "door": request.door, "principal": principal.id}, now)
            return record.run

    def get_run(self, principal: Principal, run_id: str) -> Run:
        """Return the run of an id or unique prefix (with or without `run_`). Raises NotFound."""
        return self._find(principal, run_id).run

    def list_runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first, without their results."""
        with self._lock:
            runs = [record.run for record in self._records.values()]
        runs = [r for r in runs if r.workspace == principal.workspace and (not states or r.state in states)]
        newest = sorted(runs, key=lambda run: (run.created_at, run.id), reverse=True)[:limit]
        return [replace(run, result={}) for run in newest]

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order. Raises NotFound."""
        with self._lock:
            return list(self._find(principal, run_id).steps.values())

    def cancel_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""
        with self._lock:
            record = self._find(principal, run_id)
            if not record.run.state.final:
                record.event("run_cancelled", {"principal": principal.id}, now)
                record.finish(RunState.CANCELLED, now)
            return record.run

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Give dead, cancelled and retrying steps fresh attempts. A run that ended otherwise is returned unchanged."""
        with self._lock:
            record = self._find(principal, run_id)
            if record.run.state not in _RESUMABLE:
                return record.run
            for key, step in record.steps.items():
                if step.state in (StepState.DEAD, StepState.RETRY, StepState.CANCELLED):
                    waits = sum(record.steps[parent].state is not StepState.DONE for parent in record.parents[key])
                    record.open(key, now, pending=waits, attempt=0, error=None, finished_at=None)
                    if waits:
                        record.leave(key, state=StepState.BLOCKED)
            if record.run.state.final:
                record.run = replace(record.run, state=RunState.QUEUED, finished_at=None, error=None)
            record.event("run_resumed", {"principal": principal.id}, now)
            return record.run

    # ------------------------------------------------------------ events

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order. Raises NotFound."""
        with self._lock:
            return self._find(principal, run_id).events[max(after, 0) :][:limit]

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
        """Append one event. Raises StaleFence, NotFound."""
        with self._lock:
            if run_id not in self._records:
                raise NotFound(f"there is no run {run_id}")
            if fence is not None:
                self._require(*fence)
            return self._records[run_id].event(kind, data, now, step)

    # ------------------------------------------------------------ steps

    def ready_steps(self, *, limit: int, now: datetime) -> list[ReadyStep]:
        """Return steps that may start, one of each workspace in turn."""
        turns: dict[str, int] = {}
        waiting = []
        with self._lock:
            for record in self._records.values():
                for key, step in record.steps.items():
                    due = record.ready_at[key]
                    if step.state is StepState.READY or (step.state is StepState.RETRY and due <= now):
                        waiting.append((due, step.id, ReadyStep(step.id, record.run.id, record.run.workspace)))
        ordered = []
        for due, step_id, ready in sorted(waiting, key=lambda one: one[:2]):
            turns[ready.workspace] = turns.get(ready.workspace, 0) + 1
            ordered.append((turns[ready.workspace], due, step_id, ready))
        return [one[3] for one in sorted(ordered, key=lambda one: one[:3])[:limit]]

    def claim_step(self, step_id: str, owner: str, *, lease_s: float, now: datetime) -> Claimed | None:
        """Claim the step if it is ready or its retry is due; None if it is not to be had."""
        with self._lock:
            if step_id not in self._place:
                return None
            record, key = self._at(step_id)
            step = record.steps[key]
            due = step.state is StepState.RETRY and record.ready_at[key] <= now
            if step.state is not StepState.READY and not due:
                return None
            step = replace(
                step,
                state=StepState.RUNNING,
                fence=step.fence + 1,
                attempt=step.attempt + 1,
                started_at=now,
                finished_at=None,
                error=None,
            )
            record.steps[key] = step
            record.claims[key] = MemoryClaim(owner, now + timedelta(seconds=lease_s))
            if record.run.state is RunState.QUEUED:
                record.run = replace(record.run, state=RunState.RUNNING)
                record.event("run_started", {}, now)
            record.event("step_started", {"attempt": step.attempt, "action": step.action}, now, key)
            done = {k: s.output or {} for k, s in record.steps.items() if s.state is StepState.DONE}
            return Claimed(step, record.run, step.fence, done)

    def complete_step(
        self,
        claimed: Claimed,
        output: Mapping[str, Any],
        *,
        now: datetime,
        run_state: RunState | None = None,
        run_result: Mapping[str, Any] | None = None,
    ) -> list[ReadyStep]:
        """Keep the output and return the steps that became ready. Raises StaleFence."""
        output = rules.json_object(output)
        with self._lock:
            record, key = self._require(claimed.step.id, claimed.fence)
            record.leave(key, state=StepState.DONE, output=output, error=None, finished_at=now)
            record.event("step_finished", {"attempt": claimed.step.attempt}, now, key)
            record.run = replace(record.run, result=rules.json_object({**record.run.result, **(run_result or {})}))
            if run_state is RunState.NEEDS_REVIEW:
                record.outcome = run_state
            elif run_state not in (None, RunState.DONE):
                record.finish(run_state, now)
                return []
            opened = self._count_down(record, key, now)
            if all(step.state is StepState.DONE for step in record.steps.values()):
                record.finish(record.outcome or RunState.DONE, now)
            return opened

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> None:
        """Record a failed attempt. Raises StaleFence."""
        error = rules.error_text(error)
        with self._lock:
            record, key = self._require(claimed.step.id, claimed.fence)
            data = {"attempt": claimed.step.attempt, "error": error}
            if retry_at is not None and claimed.step.attempt < claimed.step.max_attempts:
                record.ready_at[key] = retry_at
                record.leave(key, state=StepState.RETRY, error=error)
                record.event("step_retried", {**data, "retry_at": retry_at.isoformat()}, now, key)
                return
            record.leave(key, state=StepState.DEAD, error=error, finished_at=now)
            record.event("step_failed", data, now, key)
            record.finish(RunState.FAILED, now, f"{key}: {error}")

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop. Raises StaleFence."""
        with self._lock:
            record, key = self._require(claimed.step.id, claimed.fence)
            record.open(key, now, attempt=claimed.step.attempt - 1)
            record.event("step_retried", {"attempt": claimed.step.attempt, "error": "stopped"}, now, key)

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands."""
        with self._lock:
            record, key = self._at(claimed.step.id)
            step = record.steps[key]
            return step.state is StepState.RUNNING and step.fence == claimed.fence

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the owner's running steps (only of those ids, when given); return how many."""
        renewed = 0
        with self._lock:
            for record in self._records.values():
                for key, claim in record.claims.items():
                    if claim.owner == owner and (steps is None or record.steps[key].id in steps):
                        claim.lease_until = now + timedelta(seconds=lease_s)
                        renewed += 1
        return renewed

    def release_lost(self, *, now: datetime, alive: Callable[[str], bool]) -> list[ReadyStep]:
        """Free the steps of dead owners and of leases that ran out; return those that are ready again."""
        freed = []
        with self._lock:
            for record in self._records.values():
                for key, claim in list(record.claims.items()):
                    dead = not alive(claim.owner)
                    if key in record.claims and (dead or claim.lease_until < now):
                        freed.append(self._release(record, key, dead, now))
        return [step for step in freed if step is not None]

    def _release(self, record: MemoryRecord, key: str, owner_is_dead: bool, now: datetime) -> ReadyStep | None:
        step = record.steps[key]
        spent = step.attempt >= step.max_attempts
        error = rules.lost_error(step.attempt, step.max_attempts, owner_is_dead=owner_is_dead)
        ready = record.open(key, now, fence=step.fence + 1, error=error)
        record.event("step_failed" if spent else "step_retried", {"attempt": step.attempt, "error": error}, now, key)
        if not spent:
            return ready
        record.leave(key, state=StepState.DEAD, finished_at=now)
        record.finish(RunState.FAILED, now, f"{key}: {error}")
        return None

    # ------------------------------------------------------------ effects and artifacts

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
        """Keep the intent and charge the estimate. Raises BudgetExceeded, StaleFence, Conflict (reused key)."""
        with self._lock:
            record, _ = self._require(claimed.step.id, claimed.fence)
            kept = self._effects.get(key)
            if kept is not None:
                rules.check_same_effect(kept.run_id, kept.effect.kind, kept.intent, claimed, key, kind, intent)
                if kept.effect.outcome is not None or kept.effect.attempts >= max_attempts:
                    return replace(kept.effect, fresh=False)
            rules.check_budget(record.run.usage, estimate, budget, record.run.id)
            attempts = 1 if kept is None else kept.effect.attempts + 1
            effect = Effect(key, kind, True, attempts)
            self._effects[key] = MemoryIntent(record.run.id, rules.json_object(intent), effect, estimate)
            record.run = replace(record.run, usage=record.run.usage + estimate, updated_at=now)
            return effect

    def finish_effect(self, key: str, outcome: Mapping[str, Any], *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """Record the outcome; the first one stays. Raises NotFound."""
        with self._lock:
            kept = self._intent(key)
            if kept.effect.outcome is None:
                kept.effect = replace(kept.effect, outcome=rules.json_object(outcome))
                self._charge(kept, rules.less(usage, kept.estimate), now)

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt without an outcome; with no usage it is not counted. Raises NotFound."""
        with self._lock:
            kept = self._intent(key)
            if kept.effect.outcome is not None:
                return
            self._charge(kept, rules.less(usage, kept.estimate), now)
            kept.estimate = NO_USAGE
            kept.effect = replace(kept.effect, attempts=kept.effect.attempts - (usage == NO_USAGE))
            if kept.effect.attempts == 0:
                del self._effects[key]

    def put_artifact(self, claimed: Claimed, artifact: Artifact, *, now: datetime) -> None:
        """Record an artifact of the claimed run, replacing one of the same name. Raises StaleFence."""
        with self._lock:
            record, _ = self._require(claimed.step.id, claimed.fence)
            record.artifacts[artifact.name] = replace(artifact, run_id=record.run.id)
            record.run = replace(record.run, updated_at=now)

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name. Raises NotFound."""
        with self._lock:
            found = self._find(principal, run_id).artifacts
            return [found[name] for name in sorted(found)]

    # ------------------------------------------------------------ helpers

    def _find(self, principal: Principal, run_id: str) -> MemoryRecord:
        with self._lock:
            mine = {r.run.id: r for r in self._records.values() if r.run.workspace == principal.workspace}
        if run_id in mine:
            return mine[run_id]
        prefix = run_id if run_id.startswith("run_") else f"run_{run_id}"
        return mine[rules.only_match(run_id, [one for one in mine if one.startswith(prefix)], principal)]

    def _at(self, step_id: str) -> tuple[MemoryRecord, str]:
        run_id, key = self._place[step_id]
        return self._records[run_id], key

    def _require(self, step_id: str, fence: int) -> tuple[MemoryRecord, str]:
        record, key = self._at(step_id)
        if record.steps[key].state is not StepState.RUNNING or record.steps[key].fence != fence:
            raise rules.stale(step_id, fence)
        return record, key

    def _count_down(self, record: MemoryRecord, parent: str, now: datetime) -> list[ReadyStep]:
        opened = []
        for key, step in record.steps.items():
            if parent in record.parents[key]:
                record.steps[key] = replace(step, pending=step.pending - 1)
                if step.pending == 1 and step.state is StepState.BLOCKED:
                    opened.append(record.open(key, now))
        return opened

    def _intent(self, key: str) -> MemoryIntent:
        if key not in self._effects:
            raise NotFound(f"there is no effect {key!r}")
        return self._effects[key]

    def _charge(self, kept: MemoryIntent, usage: Usage, now: datetime) -> None:
        record = self._records[kept.run_id]
        record.run = replace(record.run, usage=record.run.usage + usage, updated_at=now)
