"""Takes a backup of everything while everything goes on: the records of one moment, then the files that they name.

The order makes it one consistent set. No file is deleted from before the records' moment until the last was read.
A file is there before its record, and a lake's version before the fact that cites it, so what the records name can
be read later than they were. Vectors are not taken: they are derived, and restoring writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Connection, select, text

from store.audit import audit
from store.backup.archive import ArchiveWriter
from store.backup.lake_files import lake_files
from store.backup.named_files import NamedFiles, parse_name
from store.backup.records import write_records
from store.blob_sweep import sweep
from store.blobs import FolderBlobStore, folder_name
from store.database import Database
from store.snapshot import hold_snapshot
from store.tables_content import documents
from tieout.errors import NotAvailable, NotFound
from tieout.files import storage_error
from tieout.model import Principal
from tieout.ports.backup import BackupSummary, Finding


class StoreBackups:
    """`Backups` of a database with the artifacts, originals and lake in a folder. Safe to use from many threads."""

    def __init__(self, database: Database, folder: Path, *, profile: str) -> None:
        self._database = database
        self._lake = folder / "lake"
        self._originals = folder / "originals"
        self._blobs = {kind: FolderBlobStore(folder / kind) for kind in ("artifacts", "originals")}
        self._profile = profile

    def take(self, target: Path) -> BackupSummary:
        """Write one consistent archive to a new file; nothing is left of one that fails.

        Into a folder, it gets a name of its own. Raises InvalidInput, StorageFull, NotAvailable (a file that the
        records name is missing or damaged).
        """
        now = datetime.now(UTC)
        if target.is_dir():
            target = target / f"tieout-{now:%Y%m%dT%H%M%S.%fZ}.tar.gz"
        with ExitStack() as stack:
            archive = stack.enter_context(ArchiveWriter(target))
            renewals = [stack.enter_context(blobs.hold()) for blobs in self._blobs.values()]
            named = stack.enter_context(NamedFiles())

            def renew() -> None:
                for each in renewals:
                    each()

            revision, counts = self._database.read(lambda connection: _records(connection, archive, named, renew))
            counts |= self._files(archive, named, renew)
            counts["lake files"] = self._lake_files(archive)
            manifest = {
                "created_at": now.isoformat(),
                "version": version("tieout"),
                "revision": revision,
                "profile": self._profile,
                "counts": counts,
            }
            size = archive.complete(manifest)
        # A document that was removed meanwhile left its file: it was to go, so it goes now.
        sweep(self._originals, self._named_originals)
        return BackupSummary(str(target), size, now, str(manifest["version"]), revision, self._profile, counts)

    def audit(self, *, deep: bool = False) -> list[Finding]:
        """Return what is wrong with the state of record as it stands; `deep` reads every file, too."""
        return audit(self._database, artifacts=self._blobs["artifacts"], originals=self._blobs["originals"], deep=deep)

    def _files(self, archive: ArchiveWriter, named: NamedFiles, renew: Callable[[], None]) -> dict[str, int]:
        counts = {f"{kind} files": 0 for kind in self._blobs}
        for name in named:
            kind, workspace, sha256 = parse_name(name)
            try:
                data = self._blobs[kind].get(Principal("backup", workspace), sha256)
            except (NotFound, NotAvailable) as error:
                raise NotAvailable(
                    f"No backup was made: a file of the {kind} of workspace {workspace} is missing or damaged "
                    f"({error.message}). `tieout doctor` names them all; remove the document or run, or bring the "
                    "file back."
                ) from error
            archive.add(name, data)
            counts[f"{kind} files"] += 1
            renew()
        return counts

    def _lake_files(self, archive: ArchiveWriter) -> int:
        count = 0
        for name, path in lake_files(self._lake):
            try:
                with path.open("rb") as file:
                    archive.add_file(f"lake/{name}", file, path.stat().st_size)
            except FileNotFoundError as error:
                raise NotAvailable(f"No backup was made: {path} of the lake is missing.") from error
            except OSError as error:
                raise storage_error(error, path) from error
            count += 1
        return count

    def _named_originals(self, folder: str, prefix: str) -> set[str]:
        def work(connection: Connection) -> set[str]:
            query = select(documents.c.workspace, documents.c.sha256).where(documents.c.sha256.startswith(prefix))
            return {sha256 for workspace, sha256 in connection.execute(query) if folder_name(workspace) == folder}

        return self._database.read(work)


def _records(
    connection: Connection, archive: ArchiveWriter, named: NamedFiles, renew: Callable[[], None]
) -> tuple[str, dict[str, int]]:
    hold_snapshot(connection)

    def put(name: str, data: bytes) -> None:
        archive.add(name, data)
        renew()

    counts = write_records(connection, put)
    named.collect(connection)
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()), counts
