"""Delta tables in a folder per workspace: ACID, several writer processes, versions that are snapshots."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError, TableNotFoundError
from filelock import FileLock, Timeout

from store.lake.schema import KEYS, schema_of
from store.lake.tables import without
from tieout.errors import Conflict, NotFound, StorageFull

# A fact may cite any version for ever: logs and files never expire by themselves.
_KEEP_EVERYTHING = {
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
    "delta.enableExpiredLogCleanup": "false",
}
_FULL = re.compile(r"no space left|disk quota|os error (28|122)\b|storage ?full", re.IGNORECASE)
_LOCK_TIMEOUT_S = 60.0
_MOST_FILES = 50  # each append adds a file, and a read opens them all


class DeltaTables:
    """Delta tables at `<folder>/<workspace>/<table>`; a file lock beside each orders its writers.

    No file of a table is ever removed: `pins/` already records which versions facts cite, for a later clean-up.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def version(self, workspace: str, table: str) -> int:
        """Return the newest version; 0 when the table does not exist yet (its version 0 is empty)."""
        found = self._open(workspace, table)
        return 0 if found is None else found.version()

    def read(self, workspace: str, table: str, version: int, where: pc.Expression | None = None) -> pa.Table:
        """Return the rows of one version that satisfy `where`. Raises NotFound."""
        schema = schema_of(table)
        found = self._open(workspace, table, version)
        if found is None:
            if version == 0:
                return schema.empty_table()
            raise NotFound(f"{table}@{version} does not exist: nothing was imported yet")
        rows = found.to_pyarrow_dataset().to_table(columns=schema.names, filter=where)
        return rows.cast(schema)

    def dataset(self, workspace: str, table: str, version: int) -> Any:
        """Return one version as an Arrow dataset over its files."""
        found = self._open(workspace, table, version)
        return schema_of(table).empty_table() if found is None else found.to_pyarrow_dataset()

    def write(self, workspace: str, table: str, rows: pa.Table, *, upsert: bool = False) -> int:
        """Append rows, or replace those of the same key, in one commit; return the new version. Raises StorageFull.

        Many small files are then joined, which makes a further version of the same rows. A write that fails leaves the
        table as it was, and takes its unfinished files away again.
        """
        path = self._path(workspace, table)
        before = _data_files(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
            if self._open(workspace, table) is None:
                DeltaTable.create(str(path), schema=schema_of(table), configuration=_KEEP_EVERYTHING)
            mode: Literal["append", "overwrite"] = "append"
            if upsert:
                # One plain overwrite, not a merge: a merge writes string views, which Arrow cannot filter.
                current = self.read(workspace, table, self.version(workspace, table))
                kept = without(current, rows, KEYS[table])
                rows, mode = (
                    pa.concat_tables([kept, rows]).sort_by([(key, "ascending") for key in KEYS[table]]),
                    "overwrite",
                )
            write_deltalake(str(path), rows, mode=mode, writer_properties=_compressed(), commit_properties=_patient())
        except (OSError, DeltaError) as error:
            for left in _data_files(path) - before:
                left.unlink(missing_ok=True)
            raise _translated(error, table) from error
        return _compacted(path)

    @contextmanager
    def lock(self, workspace: str, table: str) -> Iterator[None]:
        """Hold off other writers, threads and processes alike. Raises Conflict after a minute, StorageFull."""
        schema_of(table)
        path = self._path(workspace, table).with_suffix(".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path, timeout=_LOCK_TIMEOUT_S)
            lock.acquire()
        except Timeout as error:
            raise Conflict(
                f"another process has been writing the table {table!r} for a minute: try again later"
            ) from error
        except OSError as error:
            raise _translated(error, table) from error
        try:
            yield
        finally:
            lock.release()

    def pin(self, workspace: str, table: str, versions: Sequence[int]) -> None:
        """Record cited versions as empty files `pins/bars@3`. Raises StorageFull."""
        folder = self._path(workspace, table).parent / "pins"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for version in versions:
                (folder / f"{table}@{version}").touch()
        except OSError as error:
            raise _translated(error, table) from error

    def _open(self, workspace: str, table: str, version: int | None = None) -> DeltaTable | None:
        path = self._path(workspace, table)
        if not (path / "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(str(path), version=version)
        except TableNotFoundError:  # the folder of a creation that did not get as far as its first commit
            return None
        except DeltaError as error:
            newest = DeltaTable(str(path)).version()
            if version is not None and version > newest:
                raise NotFound(f"{table}@{version} does not exist: the newest is {table}@{newest}") from error
            raise

    def _path(self, workspace: str, table: str) -> Path:
        schema_of(table)
        return self._folder / _folder_name(workspace) / table


def _folder_name(workspace: str) -> str:
    """Return a name that is one safe path component and differs for each workspace, upper case included."""
    return re.sub(r"[^a-z0-9_-]", lambda match: f"~{ord(match[0]):x}~", workspace) or "~~"


def _data_files(path: Path) -> set[Path]:
    return set(path.glob("*.parquet"))


def _compacted(path: Path) -> int:
    """Join the files of a table that has many and return its newest version; old versions keep their own files.

    The rows are safe already: where there is no room to join them, the table stays in pieces.
    """
    table = DeltaTable(str(path))
    if len(table.file_uris()) <= _MOST_FILES:
        return table.version()
    before = _data_files(path)
    try:
        table.optimize.compact(writer_properties=_compressed(), commit_properties=_patient())
    except (OSError, DeltaError):
        for left in _data_files(path) - before:
            left.unlink(missing_ok=True)
    return DeltaTable(str(path)).version()


def _compressed() -> WriterProperties:
    return WriterProperties(compression="ZSTD")


def _patient() -> CommitProperties:
    return CommitProperties(max_commit_retries=15)


def _translated(error: Exception, table: str) -> Exception:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or _FULL.search(str(error)):
        return StorageFull(f"the disk is full: the table {table!r} was left as it was. Free some space and try again")
    return error
