"""The indexes that removing old runs needs: who else names a file, and which effects and waits go with a step."""

from __future__ import annotations

from sqlalchemy import Index

from store.tables import artifacts, effects, waits

INDEXES = (
    Index("ix_artifacts_workspace_sha256", artifacts.c.workspace, artifacts.c.sha256),
    # Without these the database reads the whole table for each step that it deletes.
    Index("ix_effects_step_id", effects.c.step_id),
    Index("ix_waits_step_id", waits.c.step_id),
)
