"""Add the indexes that removing old runs needs."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("ix_artifacts_workspace_sha256", "artifacts", ["workspace", "sha256"], unique=False)
    op.create_index("ix_effects_step_id", "effects", ["step_id"], unique=False)
    op.create_index("ix_waits_step_id", "waits", ["step_id"], unique=False)
