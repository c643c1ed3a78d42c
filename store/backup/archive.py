"""The file that a backup is: a gzipped tar that is written and read as a stream, with a checksum of every member.

The last two members are `members.sha256`, in the form that `sha256sum -c` reads, and `manifest.json`. An archive is
whole when the manifest is there and the checksums of all members before, in their order, are those that it names.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from tieout.errors import InvalidInput, NotAvailable, NotFound, RefusedFile
from tieout.files import storage_error

FORMAT = 1
SUMS, MANIFEST = "members.sha256", "manifest.json"
_LEVEL = 1  # most bytes are compressed already
_IN_MEMORY = 1_000_000  # bytes of checksums before they go to disk
_MOST_MANIFEST = 1_000_000
_PIECE = 1 << 20
# One plain component after the other: no absolute name, none that begins with a dot, nothing that a shell minds.
_NAME = re.compile(r"[A-Za-z0-9_=~%@+-][A-Za-z0-9_.=~%@+-]*(?:/[A-Za-z0-9_=~%@+-][A-Za-z0-9_.=~%@+-]*)*")


class ArchiveWriter:
    """Writes an archive beside its place and moves it there when it is complete; use it as a context manager."""

    def __init__(self, target: Path) -> None:
        """Begin. Raises InvalidInput when the target exists, NotAvailable when its folder cannot be written."""
        self._target = target
        if target.exists() or target.is_symlink():
            raise InvalidInput(f"{target} is there already; choose another name: a backup replaces nothing.")
        try:
            descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:40]}.", dir=target.parent)
        except FileNotFoundError as error:
            raise InvalidInput(f"There is no folder {target.parent} for the backup; make it first.") from error
        except OSError as error:
            raise storage_error(error, target) from error
        self._temporary = Path(name)
        self._raw = os.fdopen(descriptor, "wb")
        self._zip = gzip.GzipFile("", "wb", _LEVEL, self._raw, 0)
        self._tar = tarfile.open(fileobj=self._zip, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._sums = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
        self.members = 0

    def add(self, name: str, data: bytes) -> None:
        """Add a member. Raises StorageFull, NotAvailable."""
        self.add_file(name, io.BytesIO(data), len(data))

    def add_file(self, name: str, file: IO[bytes], size: int) -> None:
        """Add a member of `size` bytes read from a file, in pieces. Raises StorageFull, NotAvailable."""
        hashing = _Hashing(file)
        self._put(name, hashing, size)
        self._sums.write(f"{hashing.hexdigest()}  {name}\n".encode())
        self.members += 1

    def complete(self, manifest: Mapping[str, Any]) -> int:
        """Add the checksums and the manifest, bring all to the disk and to its place; return the archive's size."""
        size = self._sums.tell()
        self._sums.seek(0)
        hashing = _Hashing(self._sums)
        self._put(SUMS, hashing, size)
        whole = {"format": FORMAT, **manifest, "members": self.members, "members_sha256": hashing.hexdigest()}
        data = json.dumps(whole, indent=2).encode()
        self._put(MANIFEST, _Hashing(io.BytesIO(data)), len(data))
        try:
            self._tar.close()
            self._zip.close()
            self._raw.flush()
            os.fsync(self._raw.fileno())
            self._raw.close()
            size = self._temporary.stat().st_size
            self._temporary.rename(self._target)
            _sync_folder(self._target.parent)
        except OSError as error:
            raise storage_error(error, self._target) from error
        return size

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sums.close()
        for part in (self._tar, self._zip):
            with suppress(Exception):  # what is left in buffers need not arrive
                part.close()
        with suppress(OSError):
            self._raw.close()
        self._temporary.unlink(missing_ok=True)

    def _put(self, name: str, file: _Hashing, size: int) -> None:
        if not _NAME.fullmatch(name):
            raise NotAvailable(f"{name!r} cannot be the name of a file in a backup")
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        try:
            self._tar.addfile(member, file)
        except OSError as error:
            raise storage_error(error, self._target) from error
        _forget(self._tar)  # it would keep a record of each


def read_archive(source: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield each member's name and its bytes to be read, in order; what is not read is skipped over, but checked.

    Raises NotFound, and RefusedFile as soon as something is wrong: no archive of ours, a name that is no plain
    path, a link, a member that was changed, an end that is missing. All is well only when the iteration has ended.
    """
    for name, file, _ in _members(source):
        if name not in (SUMS, MANIFEST):
            yield name, file


def check_archive(source: Path) -> dict[str, Any]:
    """Read the whole archive, compare every checksum, and return its manifest. Raises NotFound, RefusedFile."""
    return deque(_members(source), maxlen=1)[0][2]


def _members(source: Path) -> Iterator[tuple[str, IO[bytes], dict[str, Any]]]:
    try:
        yield from _read(source)
    except FileNotFoundError as error:
        raise NotFound(f"There is no backup {source}.") from error
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RefusedFile(f"{source} is not a whole backup ({error}); use another copy.") from error


def _read(source: Path) -> Iterator[tuple[str, IO[bytes], dict[str, Any]]]:
    sums = hashlib.sha256()
    count, summed = 0, ""
    manifest: dict[str, Any] = {}
    with gzip.open(source) as unzipped, tarfile.open(fileobj=unzipped, mode="r|") as tar:
        while (member := tar.next()) is not None:
            _forget(tar)  # it would keep a record of each
            if manifest or not member.isreg() or not _NAME.fullmatch(member.name):
                raise RefusedFile(f"{source} is not a backup of tieout: it holds {member.name[:80]!r}.")
            file = tar.extractfile(member)
            assert file is not None
            hashing = _Hashing(file)
            if member.name == MANIFEST:
                manifest = _manifest(source, hashing.read(_MOST_MANIFEST), count, sums.hexdigest(), summed)
            elif not summed:
                yield member.name, hashing, {}  # type: ignore[misc]  # it only reads
            while hashing.read(_PIECE):
                pass
            if member.name == SUMS:
                summed = hashing.hexdigest()
            elif member.name != MANIFEST:
                sums.update(f"{hashing.hexdigest()}  {member.name}\n".encode())
                count += 1
        while unzipped.read(_PIECE):  # to the checksum of the whole
            pass
    if not manifest:
        raise RefusedFile(f"{source} is not a whole backup: its end is missing; use another copy.")
    yield MANIFEST, io.BytesIO(), manifest


def _manifest(source: Path, data: bytes, count: int, sums: str, summed: str) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
        form, members, expected = int(manifest["format"]), int(manifest["members"]), str(manifest["members_sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise RefusedFile(f"{source} is not a backup of tieout: its manifest cannot be read.") from error
    if form > FORMAT:
        raise RefusedFile(f"{source} was made by a newer tieout (format {form}); use that version to restore it.")
    if (count, sums, summed) != (members, expected, expected):
        raise RefusedFile(f"{source} was damaged: its checksums do not agree; use another copy.")
    found: dict[str, Any] = manifest
    return found


class _Hashing:
    """Reads a file and hashes what it read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes, all with -1."""
        data: bytes = self._file.read(size)
        self._sha256.update(data)
        return data

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was read so far."""
        return self._sha256.hexdigest()


def _forget(tar: tarfile.TarFile) -> None:
    tar.members = []  # type: ignore[attr-defined]  # the list is there, only its description is not


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every file system knows it
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
