"""What keeps an installation's data beyond the day: backups, their audit, and the removal of what is old."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tieout.model import RunState


@dataclass(frozen=True)
class Finding:
    """Something in the state of record that cannot be: `rule` is broken at `where` (a run, step, effect or file)."""

    rule: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.detail}"


@dataclass(frozen=True)
class BackupSummary:
    """What a backup holds: `counts` are rows by table, and files of the artifacts, originals and lake."""

    path: str
    size: int  # bytes of the archive
    created_at: datetime  # UTC, when its snapshot was taken
    version: str  # of the tieout that made it
    revision: str  # of the schema
    profile: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """What a clean-up removed, or would remove; `kept` runs are old enough but have something open."""

    runs: int
    kept: int
    files: int = 0  # artifacts that no run names any more
    size: int = 0  # their bytes


@dataclass(frozen=True)
class Restored:
    """What came back: the backup, what is wrong with its records, and for which workspaces vectors are to be written.

    `chunks` is how many were indexed; None when that was not to be had.
    """

    backup: BackupSummary
    findings: Sequence[Finding] = ()
    workspaces: tuple[str, ...] = ()
    chunks: int | None = None


class Backups(Protocol):
    """Backups of the whole installation, all workspaces, while it runs."""

    def take(self, target: Path) -> BackupSummary:
        """Write one consistent archive to a new file; nothing is left of one that fails.

        Raises InvalidInput, StorageFull, NotAvailable (a file that the records name is missing or damaged).
        """
        ...

    def audit(self, *, deep: bool = False) -> list[Finding]:
        """Return what is wrong with the state of record as it stands; `deep` reads every file and compares its hash."""
        ...


class Retention(Protocol):
    """The removal of finished runs."""

    def prune(
        self, *, workspace: str | None, before: datetime, states: Collection[RunState] = (), dry_run: bool = False
    ) -> Pruned:
        """Remove runs that ended before a time (UTC), in these final states (empty: all), with all that is theirs.

        `workspace` None means all workspaces. A run with an effect of unknown outcome or an open wait is kept.
        """
        ...
