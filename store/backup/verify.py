"""Proves a backup without restoring it: every checksum, every row in a database of its own, and the audit of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from store.audit import audit
from store.backup.archive import check_archive
from store.backup.named_files import member_name
from store.backup.placing import SQLITE_FILE
from store.backup.records import RecordReader
from store.backup.restore import summary_of, unpack
from store.backup.schema import check_revision, upgrade
from store.backup.target import Target
from store.database import open_database
from tieout.errors import NotAvailable
from tieout.model import Principal
from tieout.ports.backup import BackupSummary, Finding


def verify(source: Path) -> tuple[BackupSummary, list[Finding]]:
    """Return what a backup holds and what is wrong with its records. Raises NotFound, RefusedFile, StorageFull."""
    summary = summary_of(source, check_archive(source))
    check_revision(summary.revision)
    with tempfile.TemporaryDirectory(prefix="tieout-verify-") as folder:
        url = f"sqlite:///{Path(folder) / SQLITE_FILE}"
        with Target(url, summary.revision) as connection:
            names = unpack(source, RecordReader(connection), None)
            upgrade(connection)
        database = open_database(url)
        try:
            listed = {kind: _Listed(kind, names) for kind in ("artifacts", "originals")}
            return summary, audit(database, **listed, deep=False)
        finally:
            database.close()


class _Listed:
    """A BlobStore that knows which files an archive has, and not their bytes: their checksums were compared."""

    def __init__(self, kind: str, names: set[str]) -> None:
        self._kind = kind
        self._names = names

    def has(self, principal: Principal, sha256: str) -> bool:
        """Return whether the archive has the file."""
        return member_name(self._kind, principal.workspace, sha256) in self._names

    def get(self, principal: Principal, sha256: str) -> bytes:
        """Raise NotAvailable."""
        raise NotAvailable(f"{principal.workspace}/{sha256} is only listed here")

    def put(self, principal: Principal, data: bytes) -> str:
        """Raise NotAvailable."""
        raise NotAvailable(f"{len(data)} bytes of {principal.workspace} cannot be kept here")

    def delete(self, principal: Principal, sha256: str) -> None:
        """Raise NotAvailable."""
        raise NotAvailable(f"{principal.workspace}/{sha256} is only listed here")
