"""The state of record of content: documents, pages, chunks, instruments, and the bytes of files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tieout.model import Chunk, Document, Instrument, Page, Principal


class ContentStore(Protocol):
    """Documents, their pages and chunks, and the workspace's own instruments."""

    def put_document(
        self,
        principal: Principal,
        document: Document,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        *,
        indexed: bool = True,
    ) -> None:
        """Commit a document whole, replacing one of the same id.

        With `indexed` false its vectors are still to come: no other method but `pages`, `chunks` and
        `unindexed` shows it until `mark_indexed`.
        """
        ...

    def mark_indexed(self, principal: Principal, document_id: str) -> None:
        """Make a document visible: all its points are in the vector index."""
        ...

    def unindexed(self, principal: Principal) -> list[Document]:
        """Return the documents whose ingestion was cut off before their vectors were written."""
        ...

    def find_document(self, principal: Principal, sha256: str) -> Document | None:
        """Return the workspace's document with that content."""
        ...

    def get_document(self, principal: Principal, reference: str) -> Document:
        """Return the document by id, file name or title, of those open to the principal. Raises NotFound."""
        ...

    def set_audiences(self, principal: Principal, document_id: str, audiences: Sequence[str]) -> None:
        """Say which circles may read a document; none: all of the workspace. Raises NotFound."""
        ...

    def list_documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name, whoever may read them."""
        ...

    def remove_document(self, principal: Principal, document_id: str) -> Document:
        """Delete a document with its pages and chunks."""
        ...

    def page(self, principal: Principal, document_id: str, number: int) -> Page:
        """Return one page. Raises NotFound."""
        ...

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return all pages in order."""
        ...

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return all chunks in order of page and offset."""
        ...

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return, for each visible document's id, how many points the index holds of it when it is whole.

        These are its chunks and, whole, its pages that have any.
        """
        ...

    def get_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks that exist, in the order asked for."""
        ...

    def pages_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Page]:
        """Return the pages at (document id, page number) that exist, in the order asked for."""
        ...

    def chunks_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Chunk]:
        """Return the chunks of those pages, in the order asked for, then by offset."""
        ...

    def put_instruments(self, principal: Principal, instruments: Iterable[Instrument]) -> None:
        """Add or replace the workspace's own instruments."""
        ...

    def list_instruments(self, principal: Principal) -> list[Instrument]:
        """Return the workspace's own instruments."""
        ...


class BlobStore(Protocol):
    """Bytes under their SHA-256 per workspace; writing is atomic and idempotent."""

    def put(self, principal: Principal, data: bytes) -> str:
        """Store and return the SHA-256 (hex). Raises StorageFull."""
        ...

    def get(self, principal: Principal, sha256: str) -> bytes:
        """Return the bytes. Raises NotFound."""
        ...

    def has(self, principal: Principal, sha256: str) -> bool:
        """Return whether the bytes are there, without reading them."""
        ...

    def delete(self, principal: Principal, sha256: str) -> None:
        """Remove the bytes if there; perhaps a little later, when a backup reads just now."""
        ...
