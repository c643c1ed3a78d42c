"""Which files the records name: listed in the same moment as the records, read back after it is over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import quote, unquote

from sqlalchemy import Connection, Table, select

from store.tables import artifacts
from store.tables_content import documents

KINDS: dict[str, Table] = {"artifacts": artifacts, "originals": documents}
_IN_MEMORY = 1_000_000  # bytes of the list before it goes to disk
_BATCH = 1000


class NamedFiles:
    """A list of files by kind, workspace and hash, each once. Use it as a context manager."""

    def __init__(self) -> None:
        self._list = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115

    def collect(self, connection: Connection) -> None:
        """List the files that the rows name which the connection sees."""
        for kind, table in KINDS.items():
            place = table.c.workspace, table.c.sha256
            query = select(*place).distinct().order_by(*place).execution_options(yield_per=_BATCH)
            for workspace, sha256 in connection.execute(query):
                self._list.write(f"{member_name(kind, workspace, sha256)}\n".encode())

    def __iter__(self) -> Iterator[str]:
        self._list.seek(0)
        for line in self._list:
            yield line.decode().rstrip("\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._list.close()


def member_name(kind: str, workspace: str, sha256: str) -> str:
    """Return a file's name in an archive; any workspace makes one plain component (`~` begins it)."""
    return f"{kind}/~{quote(workspace, safe='').replace('.', '%2E')}/{sha256}"


def parse_name(name: str) -> tuple[str, str, str]:
    """Return kind, workspace and hash of a file's name in an archive. Raises ValueError."""
    kind, workspace, sha256 = name.split("/")
    if kind not in KINDS or not workspace.startswith("~"):
        raise ValueError(f"{name!r} is no file of ours")
    return kind, unquote(workspace[1:]), sha256
