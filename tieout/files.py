"""Writes files whole or not at all, and keeps names that came from data inside their folder."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from tieout.errors import InvalidInput, NotAvailable, StorageFull

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_atomically(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write `data` to `path` so that a reader sees the old file or the new one, also after a crash.

    Raises StorageFull when the disk is full and NotAvailable when the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fchmod(file.fileno(), mode)
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise storage_error(error, path) from error


def storage_error(error: OSError, path: Path) -> StorageFull | NotAvailable:
    """Return the error of our tree that says what an OSError at `path` means for the asker."""
    if error.errno in _FULL:
        return StorageFull(f"The disk that holds {path.parent} is full; free some space and try again.")
    return NotAvailable(f"Cannot write {path}: {error.strerror}. Choose another folder or fix the permissions.")


def safe_name(name: str) -> str:
    """Return `name` when it is a plain file name. Raises InvalidInput for paths, dot names and control characters."""
    plain = name and name == Path(name).name and name not in {".", ".."} and not name.startswith(".")
    if not plain or "\\" in name or any(ord(letter) < 32 for letter in name):
        raise InvalidInput(f"{name!r} is not a plain file name.")
    return name
