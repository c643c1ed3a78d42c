"""Tells a dead process from a slow one at once, so that its steps need not wait for their leases to run out."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tieout.errors import NotAvailable
from tieout.machine import ProcessMark
from tieout.ports import Liveness

__all__ = ["FileLiveness", "LeaseLiveness", "Liveness"]


class LeaseLiveness:
    """Knows nothing: only the lease tells. For processes that share nothing but the database."""

    def hold(self, owner: str) -> None:
        """Do nothing."""

    def release(self, owner: str) -> None:
        """Do nothing."""

    def alive(self, owner: str) -> bool:  # noqa: ARG002
        """Return True, as nobody knows better."""
        return True

    def alive_many(self, owners: Collection[str]) -> frozenset[str]:
        """Return all, as nobody knows better."""
        return frozenset(owners)


class FileLiveness:
    """A locked file per owner in a folder. The operating system unlocks it when the process ends, however it ends.

    Right when all owners run on the machine that has the folder, as with SQLite. Beside the lock stands a mark with
    the machine's boot and the process's number, for where the lock cannot be trusted: some file systems lock by mere
    existence, and a child of the dead process may have inherited the locked file.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[str, FileLock] = {}

    def hold(self, owner: str) -> None:
        """Lock the owner's file. Raises NotAvailable when the folder cannot be written or the name is in use."""
        lock = self._lock(owner)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except Timeout as error:
            raise NotAvailable(f"another process is already called {owner!r}") from error
        except OSError as error:
            raise NotAvailable(f"{self._folder} cannot be written ({error.strerror}): check its rights") from error
        with suppress(OSError):  # a full disk: the lock alone does, too
            self._mark(owner).write_text(json.dumps(ProcessMark.of_this_process().as_object()))
        self._held[owner] = lock

    def release(self, owner: str) -> None:
        """Remove the owner's files."""
        lock = self._held.pop(owner, None)
        if lock is not None:
            self._remove(owner)
            lock.release()

    def alive(self, owner: str) -> bool:
        """Return whether some process holds the owner's file; clear away the files of a dead one."""
        if owner in self._held:
            return True
        lock = self._lock(owner)
        if not Path(lock.lock_file).exists():
            return False
        if self._is_marked_dead(owner):
            self._remove(owner)
            return False
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            return True  # not certainly dead
        self._remove(owner)
        lock.release()
        return False

    def alive_many(self, owners: Collection[str]) -> frozenset[str]:
        """Return those owners whose files some process holds."""
        return frozenset(owner for owner in owners if self.alive(owner))

    def _is_marked_dead(self, owner: str) -> bool:
        try:
            mark = ProcessMark.from_object(json.loads(self._mark(owner).read_text()))
        except (OSError, ValueError):
            return False  # none, or half written
        return mark is not None and mark.certainly_dead()

    def _lock(self, owner: str) -> FileLock:
        return FileLock(self._folder / f"{owner}.lock", mode=0o600, thread_local=False)

    def _mark(self, owner: str) -> Path:
        return self._folder / f"{owner}.json"

    def _remove(self, owner: str) -> None:
        # Whoever removes holds the lock or knows that the owner is dead, and an owner's name is never used twice:
        # nobody can be waiting for these files.
        for path in (self._mark(owner), self._folder / f"{owner}.lock"):
            with suppress(OSError):
                path.unlink()
