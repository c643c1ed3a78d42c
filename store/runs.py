"""The SQL run store: runs, steps, waits and effects over one database."""

from __future__ import annotations

from collections.abc import Mapping

from store.database import Database
from store.effect_records import EffectRecords
from store.quick import quick_path
from store.run_records import RunRecords
from store.step_life import StepLife
from store.wait_records import WaitRecords
from tieout.model import Limit


class SqlRunStore(RunRecords, StepLife, WaitRecords, EffectRecords):
    """The `RunStore` in SQLite or PostgreSQL. Safe for many threads and processes.

    `limits` are by key: `workspace:NAME`, `workspace:*` (each workspace that has no own), or what steps name.
    """

    def __init__(self, database: Database, *, limits: Mapping[str, Limit] | None = None, quick: bool = True) -> None:
        """Take the database; without `quick`, plain steps go the general way, too (to compare the two)."""
        self._database = database
        self._limits = dict(limits or {})
        self._quick = quick_path(database) if quick else None
        self._after = ""
