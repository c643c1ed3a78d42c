"""Add who may read a run and a document, where that is not all of the workspace."""

import sqlalchemy as sa
from alembic import op

from store.columns import Json

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add runs.audience and documents.audiences."""
    op.add_column("runs", sa.Column("audience", sa.String(length=256), nullable=True))
    op.add_column("documents", sa.Column("audiences", Json(), nullable=True))
