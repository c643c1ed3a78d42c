"""Turns rows of the schedule tables into the records of tieout.model, and fires into columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from store.tables_schedules import fires
from tieout import codec
from tieout.model import Fire, FireState, Misfire, Overlap, RunRequest, Schedule, ScheduleSpec, ScheduleState

AnyRow = Row[*tuple[Any, ...]]

_PREFIX = "fire_"  # of a fire's columns beside those of its schedule
FIRE_COLUMNS = tuple(column.label(_PREFIX + column.name) for column in fires.c)


def schedule_of(row: AnyRow) -> Schedule:
    """Return the schedule of a whole row of `schedules` with its last fire's `FIRE_COLUMNS`."""
    spec = ScheduleSpec(
        name=row.name,
        rule=row.rule,
        request=codec.load(RunRequest, row.request),
        misfire=Misfire(row.misfire),
        grace_s=row.grace_s,
        catch_up=row.catch_up,
        overlap=Overlap(row.overlap),
    )
    return Schedule(
        id=row.id,
        workspace=row.workspace,
        principal=row.principal,
        spec=spec,
        state=ScheduleState(row.state),
        created_at=row.created_at,
        updated_at=row.updated_at,
        next_at=row.next_at,
        reason=row.reason,
        last_fire=None if row.fire_schedule_id is None else fire_of(row, _PREFIX),
        last_run_id=row.last_run_id,
    )


def fire_of(row: AnyRow, prefix: str = "") -> Fire:
    """Return the fire in a row's columns."""
    values = row._mapping
    return Fire(
        schedule_id=values[prefix + "schedule_id"],
        workspace=values[prefix + "workspace"],
        planned_at=values[prefix + "planned_at"],
        state=FireState(values[prefix + "state"]),
        begun_at=values[prefix + "begun_at"],
        request=codec.load(RunRequest, values[prefix + "request"]),
        principal=values[prefix + "principal"],
        run_id=values[prefix + "run_id"],
        reason=values[prefix + "reason"],
        missed=values[prefix + "missed"],
        manual=values[prefix + "manual"],
        attempt=values[prefix + "attempt"],
    )


def fire_values(fire: Fire) -> dict[str, Any]:
    """Return the columns that keep a fire, without `retry_at`."""
    same = "schedule_id workspace planned_at begun_at principal run_id reason missed manual attempt".split()
    values = {name: getattr(fire, name) for name in same}
    return values | {"state": fire.state.value, "request": codec.dump(fire.request)}
