"""The use cases of documents as the doors see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tieout.model import Chunk, Document, Hit, Page, Principal
from tieout.ports.retrieval import IngestOutcome


class Checker(Protocol):
    """Ties out a text that somebody else wrote."""

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Return `ledger` (counts) and `numbers` in the form of a research result. Raises RefusedFile."""
        ...


class DocumentDesk(Protocol):
    """Keeps the library, searches it, and ties out texts."""

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files and folders into the library. Raises InvalidInput when there is nothing to read."""
        ...

    def documents(self, principal: Principal) -> list[Document]:
        """Return the documents by name that all who read what the principal is answered may read."""
        ...

    def pages(self, principal: Principal, reference: str) -> list[Page]:
        """Return the pages of a document."""
        ...

    def chunks(self, principal: Principal, reference: str) -> list[Chunk]:
        """Return the pieces that search quotes of a document, in reading order."""
        ...

    def original(self, principal: Principal, reference: str) -> bytes:
        """Return a document's file as it was read in."""
        ...

    def share_document(self, principal: Principal, reference: str) -> Document:
        """Open a document of the principal's audience to all of the workspace."""
        ...

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title. Raises NotFound, PermissionDenied."""
        ...

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors; return the number of chunks."""
        ...

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named."""
        ...

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote; return `ledger` and `numbers`."""
        ...
