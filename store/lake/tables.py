"""What the lake needs of versioned tables, and tables in memory: a process's own, gone when it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from store.lake.schema import KEYS, schema_of
from tieout.errors import NotFound


class Tables(Protocol):
    """Versioned tables of a workspace. Version 0 is empty; each write makes the next one whole or not at all."""

    def version(self, workspace: str, table: str) -> int:
        """Return the newest version; 0 when nothing was ever written."""
        ...

    def read(self, workspace: str, table: str, version: int, where: pc.Expression | None = None) -> pa.Table:
        """Return the rows of one version that satisfy `where`. Raises NotFound for a version that is not there."""
        ...

    def dataset(self, workspace: str, table: str, version: int) -> Any:
        """Return one version as an Arrow dataset or table, of which a query reads only what it needs."""
        ...

    def write(self, workspace: str, table: str, rows: pa.Table, *, upsert: bool = False) -> int:
        """Append rows, or let them replace those of the same key; return the new version. Raises StorageFull."""
        ...

    def lock(self, workspace: str, table: str) -> AbstractContextManager[None]:
        """Hold off other writers of the table while reading, deciding and writing."""
        ...

    def pin(self, workspace: str, table: str, versions: Sequence[int]) -> None:
        """Record that facts cite these versions, so that no later clean-up destroys them."""
        ...


class MemoryTables:
    """Tables in memory: each version is one immutable Arrow table that shares its columns with the one before."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], list[pa.Table]] = {}
        self._pins: set[tuple[str, str, int]] = set()
        self._guard = threading.RLock()

    def version(self, workspace: str, table: str) -> int:
        """Return the newest version."""
        return len(self._of(workspace, table)) - 1

    def read(self, workspace: str, table: str, version: int, where: pc.Expression | None = None) -> pa.Table:
        """Return the rows of one version that satisfy `where`. Raises NotFound."""
        versions = self._of(workspace, table)
        if not 0 <= version < len(versions):
            raise NotFound(f"{table}@{version} does not exist: the newest is {table}@{len(versions) - 1}")
        rows = versions[version]
        return rows if where is None else rows.filter(where)

    def dataset(self, workspace: str, table: str, version: int) -> Any:
        """Return one version as an Arrow table."""
        return self.read(workspace, table, version)

    def write(self, workspace: str, table: str, rows: pa.Table, *, upsert: bool = False) -> int:
        """Append rows, or replace those of the same key; return the new version."""
        with self._guard:
            versions = self._of(workspace, table)
            kept = without(versions[-1], rows, KEYS[table]) if upsert else versions[-1]
            versions.append(pa.concat_tables([kept, rows]).combine_chunks())
            return len(versions) - 1

    @contextmanager
    def lock(self, workspace: str, table: str) -> Iterator[None]:  # noqa: ARG002
        """Hold off other threads' writes."""
        with self._guard:
            yield

    def pin(self, workspace: str, table: str, versions: Sequence[int]) -> None:
        """Record cited versions (nothing is ever cleaned up here)."""
        self._pins.update((workspace, table, version) for version in versions)

    def _of(self, workspace: str, table: str) -> list[pa.Table]:
        schema = schema_of(table)
        with self._guard:
            return self._versions.setdefault((workspace, table), [schema.empty_table()])


def without(table: pa.Table, rows: pa.Table, keys: Sequence[str]) -> pa.Table:
    """Return the rows of `table` whose key is not among those of `rows`."""
    left = table.join(rows.select(list(keys)), list(keys), join_type="left anti")
    return left.select(table.column_names)
