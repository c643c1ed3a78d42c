"""The tables of the state of record, on the one MetaData that every part of the schema joins.

A run's row is the lock of everything that belongs to the run: each write takes it first, so that event
numbers have no gaps and no two writers wait for each other in a circle.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)

from store.columns import ExactDecimal, Json, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _where(condition: str) -> dict[str, Any]:
    """Return the options of an index over the few rows that are of interest among the many that are finished."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


_UNFINISHED = "state IN ('queued', 'running', 'waiting', 'paused')"


def is_in(column: Column[Any], value: str) -> ColumnElement[bool]:
    """Return `column = 'value'` with the value in the statement: only so does a partial index over it serve."""
    return column == literal_column(f"'{value}'")


runs = Table(
    "runs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("agent", String(128), nullable=False),
    Column("plan_version", String(64), nullable=False),
    Column("request", Json, nullable=False),
    Column("plan", Json, nullable=False),
    Column("idempotency_key", String(256)),
    Column("state", String(16), nullable=False),
    Column("outcome", String(16)),  # how the run ends when its last step is done, if not as `done`
    Column("remaining", Integer, nullable=False),  # steps not settled yet
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("audience", String(256)),  # the circle that may read it; none: all of the workspace
    Column("plain", Boolean, nullable=False, server_default="0"),  # the quick way may complete its steps
    Column("parent_step", String(64)),  # the step of another run that waits for this one
    Column("event_seq", BigInteger, nullable=False),  # number of the newest event
    Column("result", Json, nullable=False),
    Column("error", Text),
    # What model calls used. A call counts with its estimate from its intent on, until its outcome is known.
    Column("calls", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", ExactDecimal, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("workspace", "idempotency_key"),
    Index(None, "workspace", "created_at"),
    Index(
        "ix_runs_unfinished",
        "workspace",
        "created_at",
        **_where(_UNFINISHED),
    ),
)

steps = Table(
    "steps",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("workspace", String(128), nullable=False),
    Column("position", Integer, nullable=False),  # place in the plan, from 0
    Column("key", String(128), nullable=False),
    Column("action", String(128), nullable=False),
    Column("input", Json, nullable=False),
    Column("state", String(16), nullable=False),
    Column("pending", Integer, nullable=False),  # parents not settled yet: the fan-in counter. Waiting: open waits
    Column("failed", Integer, nullable=False, server_default="0"),  # parents that ended without a result
    Column("on_failed", String(8), nullable=False, server_default="fail"),
    Column("quorum", Integer, nullable=False, server_default="0"),
    Column("turn", Integer, nullable=False, server_default="0"),  # the run's priority with its sign turned: low first
    Column("held", Boolean, nullable=False, server_default="0"),  # its run is paused
    Column("limit_key", String(128)),
    Column("spawned_by", String(128)),  # key of the step whose result asked for it
    Column("generation", Integer, nullable=False, server_default="0"),  # its effects' keys carry it from 1 on
    Column("signals", Json),  # what its waits brought
    Column("attempt", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("timeout_s", Float, nullable=False),
    Column("owner", String(128)),
    Column("lease_until", UtcDateTime),
    Column("ready_at", UtcDateTime),  # since when it may start; in the future while a retry waits
    Column("output", Json),
    Column("error", Text),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    UniqueConstraint("run_id", "key"),
    Index("ix_steps_ready", "workspace", "turn", "ready_at", "id", **_where("state = 'ready' AND held = false")),
    Index("ix_steps_due", "ready_at", **_where("state = 'retry' AND held = false")),
    Index("ix_steps_running", "owner", **_where("state = 'running'")),
    Index("ix_steps_dead", "workspace", "finished_at", **_where("state = 'dead'")),
)

UNFINISHED: ColumnElement[bool] = literal_column(f"runs.{_UNFINISHED}")
NOT_HELD: ColumnElement[bool] = steps.c.held == literal_column("false")  # as the indexes over `steps` have it

step_edges = Table(
    "step_edges",
    metadata,
    Column("parent_id", String(64), ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("child_id", String(64), ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "child_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("step_id", String(64), ForeignKey("steps.id", ondelete="CASCADE"), primary_key=True),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", String(128), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("outcome", String(16)),  # done | failed | lost | cancelled | handed_back | deferred | waiting
    Column("error", Text),
)

effects = Table(
    "effects",
    metadata,
    Column("key", String(512), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("step_id", String(64), ForeignKey("steps.id", ondelete="CASCADE"), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("intent", Json, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("outcome", Json),
    Column("estimate_tokens_in", BigInteger, nullable=False),  # of the newest attempt
    Column("estimate_tokens_out", BigInteger, nullable=False),
    Column("estimate_cost", ExactDecimal, nullable=False),
    Column("estimate_calls", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("tokens_in", BigInteger, nullable=False),
    Column("tokens_out", BigInteger, nullable=False),
    Column("cost", ExactDecimal, nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("fence", BigInteger, nullable=False, server_default="0"),  # of the claim that began the newest attempt
    Index(None, "run_id"),
    Index(None, "step_id"),
    Index("ix_effects_open", "workspace", "begun_at", **_where("outcome IS NULL")),
)

waits = Table(
    "waits",
    metadata,
    Column("token", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("step_id", String(64), ForeignKey("steps.id", ondelete="CASCADE"), nullable=False),
    Column("step", String(128), nullable=False),  # the step's key
    Column("kind", String(16), nullable=False),
    Column("name", String(600), nullable=False),  # of an effect: its key
    Column("state", String(16), nullable=False),
    Column("until", UtcDateTime),
    Column("draft_sha256", String(64)),
    Column("approvers", Json, nullable=False),
    Column("note", Text, nullable=False),
    Column("child_run", String(64)),
    Column("decision", String(64)),
    Column("decided_by", String(128)),
    Column("decided_at", UtcDateTime),
    Column("payload", Json, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Index(None, "run_id"),
    Index(None, "step_id"),
    Index("ix_waits_open", "workspace", "asked_at", **_where("state = 'open'")),
    Index("ix_waits_due", "until", **_where("state = 'open'")),
    Index("ix_waits_runs", "child_run", **_where("state = 'open' AND child_run IS NOT NULL")),
)

signals = Table(
    "signals",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(600), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("payload", Json, nullable=False),
    Column("sent_by", String(128), nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),
)

buckets = Table(
    "buckets",  # the token buckets of the limits; locked by whoever claims under one
    metadata,
    Column("key", String(256), primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("filled_at", UtcDateTime, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("workspace", String(128), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("step", String(128)),  # the step's key
    Column("data", Json, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("run_id", String(64), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
