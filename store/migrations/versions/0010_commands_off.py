"""Add which commands are switched off in a channel."""

import sqlalchemy as sa
from alembic import op

from store.columns import Json

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add channel_settings.off."""
    op.add_column("channel_settings", sa.Column("off", Json(), nullable=False, server_default="[]"))
