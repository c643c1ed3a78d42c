"""Who owns the data folder: a lock that dies with its process, and the file by which others find the service."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from tieout.errors import FolderLocked, NotAvailable
from tieout.files import storage_error, write_atomically

RUNTIME_FILE = "runtime.json"
RESTORING = ".restoring"  # a folder in the data folder while a backup is being restored into it
_LOCK_FILE = "folder.lock"
_OWNER_FILE = "owner.json"  # beside the lock: the lock file itself is emptied by whoever tries it
_PAUSE_S = 0.05


@dataclass(frozen=True)
class Runtime:
    """How to reach the service of a data folder. Whoever can read the token may act as the folder's owner."""

    url: str
    token: str
    pid: int
    started_at: str  # ISO 8601, UTC

    def __repr__(self) -> str:
        return f"Runtime(url={self.url!r}, pid={self.pid})"


def write_runtime(folder: Path, runtime: Runtime) -> None:
    """Write the runtime file, readable by its owner only."""
    write_atomically(folder / RUNTIME_FILE, json.dumps(asdict(runtime)).encode(), mode=0o600)


def read_runtime(folder: Path) -> Runtime | None:
    """Return what the runtime file says, None when there is none or it makes no sense. The process may be dead."""
    try:
        data = json.loads((folder / RUNTIME_FILE).read_text())
        return Runtime(str(data["url"]), str(data["token"]), int(data["pid"]), str(data["started_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remove_runtime(folder: Path) -> None:
    """Remove the runtime file if there. Only the folder's owner may call this."""
    (folder / RUNTIME_FILE).unlink(missing_ok=True)


class FolderLock:
    """An exclusive lock on a data folder, given back by the operating system when its process dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / _LOCK_FILE, mode=0o600, thread_local=False)

    def try_acquire(self) -> bool:
        """Take the lock if it is free, and note who holds it. Raises NotAvailable when the folder cannot be used."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        except OSError as error:
            raise storage_error(error, self.folder / _LOCK_FILE) from error
        remove_runtime(self.folder)  # no other process is the owner, so whatever it says is stale
        owner = {"pid": os.getpid(), "command": _command(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        write_atomically(self.folder / _OWNER_FILE, json.dumps(owner).encode(), mode=0o600)
        return True

    def release(self) -> None:
        """Give the folder back."""
        with suppress(OSError):
            (self.folder / _OWNER_FILE).unlink(missing_ok=True)
        self._lock.release()

    def locked_error(self) -> FolderLocked:
        """Return the error that names who holds the folder and what to do."""
        try:
            owner = json.loads((self.folder / _OWNER_FILE).read_text())
            who = f"process {owner['pid']} ({owner['command']}, since {owner['since']})"
            pid = int(owner["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            who, pid = "another process", 0
        return FolderLocked(
            f"The data folder {self.folder} is in use by {who}. Wait until it has finished or stop it; "
            "to let several commands share the folder, keep `tieout up` running.",
            folder=str(self.folder),
            pid=pid,
        )


def acquire(folder: Path, *, timeout_s: float = 0.0) -> FolderLock:
    """Return the folder's lock, held. Raises FolderLocked after `timeout_s` seconds."""
    lock = FolderLock(folder)
    deadline = time.monotonic() + timeout_s
    while not lock.try_acquire():
        if time.monotonic() >= deadline:
            raise lock.locked_error()
        time.sleep(_PAUSE_S)
    return lock


def acquire_or_find(folder: Path, *, timeout_s: float = 2.0) -> FolderLock | Runtime:
    """Return the held lock, or the runtime of the service that owns the folder.

    Raises FolderLocked when another process holds it for longer than `timeout_s` seconds and is no service.
    """
    lock = FolderLock(folder)
    deadline = time.monotonic() + timeout_s
    while not lock.try_acquire():
        runtime = read_runtime(folder)
        if runtime is not None and _alive(runtime.pid):
            return runtime
        if time.monotonic() >= deadline:
            raise lock.locked_error()
        time.sleep(_PAUSE_S)
    return lock


@contextmanager
def published(folder: Path, runtime: Runtime) -> Iterator[None]:
    """Keep the runtime file for the length of the block. The caller holds the folder's lock."""
    write_runtime(folder, runtime)
    try:
        yield
    finally:
        with suppress(OSError):
            remove_runtime(folder)


def check_folder(folder: Path) -> None:
    """Raise NotAvailable when the data folder is not to be used: a file is in its place, or half a restore in it."""
    check_is_folder(folder)
    if (folder / RESTORING).exists():
        raise NotAvailable(
            f"A backup is being restored into {folder}, or that was cut off. "
            "Wait for it, or run `tieout restore` again."
        )


def check_is_folder(folder: Path) -> None:
    """Raise NotAvailable when the data folder's place is taken by a file."""
    if folder.exists() and not folder.is_dir():
        raise NotAvailable(f"The data folder {folder} is a file; set TIEOUT_HOME or --home to a folder.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it exists and belongs to somebody else
    return True


def _command() -> str:
    name = Path(sys.argv[0]).name or "python"
    words = [word for word in sys.argv[1:3] if word.isidentifier()]
    return " ".join([name, *words])[:80]
