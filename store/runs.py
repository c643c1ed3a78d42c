"""The SQL run store: each method of the RunStore port is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, insert, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from store import effects, rules, steps
from store.database import Database
from store.rows import AnyRow, artifact_of, event_of, run_of, step_of, usage_columns
from store.run_change import RunChange
from store.tables import artifacts, events, runs, step_edges
from store.tables import steps as step_table
from tieout.codec import dump
from tieout.model import Artifact, Event, Plan, Principal, Run, RunRequest, RunState, Step, StepState, Usage, new_id
from tieout.ports import NO_LIMIT, NO_USAGE, Budget, Claimed, Effect, ReadyStep

_RESUMABLE = (RunState.FAILED, RunState.CANCELLED, RunState.QUEUED, RunState.RUNNING)


class SqlRunStore:
    """Runs in SQLite or PostgreSQL. Safe for many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------ runs

    def create_run(self, principal: Principal, request: RunRequest, plan: Plan, *, now: datetime) -> Run:
        """Commit a run with its steps. Raises InvalidInput (plan), Conflict (reused idempotency key)."""
        rules.check_plan(plan)
        rules.check_request(request)

        def work(connection: Connection) -> Run:
            run_id = new_id("run")
            if not _insert_run(connection, run_id, principal, request, plan, now):
                return _same_request(connection, principal, request)
            _insert_steps(connection, run_id, principal.workspace, plan, now)
            change = RunChange(connection, run_id, now)
            change.event("run_submitted", {"agent": plan.agent, "door": request.door, "principal": principal.id})
            change.save()
            return run_of(connection.execute(select(runs).where(runs.c.id == run_id)).one())

        return self._database.write(work)

    def get_run(self, principal: Principal, run_id: str) -> Run:
        """Return the run of an id or unique prefix (with or without `run_`). Raises NotFound."""
        return run_of(self._database.read(lambda connection: _find(connection, principal, run_id)))

    def list_runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs, newest first, without their results: one result holds a whole report's claims."""
        query = select(*(column for column in runs.c if column.name != "result")).where(
            runs.c.workspace == principal.workspace
        )
        if states:
            query = query.where(runs.c.state.in_([state.value for state in states]))
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        return [run_of(row) for row in self._all(query)]

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order. Raises NotFound."""
        return [step_of(row) for row in self._of_run(principal, run_id, step_table, step_table.c.position)]

    def cancel_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Cancel what has not finished; a final run is returned unchanged."""

        def work(connection: Connection) -> Run:
            change = RunChange(connection, _find(connection, principal, run_id).id, now)
            if not change.state.final:
                change.event("run_cancelled", {"principal": principal.id})
                change.finish(RunState.CANCELLED)
                change.save()
            return run_of(_find(connection, principal, change.run_id))

        return self._database.write(work)

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Give dead, cancelled and retrying steps fresh attempts. A run that ended otherwise is returned unchanged."""

        def work(connection: Connection) -> Run:
            change = RunChange(connection, _find(connection, principal, run_id).id, now)
            if change.state in _RESUMABLE:
                steps.reopen(connection, change.run_id, now)
                if change.state.final:
                    change.enter(RunState.QUEUED, finished_at=None, error=None)
                change.event("run_resumed", {"principal": principal.id})
                change.save()
            return run_of(_find(connection, principal, change.run_id))

        return self._database.write(work)

    # ------------------------------------------------------------ events

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order. Raises NotFound."""

        def work(connection: Connection) -> Sequence[AnyRow]:
            found = _find(connection, principal, run_id, runs.c.id)
            query = select(events).where(events.c.run_id == found.id, events.c.seq > after)
            return connection.execute(query.order_by(events.c.seq).limit(limit)).all()

        return [event_of(row) for row in self._database.read(work)]

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

        def work(connection: Connection) -> Event:
            change = RunChange(connection, run_id, now)
            if fence is not None:
                steps.require(connection, *fence)
            happened = change.event(kind, data, step)
            change.save()
            return happened

        return self._database.write(work)

    # ------------------------------------------------------------ steps

    def ready_steps(self, *, limit: int, now: datetime) -> list[ReadyStep]:
        """Return steps that may start, one of each workspace in turn."""
        return self._database.read(lambda connection: steps.ready(connection, limit, now))

    def claim_step(self, step_id: str, owner: str, *, lease_s: float, now: datetime) -> Claimed | None:
        """Claim by one conditional update; None if the step is not to be had."""
        return self._database.write(lambda connection: steps.claim(connection, step_id, owner, lease_s, now))

    def complete_step(
        self,
        claimed: Claimed,
        output: Mapping[str, Any],
        *,
        now: datetime,
        run_state: RunState | None = None,
        run_result: Mapping[str, Any] | None = None,
    ) -> list[ReadyStep]:
        """Commit the output and return the steps that became ready. Raises StaleFence."""
        return self._database.write(lambda c: steps.complete(c, claimed, output, run_state, run_result, now))

    def fail_step(self, claimed: Claimed, error: str, *, retry_at: datetime | None, now: datetime) -> None:
        """Record a failed attempt. Raises StaleFence."""
        error = rules.error_text(error)
        self._database.write(lambda connection: steps.fail(connection, claimed, error, retry_at, now))

    def hand_back(self, claimed: Claimed, *, now: datetime) -> None:
        """Give up a claim because of an orderly stop. Raises StaleFence."""
        self._database.write(lambda connection: steps.hand_back(connection, claimed, now))

    def holds_claim(self, claimed: Claimed) -> bool:
        """Return whether the claim still stands."""
        return self._database.read(lambda connection: steps.holds(connection, claimed.step.id, claimed.fence))

    def renew_leases(self, owner: str, *, lease_s: float, now: datetime, steps: Collection[str] | None = None) -> int:
        """Extend the leases of the owner's running steps (only of those ids, when given); return how many."""
        only = None if steps is None else sorted(steps)
        return self._database.write(lambda c: _renew(c, owner, now + timedelta(seconds=lease_s), only))

    def release_lost(self, *, now: datetime, alive: Callable[[str], bool]) -> list[ReadyStep]:
        """Free the steps of dead owners and of leases that ran out; return those that are ready again."""
        running = self._database.read(lambda connection: steps.lost(connection, now))
        dead = {owner for owner in {row.owner for row in running} if not alive(owner)}
        freed = []
        for row in running:
            if row.owner in dead or row.expired:
                freed.append(self._release(row, row.owner in dead, now))
        return [step for step in freed if step is not None]

    def _release(self, row: AnyRow, owner_is_dead: bool, now: datetime) -> ReadyStep | None:
        return self._database.write(lambda c: steps.release(c, row.id, row.run_id, row.fence, owner_is_dead, now))

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
        """Commit the intent and charge the estimate. Raises BudgetExceeded, StaleFence, Conflict (reused key)."""
        return self._database.write(
            lambda c: effects.begin(c, claimed, key, kind, intent, estimate, budget, max_attempts, now)
        )

    def finish_effect(self, key: str, outcome: Mapping[str, Any], *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """Record the outcome; the first one stays. Raises NotFound."""
        self._database.write(lambda connection: effects.finish(connection, key, outcome, usage, now))

    def withdraw_effect(self, key: str, *, now: datetime, usage: Usage = NO_USAGE) -> None:
        """End the newest attempt without an outcome; with no usage it is not counted. Raises NotFound."""
        self._database.write(lambda connection: effects.withdraw(connection, key, usage, now))

    def put_artifact(self, claimed: Claimed, artifact: Artifact, *, now: datetime) -> None:
        """Record an artifact of the claimed run, replacing one of the same name. Raises StaleFence."""
        values = {
            "media_type": artifact.media_type,
            "sha256": artifact.sha256,
            "size": artifact.size,
            "created_at": now,
        }

        def work(connection: Connection) -> None:
            change = RunChange(connection, claimed.run.id, now)
            steps.require(connection, claimed.step.id, claimed.fence)
            new = _insert(connection)(artifacts).values(
                run_id=claimed.run.id, name=artifact.name, workspace=change.workspace, **values
            )
            connection.execute(new.on_conflict_do_update(index_elements=["run_id", "name"], set_=values))

        self._database.write(work)

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name. Raises NotFound."""
        return [artifact_of(row) for row in self._of_run(principal, run_id, artifacts, artifacts.c.name)]

    # ------------------------------------------------------------ helpers

    def _all(self, query: Select[Any]) -> Sequence[AnyRow]:
        return self._database.read(lambda connection: connection.execute(query).all())

    def _of_run(self, principal: Principal, run_id: str, table: Any, order: Any) -> Sequence[AnyRow]:
        def work(connection: Connection) -> Sequence[AnyRow]:
            found = _find(connection, principal, run_id, runs.c.id)
            return connection.execute(select(table).where(table.c.run_id == found.id).order_by(order)).all()

        return self._database.read(work)


_renew = steps.renew  # `steps` is a parameter's name where it is used


def _insert(connection: Connection) -> Any:
    """Return the dialect's INSERT, the one that knows ON CONFLICT."""
    return sqlite_insert if connection.dialect.name == "sqlite" else pg_insert


def _find(connection: Connection, principal: Principal, run_id: str, *columns: Any) -> AnyRow:
    """Return the row of an id or unique prefix in the principal's workspace. Raises NotFound."""
    if not (run_id.isascii() and run_id.isprintable()):
        rules.only_match(run_id, [], principal)
    query = select(*(columns or (runs,))).where(runs.c.workspace == principal.workspace)
    exact = connection.execute(query.where(runs.c.id == run_id)).one_or_none()
    if exact is not None:
        return exact
    prefix = run_id if run_id.startswith("run_") else f"run_{run_id}"
    similar = query.where(runs.c.id.startswith(prefix, autoescape=True)).limit(2)
    found = connection.execute(similar).all() if run_id else []
    rules.only_match(run_id, [row.id for row in found], principal)
    return found[0]


def _insert_run(
    connection: Connection, run_id: str, principal: Principal, request: RunRequest, plan: Plan, now: datetime
) -> bool:
    """Insert the run's row; False when its idempotency key is taken (by a transaction that is committed by now)."""
    new = _insert(connection)(runs).values(
        id=run_id,
        workspace=principal.workspace,
        principal=principal.id,
        agent=plan.agent,
        plan_version=plan.version,
        request=dump(request),
        plan=dump(plan),
        idempotency_key=request.idempotency_key,
        state=RunState.QUEUED.value,
        remaining=len(plan.steps),
        event_seq=0,
        result={},
        created_at=now,
        updated_at=now,
        **usage_columns(Usage()),
    )
    new = new.on_conflict_do_nothing(index_elements=["workspace", "idempotency_key"]).returning(runs.c.id)
    return connection.execute(new).scalar() is not None


def _same_request(connection: Connection, principal: Principal, request: RunRequest) -> Run:
    row = connection.execute(
        select(runs).where(runs.c.workspace == principal.workspace, runs.c.idempotency_key == request.idempotency_key)
    ).one()
    return rules.same_request(run_of(row), request)


def _insert_steps(connection: Connection, run_id: str, workspace: str, plan: Plan, now: datetime) -> None:
    ids = {spec.key: new_id("step") for spec in plan.steps}
    parents = rules.parents(plan)
    rows = [
        {
            "id": ids[spec.key],
            "run_id": run_id,
            "workspace": workspace,
            "position": position,
            "key": spec.key,
            "action": spec.action,
            "input": dict(spec.input),
            "state": (StepState.BLOCKED if parents[spec.key] else StepState.READY).value,
            "pending": len(parents[spec.key]),
            "attempt": 0,
            "max_attempts": spec.max_attempts,
            "fence": 0,
            "timeout_s": spec.timeout_s,
            "ready_at": None if parents[spec.key] else now,
        }
        for position, spec in enumerate(plan.steps)
    ]
    connection.execute(insert(step_table), rows)
    edges = [{"parent_id": ids[parent], "child_id": ids[key]} for key in ids for parent in parents[key]]
    if edges:
        connection.execute(insert(step_edges), edges)
