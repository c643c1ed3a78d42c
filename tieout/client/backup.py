"""The use cases of backups and of removing old runs over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tieout import codec
from tieout.client.http import HttpTransport
from tieout.model import Principal, RunState
from tieout.ports.backup import BackupSummary, Pruned


class HttpBackups(HttpTransport):
    """A `BackupDesk` behind a service's URL; the service writes the archive, on its own machine."""

    def backup(self, principal: Principal, target: Path) -> BackupSummary:
        """Have the service write an archive of everything."""
        body = {"path": str(target.expanduser().absolute())}
        return codec.load(BackupSummary, self._json("POST", "backup", principal, json=body))

    def prune(
        self,
        principal: Principal,
        *,
        older_than: timedelta,
        states: Sequence[RunState] = (),
        dry_run: bool = False,
    ) -> Pruned:
        """Remove runs that ended longer ago."""
        body = {
            "older_than_s": older_than.total_seconds(),
            "states": [state.value for state in states],
            "dry_run": dry_run,
        }
        return codec.load(Pruned, self._json("POST", "prune", principal, json=body))
