"""The SQL schedule store: each method of the ScheduleStore port is one transaction."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, func, literal_column, select, tuple_, union_all, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from store.database import Database
from store.schedule_rows import FIRE_COLUMNS, fire_of, fire_values, schedule_of
from store.tables_schedules import fires, schedules
from tieout import codec
from tieout.errors import Conflict, NeedsAnswer, NotFound
from tieout.model import Fire, FireState, Principal, Schedule, ScheduleSpec, ScheduleState, new_id

# Written out, not bound: a partial index serves only a query that shows the condition.
_ACTIVE = schedules.c.state == literal_column("'active'")
_BEGUN = fires.c.state == literal_column("'begun'")

# A schedule with its newest fire, which `last_planned_at` names.
_WHOLE = select(schedules, *FIRE_COLUMNS).select_from(
    schedules.outerjoin(
        fires, and_(fires.c.schedule_id == schedules.c.id, fires.c.planned_at == schedules.c.last_planned_at)
    )
)


class SqlScheduleStore:
    """Schedules in SQLite or PostgreSQL. Safe for many threads and processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------ for people

    def add_schedule(self, principal: Principal, spec: ScheduleSpec, *, next_at: datetime, now: datetime) -> Schedule:
        """Commit an active schedule. Raises Conflict when the workspace has one of that name."""

        def work(connection: Connection) -> Schedule:
            schedule_id = new_id("sched")
            new = _upsert(connection)(schedules).values(
                id=schedule_id,
                workspace=principal.workspace,
                principal=principal.id,
                name=spec.name,
                rule=spec.rule,
                request=codec.dump(spec.request),
                misfire=spec.misfire.value,
                grace_s=spec.grace_s,
                catch_up=spec.catch_up,
                overlap=spec.overlap.value,
                state=ScheduleState.ACTIVE.value,
                next_at=next_at,
                created_at=now,
                updated_at=now,
            )
            new = new.on_conflict_do_nothing(index_elements=["workspace", "name"]).returning(schedules.c.id)
            if connection.execute(new).first() is None:
                raise Conflict(
                    f"There is a schedule {spec.name!r} already: choose another name, or remove it first.",
                    name=spec.name,
                )
            return _get(connection, principal, schedule_id)

        return self._database.write(work)

    def get_schedule(self, principal: Principal, reference: str) -> Schedule:
        """Return the schedule of a name, id or unique beginning of an id. Raises NotFound, NeedsAnswer."""
        return self._database.read(lambda connection: _find(connection, principal, reference))

    def list_schedules(self, principal: Principal, *, states: Sequence[ScheduleState] = ()) -> list[Schedule]:
        """Return the workspace's schedules by name."""
        query = _WHOLE.where(schedules.c.workspace == principal.workspace)
        if states:
            query = query.where(schedules.c.state.in_([state.value for state in states]))
        return self._schedules(query.order_by(schedules.c.name, schedules.c.id))

    def pause_schedule(self, principal: Principal, schedule_id: str, *, now: datetime) -> Schedule:
        """Stop planning; an active schedule becomes paused, any other is returned unchanged."""
        change = {"state": ScheduleState.PAUSED.value, "next_at": None, "updated_at": now}
        return self._turn(principal, schedule_id, _ACTIVE, change)

    def resume_schedule(self, principal: Principal, schedule_id: str, *, next_at: datetime, now: datetime) -> Schedule:
        """Plan again from `next_at` on; an active schedule is returned unchanged."""
        change = {"state": ScheduleState.ACTIVE.value, "next_at": next_at, "reason": None, "updated_at": now}
        return self._turn(principal, schedule_id, ~_ACTIVE, change)

    def remove_schedule(self, principal: Principal, schedule_id: str) -> Schedule:
        """Remove a schedule with its fires; the runs that they started stay. Raises NotFound."""

        def work(connection: Connection) -> Schedule:
            found = _get(connection, principal, schedule_id)
            connection.execute(delete(schedules).where(schedules.c.id == found.id))
            return found

        return self._database.write(work)

    def fires(self, principal: Principal, schedule_id: str, *, limit: int = 50) -> list[Fire]:
        """Return the schedule's fires, newest planned time first."""
        query = (
            select(fires)
            .where(fires.c.workspace == principal.workspace, fires.c.schedule_id == schedule_id)
            .order_by(fires.c.planned_at.desc())
            .limit(limit)
        )
        return [fire_of(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def add_fire(self, schedule: Schedule, fire: Fire, *, retry_at: datetime) -> None:
        """Commit a fire beside the plan (a person asked for it). Raises Conflict, NotFound (removed meanwhile)."""

        def work(connection: Connection) -> None:
            mine = update(schedules).where(schedules.c.id == schedule.id).values(last_planned_at=fire.planned_at)
            if not connection.execute(mine).rowcount:
                raise NotFound(f"The schedule {schedule.spec.name!r} was removed meanwhile.")
            if not _insert_fire(connection, fire, retry_at):
                raise Conflict(f"The schedule {schedule.spec.name!r} has fired at that moment already; try again.")

        self._database.write(work)

    # ------------------------------------------------------------ for schedulers

    def due_schedules(self, *, now: datetime, limit: int) -> list[Schedule]:
        """Return active schedules whose next time has come, the longest due first."""
        due = _WHOLE.where(_ACTIVE, schedules.c.next_at <= now)
        return self._schedules(due.order_by(schedules.c.next_at, schedules.c.id).limit(limit))

    def next_due(self) -> datetime | None:
        """Return when the next schedule, or the next try at a begun fire, is due."""
        planned = select(func.min(schedules.c.next_at).label("at")).where(_ACTIVE)
        begun = select(func.min(fires.c.retry_at).label("at")).where(_BEGUN)
        both = union_all(planned, begun)
        times = self._database.read(lambda connection: connection.execute(both).scalars().all())
        return min((at for at in times if at is not None), default=None)

    def advance(
        self,
        schedule: Schedule,
        *,
        next_at: datetime | None,
        fires: Sequence[Fire],
        retry_at: datetime,
        now: datetime,
        state: ScheduleState = ScheduleState.ACTIVE,
        reason: str | None = None,
    ) -> list[Fire]:
        """Move `next_at` from what `schedule` says, and commit the fires in the same transaction.

        One conditional update decides who of all schedulers plans this time: whoever comes second finds another
        `next_at` and gets nothing. The key of `fires` guards once more, should a time be planned twice (a schedule
        paused and resumed by a clock that is behind).
        """

        def work(connection: Connection) -> list[Fire]:
            still = and_(
                schedules.c.id == schedule.id,
                _ACTIVE,
                schedules.c.next_at == schedule.next_at,
            )
            change: dict[str, Any] = {"next_at": next_at, "state": state.value, "reason": reason, "updated_at": now}
            if fires:
                change["last_planned_at"] = fires[-1].planned_at
            if not connection.execute(update(schedules).where(still).values(**change)).rowcount:
                return []
            return [fire for fire in fires if _insert_fire(connection, fire, retry_at)]

        return self._database.write(work)

    def take_stranded(self, *, now: datetime, retry_at: datetime, limit: int) -> list[Fire]:
        """Return begun fires whose `retry_at` has come, their attempt counted and their `retry_at` moved."""
        waiting = select(fires).where(_BEGUN, fires.c.retry_at <= now).order_by(fires.c.retry_at).limit(limit)
        if not self._database.read(lambda connection: connection.execute(waiting).first()):
            return []  # the usual case takes no lock

        def work(connection: Connection) -> list[Fire]:
            taken = []
            for row in connection.execute(waiting).all():
                mine = update(fires).where(_is(row), _BEGUN, fires.c.retry_at == row.retry_at)
                change = mine.values(retry_at=retry_at, attempt=fires.c.attempt + 1).returning(fires)
                taken += [fire_of(changed) for changed in connection.execute(change)]
            return taken

        return self._database.write(work)

    def finish_fire(self, fire: Fire, *, run_id: str | None = None, reason: str | None = None) -> None:
        """Record that a begun fire started a run, or failed for a reason; a finished one stays as it is."""
        state = FireState.FAILED if run_id is None else FireState.STARTED
        change = {"state": state.value, "run_id": run_id, "reason": reason, "retry_at": None}

        def work(connection: Connection) -> None:
            if run_id is not None:  # first: whoever plans locks the schedule before its fires, too
                last = update(schedules).where(schedules.c.id == fire.schedule_id).values(last_run_id=run_id)
                connection.execute(last)
            connection.execute(_begun(fire).values(**change))

        self._database.write(work)

    def postpone_fire(self, fire: Fire, *, retry_at: datetime, reason: str) -> None:
        """Try a begun fire again from `retry_at` on; `reason` says why it has not started."""
        change = _begun(fire).values(retry_at=retry_at, reason=reason)
        self._database.write(lambda connection: connection.execute(change))

    def forget_fires(self, *, before: datetime, limit: int) -> int:
        """Remove finished fires planned before a time, at most `limit`, each schedule's last one kept; say how many."""
        key = tuple_(fires.c.schedule_id, fires.c.planned_at)
        last = select(schedules.c.last_planned_at).where(schedules.c.id == fires.c.schedule_id).scalar_subquery()
        old = select(fires.c.schedule_id, fires.c.planned_at).where(
            ~_BEGUN, fires.c.planned_at < before, fires.c.planned_at != last
        )
        gone = delete(fires).where(key.in_(old.limit(limit)))
        return self._database.write(lambda connection: connection.execute(gone).rowcount)

    # ------------------------------------------------------------ helpers

    def _schedules(self, query: Any) -> list[Schedule]:
        return [schedule_of(row) for row in self._database.read(lambda connection: connection.execute(query).all())]

    def _turn(self, principal: Principal, schedule_id: str, where: Any, change: dict[str, Any]) -> Schedule:
        def work(connection: Connection) -> Schedule:
            found = _get(connection, principal, schedule_id)
            connection.execute(update(schedules).where(schedules.c.id == found.id, where).values(**change))
            return _get(connection, principal, schedule_id)

        return self._database.write(work)


def _is(fire: Any) -> Any:
    return and_(fires.c.schedule_id == fire.schedule_id, fires.c.planned_at == fire.planned_at)


def _begun(fire: Fire) -> Any:
    return update(fires).where(_is(fire), _BEGUN)


def _upsert(connection: Connection) -> Any:
    return sqlite_insert if connection.dialect.name == "sqlite" else pg_insert


def _insert_fire(connection: Connection, fire: Fire, retry_at: datetime) -> bool:
    values = fire_values(fire) | {"retry_at": retry_at if fire.state is FireState.BEGUN else None}
    new = _upsert(connection)(fires).values(**values).on_conflict_do_nothing().returning(fires.c.schedule_id)
    return connection.execute(new).first() is not None


def _get(connection: Connection, principal: Principal, schedule_id: str) -> Schedule:
    query = _WHOLE.where(schedules.c.workspace == principal.workspace, schedules.c.id == schedule_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no schedule {schedule_id!r} (any more); `tieout schedules list` shows those there are."
        )
    return schedule_of(row)


def _find(connection: Connection, principal: Principal, reference: str) -> Schedule:
    """Return the schedule of a name or id, else of the beginning of an id."""
    mine = select(schedules.c.id, schedules.c.name).where(schedules.c.workspace == principal.workspace)
    everything = connection.execute(mine).all()
    wanted = reference.strip()
    for fits in (
        [row.id for row in everything if wanted in (row.name, row.id)],
        [row.id for row in everything if row.name.casefold() == wanted.casefold()],
        [
            row.id
            for row in everything
            if len(wanted) > 3 and row.id.removeprefix("sched_").startswith(wanted.removeprefix("sched_"))
        ],
    ):
        if len(fits) == 1:
            return _get(connection, principal, fits[0])
        if fits:
            raise NeedsAnswer(f"Several schedules fit {reference!r}; which one? {', '.join(sorted(fits)[:5])}")
    near = difflib.get_close_matches(wanted, [row.name for row in everything], n=3, cutoff=0.4)
    hint = f"Did you mean {', '.join(near)}?" if near else "`tieout schedules list` shows those there are."
    raise NotFound(f"There is no schedule {reference!r}. {hint}")
