"""Tells a dead process from a slow one at once, so that its steps need not wait for their leases to run out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from tieout.errors import NotAvailable


class Liveness(Protocol):
    """Keeps a sign of life for an owner of steps, and reads those of others."""

    def hold(self, owner: str) -> None:
        """Show that `owner` lives, until `release` or the end of this process."""
        ...

    def release(self, owner: str) -> None:
        """End the sign of life."""
        ...

    def alive(self, owner: str) -> bool:
        """Return whether the owner may still be at work; False only when it is certainly not."""
        ...


class LeaseLiveness:
    """Knows nothing: only the lease tells. For processes on many machines."""

    def hold(self, owner: str) -> None:
        """Do nothing."""

    def release(self, owner: str) -> None:
        """Do nothing."""

    def alive(self, owner: str) -> bool:  # noqa: ARG002
        """Return True, as nobody knows better."""
        return True


class FileLiveness:
    """A locked file per owner in a folder. The operating system unlocks it when the process ends, however it ends.

    Right when all owners run on the machine that has the folder, as with SQLite.
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
        self._held[owner] = lock

    def release(self, owner: str) -> None:
        """Remove the owner's file."""
        lock = self._held.pop(owner, None)
        if lock is not None:
            self._remove(lock)

    def alive(self, owner: str) -> bool:
        """Return whether some process holds the owner's file; clear away the file of a dead one."""
        if owner in self._held:
            return True
        lock = self._lock(owner)
        if not Path(lock.lock_file).exists():
            return False
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError:
            return True  # not certainly dead
        self._remove(lock)
        return False

    def _lock(self, owner: str) -> FileLock:
        return FileLock(self._folder / f"{owner}.lock", mode=0o600, thread_local=False)

    @staticmethod
    def _remove(lock: FileLock) -> None:
        # While locked: an owner's name is never used twice, so nobody can be waiting for this file.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()
