"""Add what the durable engine keeps: join policies, pauses, priorities, waits, signals and limits."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from store.columns import Json, UtcDateTime

revision = "0003"
down_revision = "0002"


def _index(name: str, table: str, columns: list[str], condition: str) -> None:
    where: dict[str, Any] = {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
    op.create_index(name, table, columns, unique=False, **where)


def _number(name: str, kind: Any = sa.Integer) -> Any:
    return sa.Column(name, kind(), nullable=False, server_default="0")


def upgrade() -> None:
    """Add the columns, tables and partial indexes."""
    for column in (_number("priority"), _boolean("plain"), sa.Column("parent_step", sa.String(length=64))):
        op.add_column("runs", column)
    for column in (
        _number("failed"),
        sa.Column("on_failed", sa.String(length=8), nullable=False, server_default="fail"),
        _number("quorum"),
        _number("turn"),
        _boolean("held"),
        sa.Column("limit_key", sa.String(length=128)),
        sa.Column("spawned_by", sa.String(length=128)),
        _number("generation"),
        sa.Column("signals", Json()),
    ):
        op.add_column("steps", column)
    op.add_column("effects", _number("fence", sa.BigInteger))
    op.drop_index(op.f("ix_steps_state_ready_at"), "steps")
    _waits()
    _indexes()


def _boolean(name: str) -> Any:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _waits() -> None:
    op.create_table(
        "waits",
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("workspace", sa.String(length=128), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("step_id", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=600), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("until", UtcDateTime(timezone=True), nullable=True),
        sa.Column("draft_sha256", sa.String(length=64), nullable=True),
        sa.Column("approvers", Json(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("child_run", sa.String(length=64), nullable=True),
        sa.Column("decision", sa.String(length=64), nullable=True),
        sa.Column("decided_by", sa.String(length=128), nullable=True),
        sa.Column("decided_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("asked_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_waits_run_id_runs"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name=op.f("fk_waits_step_id_steps"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_waits")),
    )
    op.create_index(op.f("ix_waits_run_id"), "waits", ["run_id"], unique=False)
    op.create_table(
        "signals",
        sa.Column("run_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=600), nullable=False),
        sa.Column("workspace", sa.String(length=128), nullable=False),
        sa.Column("payload", Json(), nullable=False),
        sa.Column("sent_by", sa.String(length=128), nullable=False),
        sa.Column("sent_at", UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_signals_run_id_runs"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_signals")),
    )
    op.create_table(
        "buckets",
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("filled_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_buckets")),
    )


def _indexes() -> None:
    unfinished = "state IN ('queued', 'running', 'waiting', 'paused')"
    _index("ix_runs_unfinished", "runs", ["workspace", "created_at"], unfinished)
    _index("ix_steps_ready", "steps", ["workspace", "turn", "ready_at", "id"], "state = 'ready' AND held = false")
    _index("ix_steps_due", "steps", ["ready_at"], "state = 'retry' AND held = false")
    _index("ix_steps_running", "steps", ["owner"], "state = 'running'")
    _index("ix_steps_dead", "steps", ["workspace", "finished_at"], "state = 'dead'")
    _index("ix_effects_open", "effects", ["workspace", "begun_at"], "outcome IS NULL")
    _index("ix_waits_open", "waits", ["workspace", "asked_at"], "state = 'open'")
    _index("ix_waits_due", "waits", ["until"], "state = 'open'")
    _index("ix_waits_runs", "waits", ["child_run"], "state = 'open' AND child_run IS NOT NULL")
