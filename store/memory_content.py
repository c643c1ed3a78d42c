"""Keeps documents, pages, chunks and instruments in memory, with the same contract as the SQL store."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace

from store.content_lookup import choose_document
from tieout.errors import Conflict, NotFound
from tieout.model import Chunk, Document, Instrument, Page, Principal


class MemoryContentStore:
    """A ContentStore for tests and throw-away libraries. Safe to use from many threads."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}
        self._hidden: set[str] = set()
        self._pages: dict[str, dict[int, Page]] = {}
        self._chunks: dict[str, list[Chunk]] = {}
        self._instruments: dict[tuple[str, str], Instrument] = {}
        self._lock = threading.RLock()

    def put_document(
        self,
        principal: Principal,
        document: Document,
        pages: Sequence[Page],
        chunks: Sequence[Chunk],
        *,
        indexed: bool = True,
    ) -> None:
        """Keep a document with its pages and chunks, replacing one of the same id. Raises Conflict."""
        with self._lock:
            known = self._documents.get(document.id)
            if document.workspace != principal.workspace or (known and known.workspace != principal.workspace):
                raise Conflict(f"document {document.id} belongs to another workspace")
            self._documents[document.id] = document
            self._pages[document.id] = {page.number: page for page in pages}
            self._chunks[document.id] = sorted(chunks, key=lambda chunk: (chunk.page, chunk.start))
            (self._hidden.discard if indexed else self._hidden.add)(document.id)

    def mark_indexed(self, principal: Principal, document_id: str) -> None:
        """Make a document visible. Raises NotFound."""
        with self._lock:
            self._owned(principal, document_id)
            self._hidden.discard(document_id)

    def unindexed(self, principal: Principal) -> list[Document]:
        """Return the documents that are not visible yet."""
        with self._lock:
            return self._by_name(principal, hidden=True)

    def find_document(self, principal: Principal, sha256: str) -> Document | None:
        """Return the workspace's document with that content."""
        return next((found for found in self.list_documents(principal) if found.sha256 == sha256), None)

    def get_document(self, principal: Principal, reference: str) -> Document:
        """Return the document by id, name or title, of those open to the principal. Raises NotFound, NeedsAnswer."""
        found = [document for document in self.list_documents(principal) if document.open_to(principal)]
        return choose_document(found, reference)

    def set_audiences(self, principal: Principal, document_id: str, audiences: Sequence[str]) -> None:
        """Say which circles may read a document; none: all of the workspace. Raises NotFound."""
        with self._lock:
            document = self._owned(principal, document_id)
            self._documents[document_id] = replace(document, audiences=tuple(audiences))

    def list_documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        with self._lock:
            return self._by_name(principal, hidden=False)

    def remove_document(self, principal: Principal, document_id: str) -> Document:
        """Drop a document with its pages and chunks. Raises NotFound."""
        with self._lock:
            document = self._owned(principal, document_id)
            del self._documents[document_id], self._pages[document_id], self._chunks[document_id]
            self._hidden.discard(document_id)
            return document

    def page(self, principal: Principal, document_id: str, number: int) -> Page:
        """Return one page. Raises NotFound."""
        found = self.pages_at(principal, [(document_id, number)])
        if not found:
            raise NotFound(f"document {document_id!r} has no page {number}")
        return found[0]

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return all pages in order."""
        with self._lock:
            pages = self._pages[document_id] if self._has(principal, document_id) else {}
            return [pages[number] for number in sorted(pages)]

    def pages_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Page]:
        """Return the pages that exist, in the order asked for."""
        with self._lock:
            return [
                self._pages[document_id][number]
                for document_id, number in places
                if self._has(principal, document_id) and number in self._pages[document_id]
            ]

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return all chunks in order of page and offset."""
        with self._lock:
            return list(self._chunks[document_id]) if self._has(principal, document_id) else []

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return, for each visible document, how many points it has: its chunks, and its pages that have any."""
        with self._lock:
            return {
                document.id: len(self._chunks[document.id]) + len({chunk.page for chunk in self._chunks[document.id]})
                for document in self._by_name(principal, hidden=False)
            }

    def get_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> list[Chunk]:
        """Return the chunks that exist, in the order asked for."""
        with self._lock:
            found = {
                chunk.id: chunk
                for document_id, chunks in self._chunks.items()
                if self._has(principal, document_id)
                for chunk in chunks
            }
        return [found[chunk_id] for chunk_id in chunk_ids if chunk_id in found]

    def chunks_at(self, principal: Principal, places: Sequence[tuple[str, int]]) -> list[Chunk]:
        """Return the chunks of those pages, in the order asked for, then by offset."""
        return [
            chunk
            for document_id, number in places
            for chunk in self.chunks(principal, document_id)
            if chunk.page == number
        ]

    def put_instruments(self, principal: Principal, instruments: Iterable[Instrument]) -> None:
        """Add or replace the workspace's own instruments."""
        with self._lock:
            self._instruments.update({(principal.workspace, found.id): found for found in instruments})

    def list_instruments(self, principal: Principal) -> list[Instrument]:
        """Return the workspace's own instruments by id."""
        with self._lock:
            return [
                found for (workspace, _), found in sorted(self._instruments.items()) if workspace == principal.workspace
            ]

    def _has(self, principal: Principal, document_id: str) -> bool:
        document = self._documents.get(document_id)
        return document is not None and document.workspace == principal.workspace

    def _owned(self, principal: Principal, document_id: str) -> Document:
        if not self._has(principal, document_id):
            raise NotFound(f"no document has the id {document_id!r}")
        return self._documents[document_id]

    def _by_name(self, principal: Principal, *, hidden: bool) -> list[Document]:
        found = [
            document
            for document in self._documents.values()
            if document.workspace == principal.workspace and (document.id in self._hidden) == hidden
        ]
        return sorted(found, key=lambda document: (document.name, document.id))
