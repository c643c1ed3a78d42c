"""The table of the processes that run steps. It belongs to the installation: it has no workspace."""

from __future__ import annotations

from sqlalchemy import Column, Integer, String, Table

from store.columns import UtcDateTime
from store.tables import metadata

workers = Table(
    "workers",
    metadata,
    Column("owner", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),  # service | worker | command
    Column("host", String(256), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("boot_id", String(64), nullable=False),
    Column("threads", Integer, nullable=False),
    Column("version", String(64), nullable=False),
    Column("liveness", String(16), nullable=False),  # how it shows life: lock | file | lease
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("stopped_at", UtcDateTime),
)
