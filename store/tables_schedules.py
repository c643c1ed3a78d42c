"""The tables of schedules and their fires; the primary key of `fires` is what makes a planned time fire once."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint, text

from store.columns import Json, UtcDateTime
from store.tables import metadata

_ACTIVE, _BEGUN = text("state = 'active'"), text("state = 'begun'")

schedules = Table(
    "schedules",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("name", String(100), nullable=False),
    Column("rule", String(400), nullable=False),  # its text form
    Column("request", Json, nullable=False),
    Column("misfire", String(16), nullable=False),
    Column("grace_s", Float, nullable=False),
    Column("catch_up", Integer, nullable=False),
    Column("overlap", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", Text),
    Column("next_at", UtcDateTime),  # null unless active
    Column("last_planned_at", UtcDateTime),  # names the last fire
    Column("last_run_id", String(64)),  # of the last fire that started one
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    UniqueConstraint("workspace", "name"),
    Index("ix_schedules_due", "next_at", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)

fires = Table(
    "fires",
    metadata,
    Column("schedule_id", String(64), ForeignKey("schedules.id", ondelete="CASCADE"), primary_key=True),
    Column("planned_at", UtcDateTime, primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("principal", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("begun_at", UtcDateTime, nullable=False),
    Column("request", Json, nullable=False),  # as it was when the fire began: a repeated start must not differ
    Column("run_id", String(64)),  # no foreign key: a fire outlives its run
    Column("reason", Text),
    Column("missed", Integer, nullable=False),
    Column("manual", Boolean, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("retry_at", UtcDateTime),  # null once finished
    Index("ix_fires_begun", "retry_at", sqlite_where=_BEGUN, postgresql_where=_BEGUN),
)
