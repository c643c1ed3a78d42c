"""Create the tables of chats and of credentials."""

import sqlalchemy as sa
from alembic import op

from store.columns import Json, UtcDateTime

revision = "0007"
down_revision = "0006"

_PLACE = ("workspace", "platform", "team", "channel")


def upgrade() -> None:
    """Create conversations, messages, deleted_messages, channel_settings and credentials."""
    _create_conversations()
    _create_messages()
    op.create_table(
        "deleted_messages",
        *_names(*_PLACE, "message_id"),
        sa.Column("deleted_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*_PLACE, "message_id", name=op.f("pk_deleted_messages")),
    )
    op.create_index("ix_deleted_messages_old", "deleted_messages", ["workspace", "deleted_at"], unique=False)
    _create_channel_settings()
    op.create_table(
        "credentials",
        *_names("workspace", "name"),
        sa.Column("sealed", sa.Text(), nullable=False),
        *_names("updated_by"),
        sa.PrimaryKeyConstraint("workspace", "name", name=op.f("pk_credentials")),
    )


def _create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.String(length=64), nullable=False),
        *_names(*_PLACE, "thread"),
        sa.Column("created_at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(*_PLACE, "thread", name=op.f("uq_conversations_workspace_platform_team_channel_thread")),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.String(length=64), nullable=False),
        *_names("workspace"),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        *_names("message_id", "author"),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(timezone=True), nullable=False),
        sa.Column("edited_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", UtcDateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
        sa.UniqueConstraint("conversation_id", "message_id", name=op.f("uq_messages_conversation_id_message_id")),
    )
    op.create_index("ix_messages_message", "messages", ["workspace", "message_id"], unique=False)
    op.create_index("ix_messages_history", "messages", ["conversation_id", "at"], unique=False)


def _create_channel_settings() -> None:
    op.create_table(
        "channel_settings",
        *_names(*_PLACE),
        sa.Column("agents", Json(), nullable=False),
        sa.Column("may_ask", sa.String(length=16), nullable=False),
        sa.Column("askers", Json(), nullable=False),
        sa.Column("tickers", Json(), nullable=False),
        sa.Column("reply", sa.String(length=16), nullable=False),
        sa.Column("verbosity", sa.String(length=16), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *_names("updated_by"),
        sa.Column("updated_at", UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(*_PLACE, name=op.f("pk_channel_settings")),
    )


def _names(*columns: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(length=128), nullable=False) for name in columns]
