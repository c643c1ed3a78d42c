"""The use cases of keeping an installation's data: backups of everything, and the removal of old runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from tieout.errors import InvalidInput, NotAvailable
from tieout.model import Principal, Role, RunState
from tieout.ports.backup import BackupSummary, Pruned
from tieout.use_cases.common import UseCases, require


class BackupUseCases(UseCases):
    """For admins. A backup holds all workspaces of the installation; runs are removed from the caller's own."""

    def backup(self, principal: Principal, target: Path) -> BackupSummary:
        """Write one consistent archive of everything to a new file, or into a folder, while all goes on.

        Raises PermissionDenied, InvalidInput (the target), StorageFull, NotAvailable.
        """
        require(principal, Role.ADMIN, "back up this installation")
        if self.backups is None:
            raise NotAvailable("This desk has nothing to back up: it is not kept on a disk.")
        return self.backups.take(target.expanduser().absolute())

    def prune(
        self,
        principal: Principal,
        *,
        older_than: timedelta,
        states: Sequence[RunState] = (),
        dry_run: bool = False,
    ) -> Pruned:
        """Remove the workspace's runs that ended longer ago, with all that is theirs; with `dry_run`, only count.

        Raises PermissionDenied, and InvalidInput for a state in which runs have not ended.
        """
        require(principal, Role.ADMIN, "remove runs")
        if self.retention is None:
            raise NotAvailable("This desk keeps its runs only as long as its process.")
        if older_than < timedelta(0):
            raise InvalidInput("The age must not be negative.")
        unfinished = [state.value for state in states if not state.final]
        if unfinished:
            raise InvalidInput(f"Runs that are {', '.join(unfinished)} have not ended; cancel them first.")
        before = self.clock() - older_than
        return self.retention.prune(workspace=principal.workspace, before=before, states=states, dry_run=dry_run)
