"""The data folder during a restore: locked, empty, and in the end with all that was built, or as it was before."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tieout.errors import Conflict
from tieout.files import storage_error
from tieout.runtime import RESTORING, FolderLock, acquire, check_is_folder

SQLITE_FILE = "tieout.db"
_PLACED = ("artifacts", "originals", "lake", SQLITE_FILE)  # in this order: the records last
_DATA = (*_PLACED, f"{SQLITE_FILE}-wal", f"{SQLITE_FILE}-shm", "vectors", "vectors.old", "reports")


class Placing:
    """Holds the data folder for a restore; use it as a context manager. What is not kept at its end is cleared away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept = False
        self._lock: FolderLock | None = None
        self.staging = folder / RESTORING

    def __enter__(self) -> Self:
        """Take the folder. Raises FolderLocked, NotAvailable, and Conflict when it is not empty."""
        check_is_folder(self._folder)
        self._lock = acquire(self._folder, timeout_s=2.0)
        try:
            if self.staging.exists():  # all that is there is a killed restore's, as it began in an empty folder
                self._clear()
            self._check_empty()
            self.staging.mkdir(mode=0o700)
        except OSError as error:
            self._lock.release()
            raise storage_error(error, self.staging) from error
        except BaseException:
            self._lock.release()
            raise
        return self

    def _check_empty(self) -> None:
        full = [name for name in _DATA if _holds_something(self._folder / name)]
        if full:
            raise Conflict(
                f"The data folder {self._folder} is not empty (it has {', '.join(full)}): restore into another one "
                "(--home), or move these away first."
            )

    def place(self) -> None:
        """Move what was built to its places. Raises NotAvailable."""
        try:
            for name in _PLACED:
                if (self.staging / name).exists():
                    (self.staging / name).rename(self._folder / name)
            shutil.rmtree(self.staging)
        except OSError as error:
            raise storage_error(error, self._folder) from error

    def keep(self) -> None:
        """Say that the restore is done: nothing is cleared away."""
        self._kept = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept:
            self._clear()
        if self._lock is not None:
            self._lock.release()

    def _clear(self) -> None:
        for name in (*_DATA, RESTORING):  # the mark last, so that a clearing that is cut off is begun again
            path = self._folder / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)


def _holds_something(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return path.exists() or path.is_symlink()
