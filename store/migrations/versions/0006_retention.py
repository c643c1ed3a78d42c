"""Add the indexes that removing old runs needs, and drop the records of attempts that are not over."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the indexes and drop what is left of an older way of recording attempts."""
    op.create_index("ix_artifacts_workspace_sha256", "artifacts", ["workspace", "sha256"], unique=False)
    op.create_index("ix_effects_step_id", "effects", ["step_id"], unique=False)
    op.create_index("ix_waits_step_id", "waits", ["step_id"], unique=False)
    # An attempt is recorded once, when it is over. One that an older version left open would stand in the way.
    op.execute("DELETE FROM attempts WHERE outcome IS NULL")
