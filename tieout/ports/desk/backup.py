"""The use cases of backups and of removing old runs as the doors see them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from tieout.model import Principal, RunState
from tieout.ports.backup import BackupSummary, Pruned


class BackupDesk(Protocol):
    """Keeps and clears: for admins."""

    def backup(self, principal: Principal, target: Path) -> BackupSummary:
        """Write one consistent archive of everything to a new file of this machine, or into a folder."""
        ...

    def prune(
        self,
        principal: Principal,
        *,
        older_than: timedelta,
        states: Sequence[RunState] = (),
        dry_run: bool = False,
    ) -> Pruned:
        """Remove the workspace's runs that ended longer ago; with `dry_run`, only count."""
        ...
