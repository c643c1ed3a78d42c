"""How much stands where, counted from the indexes over what is unfinished, whatever is stored besides."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from store.effects import FAILED
from store.tables import NOT_HELD, UNFINISHED, effects, is_in, runs, steps, waits
from tieout.model import StepState, WaitState
from tieout.ports import Depths

_READY = is_in(steps.c.state, StepState.READY), NOT_HELD


def count(connection: Connection, now: datetime) -> Depths:
    """Return the depths over all workspaces."""
    ready_at = connection.execute(select(func.min(steps.c.ready_at)).where(*_READY)).scalar()
    by_state = select(runs.c.state, func.count().label("n")).where(UNFINISHED).group_by(runs.c.state)
    return Depths(
        {
            "ready": _count(connection, *_READY),
            "running": _count(connection, is_in(steps.c.state, StepState.RUNNING)),
            "retry": _count(connection, is_in(steps.c.state, StepState.RETRY), NOT_HELD),
            "waiting": _count(connection, is_in(waits.c.state, WaitState.OPEN), of=waits.c.step_id.distinct()),
            "dead": _count(connection, is_in(steps.c.state, StepState.DEAD)),
        },
        {row.state: row.n for row in connection.execute(by_state)},
        int(connection.execute(select(func.count()).select_from(unknown().subquery())).scalar_one()),
        max(0.0, (now - ready_at).total_seconds()) if ready_at else 0.0,
    )


def unknown() -> Select[Any]:
    """Return the query of effects that a claim which is over began and of which no outcome is recorded."""
    live = and_(steps.c.state == StepState.RUNNING.value, steps.c.fence == effects.c.fence)
    return (
        select(effects, steps.c.key.label("step"))
        .join(steps, steps.c.id == effects.c.step_id)
        .where(effects.c.outcome.is_(None), effects.c.fence != FAILED, ~live)
    )


def _count(connection: Connection, *where: ColumnElement[bool], of: Any = None) -> int:
    return int(connection.execute(select(func.count() if of is None else func.count(of)).where(*where)).scalar_one())
