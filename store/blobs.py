"""Keeps bytes under their SHA-256, one folder per workspace (or in memory): original files and artifacts."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from store.blob_holds import Holds
from tieout.errors import NotAvailable, NotFound
from tieout.files import storage_error, write_atomically
from tieout.model import Principal

_HASH = re.compile(r"[0-9a-f]{64}")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class FolderBlobStore:
    """A BlobStore in a folder. A file appears whole or not at all, and no name from outside is a path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holds = Holds(folder)

    def put(self, principal: Principal, data: bytes) -> str:
        """Store and return the SHA-256 (hex). Raises StorageFull, NotAvailable."""
        sha256 = hashlib.sha256(data).hexdigest()
        path = self._path(principal, sha256)
        try:
            os.utime(path)  # new again: a sweep of what no row names leaves it alone until the row is there
        except OSError:
            write_atomically(path, data)
        return sha256

    def has(self, principal: Principal, sha256: str) -> bool:
        """Return whether the bytes are there, without reading them."""
        return self._path(principal, sha256).is_file()

    def get(self, principal: Principal, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound, and NotAvailable when the file on disk was damaged."""
        path = self._path(principal, sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"no file with SHA-256 {sha256} is kept here") from error
        except OSError as error:
            raise NotAvailable(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotAvailable(f"{path} was damaged on disk; ingest the original file again")
        return data

    def delete(self, principal: Principal, sha256: str) -> None:
        """Remove the bytes if there; while a backup reads, they stay, and are swept after it."""
        path = self._path(principal, sha256)
        if self._holds.any():
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise storage_error(error, path) from error

    def hold(self) -> AbstractContextManager[Callable[[], None]]:
        """Keep every file for the length of the block, in all processes; it gives the function that renews this."""
        return self._holds.hold()

    def _path(self, principal: Principal, sha256: str) -> Path:
        if not _HASH.fullmatch(sha256):
            raise NotFound(f"{sha256!r} is not a SHA-256")
        return self._folder / folder_name(principal.workspace) / sha256[:2] / sha256


class MemoryBlobStore:
    """A BlobStore in memory. Safe to use from many threads."""

    def __init__(self) -> None:
        self._data: dict[tuple[str, str], bytes] = {}
        self._lock = threading.Lock()

    def put(self, principal: Principal, data: bytes) -> str:
        """Store and return the SHA-256 (hex)."""
        sha256 = hashlib.sha256(data).hexdigest()
        with self._lock:
            self._data[principal.workspace, sha256] = bytes(data)
        return sha256

    def get(self, principal: Principal, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        with self._lock:
            data = self._data.get((principal.workspace, sha256))
        if data is None:
            raise NotFound(f"no file with SHA-256 {sha256} is kept here")
        return data

    def has(self, principal: Principal, sha256: str) -> bool:
        """Return whether the bytes are there."""
        with self._lock:
            return (principal.workspace, sha256) in self._data

    def delete(self, principal: Principal, sha256: str) -> None:
        """Remove the bytes if there."""
        with self._lock:
            self._data.pop((principal.workspace, sha256), None)


def folder_name(workspace: str) -> str:
    """Return the workspace's own name where that is a safe folder name on every disk, else its hash."""
    if _PLAIN.fullmatch(workspace):
        return workspace
    return "=" + hashlib.sha256(workspace.encode()).hexdigest()
