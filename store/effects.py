"""Effects as transactions: the intent and its charge before, the outcome and the true usage after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from store import claims, rules
from store.records import upsert
from store.rows import AnyRow, usage_columns, usage_of
from store.run_change import RunChange
from store.tables import effects
from tieout.errors import NotFound
from tieout.model import Usage
from tieout.ports import Budget, Claimed, Effect

FAILED = -1  # in place of a fence


def begin(
    connection: Connection,
    claimed: Claimed,
    key: str,
    kind: str,
    intent: Mapping[str, Any],
    estimate: Usage,
    budget: Budget,
    max_attempts: int,
    now: datetime,
) -> Effect:
    """Commit the intent and charge the estimate, or return the effect that stands."""
    change = RunChange(connection, claimed.run.id, now)
    claims.require(connection, claimed.step.id, claimed.fence)
    row = connection.execute(select(effects).where(effects.c.key == key)).one_or_none()
    if row is not None:
        rules.check_same_effect(row.run_id, row.kind, row.intent, claimed, key, kind, intent)
        if row.outcome is not None or row.attempts >= max_attempts:
            return Effect(key, kind, False, row.attempts, row.outcome)
    rules.check_budget(change.usage, estimate, budget, claimed.run.id)
    change.usage += estimate
    charged = (usage_of(row) if row is not None else Usage()) + estimate
    values = {"begun_at": now, "fence": claimed.fence, **usage_columns(charged), **usage_columns(estimate, "estimate_")}
    count = 1 if row is None else row.attempts + 1
    if row is None:
        new = upsert(connection)(effects).values(
            key=key,
            workspace=change.workspace,
            run_id=claimed.run.id,
            step_id=claimed.step.id,
            kind=kind,
            intent=dict(intent),
            attempts=count,
            **values,
        )
        new = new.on_conflict_do_nothing(index_elements=["key"]).returning(effects.c.key)
        if connection.execute(new).scalar() is None:  # another run began it at the same moment
            raise rules.other_effect(key)
    else:
        connection.execute(update(effects).where(effects.c.key == key).values(attempts=count, **values))
    change.save()
    return Effect(key, kind, True, count)


def finish(connection: Connection, key: str, outcome: Mapping[str, Any], usage: Usage, now: datetime) -> None:
    """Record the outcome, unless one stands already. Needs no fence: an answer that was paid for is kept."""
    change, row = _locked(connection, key, now)
    if row.outcome is not None:
        return
    difference = rules.less(usage, usage_of(row, "estimate_"))
    change.usage += difference
    charged = usage_columns(usage_of(row) + difference)
    connection.execute(
        update(effects).where(effects.c.key == key).values(outcome=dict(outcome), finished_at=now, **charged)
    )
    change.save()


def withdraw(connection: Connection, key: str, usage: Usage, now: datetime) -> None:
    """End the newest attempt without an outcome, charging `usage` in place of its estimate."""
    change, row = _locked(connection, key, now)
    if row.outcome is not None:
        return
    difference = rules.less(usage, usage_of(row, "estimate_"))
    change.usage += difference
    count = row.attempts - (usage == Usage())
    if count == 0:
        connection.execute(delete(effects).where(effects.c.key == key))
    else:
        values = usage_columns(usage_of(row) + difference) | usage_columns(Usage(), "estimate_")
        if count == row.attempts == 1:
            values["fence"] = FAILED  # the only attempt, and it is known that it did not succeed
        connection.execute(update(effects).where(effects.c.key == key).values(attempts=count, **values))
    change.save()


def _locked(connection: Connection, key: str, now: datetime) -> tuple[RunChange, AnyRow]:
    run_id = connection.execute(select(effects.c.run_id).where(effects.c.key == key)).scalar()
    if run_id is None:
        raise NotFound(f"there is no effect {key!r}")
    change = RunChange(connection, run_id, now)
    return change, connection.execute(select(effects).where(effects.c.key == key)).one()
