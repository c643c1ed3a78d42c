"""What was spent, and what people did: sums and trails over the runs that a principal may see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, func, select

from store.records import open_to
from store.rows import event_of
from store.tables import effects, events, runs
from tieout.model import Event, Principal, Usage, UsageLine

DEEDS = (
    "run_submitted", "run_cancelled", "run_paused", "run_resumed", "run_replayed", "step_cancelled",
    "approval_approved", "approval_refused", "decision_refused", "signal_arrived", "wait_ended",
)  # fmt: skip
_RUNS = 2_000  # the newest, of which the trail is


def sums(connection: Connection, principal: Principal, by: str, since: datetime) -> list[UsageLine]:
    """Return what runs created since then cost, the dearest first; money is summed exactly."""
    mine = [*open_to(principal), runs.c.created_at >= since]
    found: dict[str, tuple[set[str], Usage]] = {}
    if by == "model":
        joined = effects.join(runs, effects.c.run_id == runs.c.id)
        columns = effects.c.run_id, effects.c.outcome, *_spent(effects)
        rows = connection.execute(select(*columns).select_from(joined).where(effects.c.kind == "model_call", *mine))
        for row in rows:
            _add(found, str(((row.outcome or {}).get("answer") or {}).get("model") or "unknown"), row.run_id, row)
    else:
        name = {"agent": runs.c.agent, "principal": runs.c.principal, "day": runs.c.created_at}[by]
        for row in connection.execute(
            select(runs.c.id.label("run_id"), name.label("name"), *_spent(runs)).where(*mine)
        ):
            _add(found, f"{row.name:%Y-%m-%d}" if by == "day" else str(row.name), row.run_id, row)
    lines = [UsageLine(name, len(ids), usage) for name, (ids, usage) in found.items()]
    key = (lambda line: line.name) if by == "day" else (lambda line: (line.usage.cost, line.usage.calls, line.runs))
    return sorted(lines, key=key, reverse=True)


def deeds(connection: Connection, principal: Principal, limit: int) -> Sequence[Event]:
    """Return what people did to the newest runs, the newest first."""
    newest = select(runs.c.id).where(*open_to(principal)).order_by(runs.c.created_at.desc()).limit(_RUNS)
    query = select(events).where(events.c.run_id.in_(newest), events.c.kind.in_(DEEDS))
    rows = connection.execute(query.order_by(events.c.at.desc(), events.c.run_id, events.c.seq.desc()).limit(limit))
    return [event_of(row) for row in rows]


def states(connection: Connection, principal: Principal) -> dict[str, int]:
    """Return how many runs stand in which state."""
    query = select(runs.c.state, func.count()).where(*open_to(principal)).group_by(runs.c.state)
    return {state: int(count) for state, count in connection.execute(query)}


def _spent(table: Any) -> tuple[Any, ...]:
    return tuple(table.c[name] for name in ("calls", "tokens_in", "tokens_out", "cost"))


def _add(found: dict[str, tuple[set[str], Usage]], name: str, run_id: str, row: Any) -> None:
    ids, usage = found.setdefault(name, (set(), Usage()))
    ids.add(run_id)
    spent = Usage(row.calls or 0, row.tokens_in or 0, row.tokens_out or 0, Decimal(row.cost or 0))
    found[name] = ids, usage + spent
