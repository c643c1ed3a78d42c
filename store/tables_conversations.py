"""The tables of chats: conversations, their messages, what was deleted, channels' settings, and sealed credentials."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint

from store.columns import Json, UtcDateTime
from store.tables import metadata

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("platform", String(128), nullable=False),
    Column("team", String(128), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("thread", String(128), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("private", Boolean, nullable=False),
    UniqueConstraint("workspace", "platform", "team", "channel", "thread"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("workspace", String(128), nullable=False),
    Column("conversation_id", String(64), ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", String(128), nullable=False),
    Column("author", String(128), nullable=False),
    Column("role", String(16), nullable=False),  # person | tieout
    Column("text", Text, nullable=False),  # empty once deleted
    Column("at", UtcDateTime, nullable=False),
    Column("edited_at", UtcDateTime),
    Column("deleted_at", UtcDateTime),
    Column("run_id", String(64)),  # no foreign key: a message outlives its run
    UniqueConstraint("conversation_id", "message_id"),
    Index("ix_messages_message", "workspace", "message_id"),
    Index("ix_messages_history", "conversation_id", "at"),
)

deleted_messages = Table(  # a deletion may come before what it deletes, and outlives the conversation
    "deleted_messages",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("platform", String(128), primary_key=True),
    Column("team", String(128), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    Column("deleted_at", UtcDateTime, nullable=False),
    Index("ix_deleted_messages_old", "workspace", "deleted_at"),
)

channel_settings = Table(
    "channel_settings",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("platform", String(128), primary_key=True),
    Column("team", String(128), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("agents", Json, nullable=False),
    Column("off", Json, nullable=False, server_default="[]"),  # commands
    Column("may_ask", String(16), nullable=False),  # anyone | members
    Column("askers", Json, nullable=False),
    Column("tickers", Json, nullable=False),
    Column("reply", String(16), nullable=False),  # thread | channel
    Column("verbosity", String(16), nullable=False),  # short | normal | full
    Column("enabled", Boolean, nullable=False),
    Column("updated_by", String(128), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

credentials = Table(
    "credentials",
    metadata,
    Column("workspace", String(128), primary_key=True),
    Column("name", String(128), primary_key=True),
    Column("sealed", Text, nullable=False),  # encrypted; the key is never in the database
    Column("updated_by", String(128), nullable=False),
)
