"""Limits of workspaces and of kinds of steps: how many run at once, and how many start in a second.

Steps that run are counted where they stand, so the count cannot drift. A token bucket is a row that is locked by
whoever starts a step under it, so that two processes together keep the limit, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from store.tables import buckets, is_in, steps
from tieout.model import Limit, StepState

ANY_WORKSPACE = "workspace:*"
NOTHING: frozenset[str | None] = frozenset()
_ENOUGH = 1 - 1e-9  # a bucket that was filled in many small pieces


def workspace_key(workspace: str, allowed: Mapping[str, Limit]) -> str | None:
    """Return the key under which the workspace is counted, or None when it has no limit."""
    own = f"workspace:{workspace}"
    return own if own in allowed or ANY_WORKSPACE in allowed else None


def exhausted(
    connection: Connection, allowed: Mapping[str, Limit], workspaces: Sequence[str], now: datetime
) -> frozenset[str | None]:
    """Return the keys under which nothing may start now."""
    keys = {key for name in workspaces if (key := workspace_key(name, allowed))}
    keys |= {key for key in allowed if not key.startswith("workspace:")}
    return frozenset(key for key in keys if not _open(connection, key, _limit(key, allowed), now))


def admit(connection: Connection, step_id: str, allowed: Mapping[str, Limit], now: datetime) -> bool:
    """Return whether the step may start now, and take a token of each of its buckets when it may."""
    columns = (steps.c.workspace, steps.c.limit_key, steps.c.state, steps.c.held)
    row = connection.execute(select(*columns).where(steps.c.id == step_id)).one()
    if row.state != StepState.READY.value or row.held:
        return True  # the claim itself will say no, and no token is lost on it
    named = row.limit_key if row.limit_key in allowed else None
    keys = sorted(key for key in (workspace_key(row.workspace, allowed), named) if key is not None)
    for key in keys:
        _lock(connection, key, _limit(key, allowed), now)
    if not all(_open(connection, key, _limit(key, allowed), now) for key in keys):
        return False
    for key in keys:
        _take(connection, key, _limit(key, allowed), now)
    return True


def _limit(key: str, allowed: Mapping[str, Limit]) -> Limit:
    return allowed[key] if key in allowed else allowed[ANY_WORKSPACE]


def _open(connection: Connection, key: str, limit: Limit, now: datetime) -> bool:
    if limit.concurrency is not None and _running(connection, key) >= limit.concurrency:
        return False
    return limit.per_s is None or _tokens(_bucket(connection, key), limit, now) >= _ENOUGH


def _running(connection: Connection, key: str) -> int:
    column, value = steps.c.limit_key, key
    if key.startswith("workspace:"):
        column, value = steps.c.workspace, key.removeprefix("workspace:")
    query = select(func.count()).where(is_in(steps.c.state, StepState.RUNNING), column == value)
    return int(connection.execute(query).scalar_one())


def _bucket(connection: Connection, key: str) -> Any:
    return connection.execute(select(buckets).where(buckets.c.key == key)).one_or_none()


def _tokens(row: Any, limit: Limit, now: datetime) -> float:
    """Return what is in the bucket; clocks of several machines differ, so time never runs backwards here."""
    if row is None or limit.per_s is None:
        return float(limit.burst)
    passed = max(0.0, (now - row.filled_at).total_seconds())
    filled: float = row.tokens + passed * limit.per_s
    return min(float(limit.burst), filled)


def _lock(connection: Connection, key: str, limit: Limit, now: datetime) -> None:
    dialect: Any = sqlite_insert if connection.dialect.name == "sqlite" else pg_insert
    new = dialect(buckets).values(key=key, tokens=float(limit.burst), filled_at=now)
    connection.execute(new.on_conflict_do_nothing(index_elements=["key"]))
    connection.execute(select(buckets.c.key).where(buckets.c.key == key).with_for_update())


def _take(connection: Connection, key: str, limit: Limit, now: datetime) -> None:
    if limit.per_s is None:
        return
    row = _bucket(connection, key)
    left = _tokens(row, limit, now) - 1
    connection.execute(
        update(buckets).where(buckets.c.key == key).values(tokens=left, filled_at=max(now, row.filled_at))
    )
