"""The tables of members and of what lets them in."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, String, Table

from store.columns import UtcDateTime
from store.tables import metadata

members = Table(
    "members",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("added_by", String(128), nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),  # SHA-256 of the secret, which is nowhere
    Column("kind", String(16), nullable=False),
    Column("workspace", String(128), nullable=False),
    Column("member", String(128), nullable=False),
    Column("role", String(16), nullable=False),
    Column("label", String(128), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index("ix_grants_digest", "digest", unique=True),
    Index("ix_grants_member", "workspace", "kind", "member"),
    Index("ix_grants_expires_at", "expires_at"),
)
