"""The run store's part about runs as a whole: create, read, cancel, pause, resume, replay; events and artifacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select, update

from store import claims, depths, records, replay, rules, usage
from store.database import Database
from store.joins import end_if_settled, end_without_result
from store.quick import QuickPath
from store.records import find, of_open_run, open_to, upsert
from store.rows import AnyRow, artifact_of, event_of, run_of, step_of
from store.run_change import UNFINISHED, RunChange
from store.tables import artifacts, events, is_in, runs
from store.tables import steps as step_table
from tieout.errors import Conflict, NotFound
from tieout.model import (
    Artifact,
    DeadLetter,
    Event,
    Plan,
    Principal,
    Run,
    RunRequest,
    RunState,
    Step,
    StepState,
    UsageLine,
)
from tieout.ports import Claimed, Depths, RunFilter

_RESUMABLE = (RunState.FAILED, RunState.CANCELLED, RunState.QUEUED, RunState.RUNNING, RunState.PAUSED, RunState.WAITING)


class RunRecords:
    """Runs in SQL. Each method is one transaction."""

    _database: Database
    _quick: QuickPath | None

    def create_run(self, principal: Principal, request: RunRequest, plan: Plan, *, now: datetime) -> Run:
        """Commit a run with its steps. Raises InvalidInput (plan), Conflict (reused idempotency key)."""
        rules.check_plan(plan)
        rules.check_request(request)
        run = self._quick.create(principal, request, plan, now) if self._quick is not None else None
        run = run or self._database.write(lambda c: records.create(c, principal, request, plan, now))
        if self._quick is not None and run.state is RunState.QUEUED:
            self._quick.known.remember(run)
        return run

    def get_run(self, principal: Principal, run_id: str) -> Run:
        """Return the run of an id or unique prefix (with or without `run_`). Raises NotFound."""
        return run_of(self._database.read(lambda connection: find(connection, principal, run_id)))

    def list_runs(self, principal: Principal, *, limit: int = 50, states: Sequence[RunState] = ()) -> list[Run]:
        """Return runs that the principal may read, newest first, without their results.

        One result holds a whole report's claims.
        """
        query = select(*(column for column in runs.c if column.name != "result")).where(*open_to(principal))
        if states:
            query = query.where(runs.c.state.in_([state.value for state in states]))
        query = query.order_by(runs.c.created_at.desc(), runs.c.id.desc()).limit(limit)
        return [run_of(row) for row in self._all(query)]

    def find_runs(self, principal: Principal, where: RunFilter, *, limit: int = 1000) -> list[str]:
        """Return ids of runs that fit, oldest first."""
        fits = [runs.c.workspace == principal.workspace]
        if where.states:
            fits.append(runs.c.state.in_([state.value for state in where.states]))
        if where.agent is not None:
            fits.append(runs.c.agent == where.agent)
        if where.error is not None:
            fits.append(runs.c.error.contains(where.error, autoescape=True))
        if where.since is not None:
            fits.append(runs.c.created_at >= where.since)
        if where.until is not None:
            fits.append(runs.c.created_at < where.until)
        query = select(runs.c.id).where(*fits).order_by(runs.c.created_at, runs.c.id).limit(limit)
        return [row.id for row in self._all(query)]

    def steps(self, principal: Principal, run_id: str) -> list[Step]:
        """Return the run's steps in plan order. Raises NotFound."""
        return [step_of(row) for row in self._of_run(principal, run_id, step_table, step_table.c.position)]

    def dead_letters(self, principal: Principal, *, limit: int = 50, run_id: str | None = None) -> list[DeadLetter]:
        """Return dead steps, the newest first. Raises NotFound."""

        def work(connection: Connection) -> list[DeadLetter]:
            dead = is_in(step_table.c.state, StepState.DEAD)
            mine = [step_table.c.workspace == principal.workspace, dead, *of_open_run(principal, step_table.c.run_id)]
            if run_id is not None:
                mine.append(step_table.c.run_id == find(connection, principal, run_id, runs.c.id).id)
            query = select(step_table).where(*mine).order_by(step_table.c.finished_at.desc(), step_table.c.id)
            rows = connection.execute(query.limit(limit)).all()
            whole = select(runs).where(runs.c.id.in_({row.run_id for row in rows}))
            of = {row.id: run_of(row) for row in connection.execute(whole)}
            found = [(of[row.run_id], step_of(row)) for row in rows]
            return [DeadLetter(run.id, run.plan.agent, step, run.state, run.request.question) for run, step in found]

        return self._database.read(work)

    def usage(self, principal: Principal, *, by: str, since: datetime) -> list[UsageLine]:
        """Return what the runs created since then cost, summed by `agent`, `principal`, `model` or `day`."""
        return self._database.read(lambda connection: usage.sums(connection, principal, by, since))

    def deeds(self, principal: Principal, *, limit: int = 100) -> Sequence[Event]:
        """Return what people did to runs, the newest first."""
        return self._database.read(lambda connection: usage.deeds(connection, principal, limit))

    def states(self, principal: Principal) -> Mapping[str, int]:
        """Return how many runs stand in which state."""
        return self._database.read(lambda connection: usage.states(connection, principal))

    # ------------------------------------------------------------ what people do to a run

    def cancel_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Cancel what has not finished, sub-runs too; a final run is returned unchanged."""

        def work(_connection: Connection, change: RunChange) -> None:
            if not change.state.final:
                change.event("run_cancelled", {"principal": principal.id})
                change.finish(RunState.CANCELLED)

        return self._change(principal, run_id, now, work)

    def cancel_step(self, principal: Principal, run_id: str, key: str, *, now: datetime) -> Run:
        """Cancel one unfinished step. Raises NotFound, Conflict (it has ended)."""

        def work(connection: Connection, change: RunChange) -> None:
            mine = step_table.c.run_id == change.run_id, step_table.c.key == key
            row = connection.execute(select(step_table).where(*mine)).one_or_none()
            if row is None:
                raise NotFound(f"{change.run_id} has no step {key!r}: see `tieout runs show {change.run_id}`")
            if StepState(row.state).settled:
                raise Conflict(f"step {key!r} of {change.run_id} is {row.state} already")
            change.event("step_cancelled", {"principal": principal.id}, key)
            change.end_running("cancelled", None, row.id)
            change.end_waits(row.id)
            end_without_result(change, row, StepState.CANCELLED, None)

        return self._change(principal, run_id, now, work)

    def pause_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """Begin no further step of the run. Raises Conflict when it is final."""

        def work(connection: Connection, change: RunChange) -> None:
            if change.state.final:
                raise Conflict(f"{change.run_id} is {change.state} already; only what goes on can be paused")
            if change.state is not RunState.PAUSED:
                _hold(connection, change.run_id, held=True)
                change.event("run_paused", {"principal": principal.id, "was": change.state.value})
                change.enter(RunState.PAUSED)

        return self._change(principal, run_id, now, work)

    def resume_run(self, principal: Principal, run_id: str, *, now: datetime) -> Run:
        """End a pause; give dead, cancelled and retrying steps fresh attempts. Other final runs stay unchanged."""

        def work(connection: Connection, change: RunChange) -> None:
            if change.state in _RESUMABLE:
                change.event("run_resumed", {"principal": principal.id})
                _go_on(connection, change)
                replay.reopen(change)
                end_if_settled(change)

        return self._change(principal, run_id, now, work)

    def replay_run(
        self, principal: Principal, run_id: str, *, step: str | None, redeliver: bool = False, now: datetime
    ) -> Run:
        """Do `step` and all that follows from it again, or what `resume_run` would. Raises NotFound, Conflict."""

        def work(connection: Connection, change: RunChange) -> None:
            if step is None and change.state not in _RESUMABLE:
                return
            change.event("run_replayed", {"principal": principal.id, "from": step, "redeliver": redeliver})
            _go_on(connection, change)
            if step is None:
                replay.reopen(change)
            else:
                replay.replay_from(change, step, redeliver=redeliver)
            end_if_settled(change)

        return self._change(principal, run_id, now, work)

    def _change(self, principal: Principal, run_id: str, now: datetime, work: Any) -> Run:
        def whole(connection: Connection) -> Run:
            change = RunChange(connection, find(connection, principal, run_id, runs.c.id).id, now)
            before = change.touched()
            work(connection, change)
            if change.touched() != before:
                change.save()
            return run_of(connection.execute(select(runs).where(runs.c.id == change.run_id)).one())

        return self._database.write(whole)

    # ------------------------------------------------------------ events and artifacts

    def events(self, principal: Principal, run_id: str, *, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with seq > after, in order. Raises NotFound."""

        def work(connection: Connection) -> Sequence[AnyRow]:
            found = find(connection, principal, run_id, runs.c.id)
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
                claims.require(connection, *fence)
            happened = change.event(kind, data, step)
            change.save()
            return happened

        return self._database.write(work)

    def put_artifact(self, claimed: Claimed, artifact: Artifact, *, now: datetime) -> None:
        """Record an artifact of the claimed run, replacing one of the same name. Raises StaleFence."""
        values = {"media_type": artifact.media_type, "sha256": artifact.sha256, "size": artifact.size}

        def work(connection: Connection) -> None:
            change = RunChange(connection, claimed.run.id, now)
            claims.require(connection, claimed.step.id, claimed.fence)
            new = upsert(connection)(artifacts).values(
                run_id=claimed.run.id, name=artifact.name, workspace=change.workspace, created_at=now, **values
            )
            same_name = ["run_id", "name"]
            connection.execute(new.on_conflict_do_update(index_elements=same_name, set_={**values, "created_at": now}))

        self._database.write(work)

    def artifacts(self, principal: Principal, run_id: str) -> list[Artifact]:
        """Return the run's artifacts by name. Raises NotFound."""
        return [artifact_of(row) for row in self._of_run(principal, run_id, artifacts, artifacts.c.name)]

    # ------------------------------------------------------------ metrics

    def depths(self, *, now: datetime) -> Depths:
        """Return how much stands where, over all workspaces."""

        return self._database.read(lambda connection: depths.count(connection, now))

    # ------------------------------------------------------------ helpers

    def _all(self, query: Select[Any]) -> Sequence[AnyRow]:
        return self._database.read(lambda connection: connection.execute(query).all())

    def _of_run(self, principal: Principal, run_id: str, table: Any, order: Any) -> Sequence[AnyRow]:
        def work(connection: Connection) -> Sequence[AnyRow]:
            found = find(connection, principal, run_id, runs.c.id)
            return connection.execute(select(table).where(table.c.run_id == found.id).order_by(order)).all()

        return self._database.read(work)


def _hold(connection: Connection, run_id: str, *, held: bool) -> None:
    open_steps = step_table.c.run_id == run_id, step_table.c.state.in_([state.value for state in UNFINISHED])
    connection.execute(update(step_table).where(*open_steps).values(held=held))


def _go_on(connection: Connection, change: RunChange) -> None:
    """End a pause. A run that had not begun has not begun; whether another one waits, its steps say."""
    if change.state is not RunState.PAUSED:
        return
    _hold(connection, change.run_id, held=False)
    paused = select(events.c.data).where(events.c.run_id == change.run_id, events.c.kind == "run_paused")
    last = connection.execute(paused.order_by(events.c.seq.desc()).limit(1)).scalar() or {}
    change.enter(RunState.QUEUED if last.get("was") == RunState.QUEUED else RunState.RUNNING)
