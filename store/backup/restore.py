"""Puts a backup into an empty data folder, and database: whole or not at all.

The archive is checked from its first to its last byte before anything is written. Then everything is built in a
folder of its own inside the data folder (the one place that is surely on the same disk) and moved up at the end, the
records last. While that folder is there, the data folder is not used; what a killed restore left, the next one clears.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import select

from store.audit import audit
from store.backup.archive import check_archive, read_archive
from store.backup.named_files import KINDS, parse_name
from store.backup.placing import SQLITE_FILE, Placing
from store.backup.records import MEMBER, SCHEMA, RecordReader
from store.backup.schema import check_revision, upgrade
from store.backup.target import Target
from store.blobs import FolderBlobStore
from store.database import open_database
from store.tables_content import documents
from tieout.errors import RefusedFile
from tieout.files import storage_error
from tieout.model import Principal
from tieout.ports.backup import BackupSummary, Restored


def restore(source: Path, folder: Path, database_url: str | None = None) -> Restored:
    """Put a backup into an empty data folder and, with an address, an empty PostgreSQL; else into SQLite in the folder.

    An older schema is brought to this version's. Raises NotFound, RefusedFile (damaged, not ours, of a newer
    version), Conflict (not empty), FolderLocked, StorageFull, NotAvailable; nothing of it is then left.
    """
    manifest = check_archive(source)
    summary = summary_of(source, manifest)
    check_revision(summary.revision)
    with Placing(folder) as placing:
        with Target(database_url or f"sqlite:///{placing.staging / SQLITE_FILE}", summary.revision) as connection:
            reader = RecordReader(connection)
            unpack(source, reader, placing.staging)
            _check_counts(source, reader.counts, summary.counts)
            upgrade(connection)
            if database_url:  # the files first: rows that are there name files that are there
                placing.place()
        if not database_url:
            placing.place()
        placing.keep()
    return _looked_at(summary, folder, database_url or f"sqlite:///{folder / SQLITE_FILE}")


def summary_of(source: Path, manifest: Mapping[str, Any]) -> BackupSummary:
    """Return what a manifest says. Raises RefusedFile."""
    try:
        created_at = datetime.fromisoformat(manifest["created_at"])
        counts = {str(name): int(count) for name, count in manifest["counts"].items()}
        version, revision, profile = (str(manifest[name]) for name in ("version", "revision", "profile"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RefusedFile(f"{source} is not a backup of tieout: its manifest lacks something ({error}).") from error
    return BackupSummary(str(source), source.stat().st_size, created_at, version, revision, profile, counts)


def unpack(source: Path, reader: RecordReader, folder: Path | None) -> set[str]:
    """Bring the archive's rows into the database and its files into a folder; return the names of the files.

    With no folder, files are left where they are. Raises RefusedFile.
    """
    blobs = {kind: FolderBlobStore(folder / kind) for kind in KINDS} if folder else {}
    names: set[str] = set()
    for name, file in read_archive(source):
        kind = name.partition("/")[0]
        if name == SCHEMA:
            reader.read_schema(file.read())
        elif match := MEMBER.fullmatch(name):
            reader.read_rows(match[1], file.read().splitlines())
        elif kind in KINDS:
            _put(source, blobs.get(kind), name, file)
            names.add(name)
        elif kind == "lake" and name.count("/") >= 2:
            if folder is not None:
                _copy(file, folder / name)
        else:
            raise RefusedFile(f"{source} is not a backup of tieout: it holds {name[:80]!r}.")
    return names


def _put(source: Path, blobs: FolderBlobStore | None, name: str, file: IO[bytes]) -> None:
    try:
        _, workspace, sha256 = parse_name(name)
    except ValueError as error:
        raise RefusedFile(f"{source} is not a backup of tieout: it holds {name[:80]!r}.") from error
    if blobs is not None and blobs.put(Principal("restore", workspace), file.read()) != sha256:
        raise RefusedFile(f"{source} was damaged: {name} has other content than its name says.")


def _copy(file: IO[bytes], path: Path) -> None:
    """Write a file that must not be there yet, down to the disk."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as copy:
            while piece := file.read(1 << 20):
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
    except OSError as error:
        raise storage_error(error, path) from error


def _check_counts(source: Path, found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    wrong = [name for name, count in found.items() if count != expected.get(name)]
    if wrong:
        raise RefusedFile(f"{source} was damaged: the number of rows of {', '.join(wrong)} is another one.")


def _looked_at(summary: BackupSummary, folder: Path, url: str) -> Restored:
    database = open_database(url)
    try:
        blobs = {kind: FolderBlobStore(folder / kind) for kind in KINDS}
        query = select(documents.c.workspace).distinct().order_by(documents.c.workspace)
        workspaces = database.read(lambda connection: connection.execute(query).scalars().all())
        return Restored(summary, audit(database, **blobs, deep=False), tuple(workspaces))
    finally:
        database.close()
