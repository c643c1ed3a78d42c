"""Embeddings, the hybrid index, the library over them, and the registry of companies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tieout.model import Chunk, Document, Figure, Hit, Instrument, Page, Principal, Span


class Embedder(Protocol):
    """Turns texts into unit vectors."""

    name: str
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Any:
        """Return a float32 array of shape (len(texts), dimensions), rows of length 1."""
        ...


@dataclass(frozen=True)
class VectorPoint:
    """A chunk as the index keeps it: derived data, rebuilt by `tieout reindex`.

    A whole page is indexed too, as a chunk of kind 'page'; its `vector` is None and it takes part in BM25 only.
    """

    chunk: Chunk
    vector: Any
    document: Document
    context: str = ""  # text indexed for BM25 besides the chunk's own (title, heading)


@dataclass(frozen=True)
class SearchFilter:
    """Narrows a search before it ranks. Empty tuples mean no limit."""

    document_ids: tuple[str, ...] = ()
    instrument_ids: tuple[str, ...] = ()
    fiscal_years: tuple[int, ...] = ()
    forms: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()  # prose | table | page


class VectorIndex(Protocol):
    """Hybrid index: dense and BM25 vectors with rank fusion and payload filters."""

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        """Add or replace points by chunk id; searchable on return."""
        ...

    def remove_document(self, principal: Principal, document_id: str) -> None:
        """Drop the points of a document."""
        ...

    def remove_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> None:
        """Drop single points."""
        ...

    def clear(self, principal: Principal) -> None:
        """Drop all points of the workspace."""
        ...

    def count(self, principal: Principal) -> int:
        """Return how many points the workspace has."""
        ...

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return how many points the workspace has of each document id."""
        ...

    def search(
        self,
        principal: Principal,
        text: str,
        vector: Any,
        *,
        limit: int,
        where: SearchFilter = SearchFilter(),
    ) -> list[tuple[str, float]]:
        """Return (chunk id, score) best first, fused from the dense and the BM25 ranking.

        With `vector` None the ranking is BM25 alone and the score its own. Whole pages are found only when
        `where.kinds` names 'page'.
        """
        ...

    def close(self) -> None:
        """Release files and locks."""
        ...


@dataclass(frozen=True)
class IngestOutcome:
    """What became of one file: status 'added' | 'updated' | 'unchanged' | 'refused'."""

    name: str
    status: str
    document: Document | None = None
    reason: str = ""


class Library(Protocol):
    """The knowledge base: ingest, list, remove, search, quote."""

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files and folders into the library; a bad file is refused by name and the rest goes on."""
        ...

    def documents(self, principal: Principal) -> list[Document]:
        """Return the documents by name that all who read what the principal is answered may read."""
        ...

    def remove(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title, with its vectors and blob."""
        ...

    def share(self, principal: Principal, reference: str) -> Document:
        """Open a document to all of the workspace."""
        ...

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors from SQL and blobs; return the number of chunks."""
        ...

    def search(
        self,
        principal: Principal,
        query: str,
        *,
        limit: int = 10,
        where: SearchFilter = SearchFilter(),
        resolve: bool = True,
    ) -> list[Hit]:
        """Return spans for the query, best first.

        With `resolve`, companies and periods named in the query narrow the search when the library has them.
        """
        ...

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return a document's pages."""
        ...

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return the pieces of a document that search quotes, in reading order."""
        ...

    def span(self, principal: Principal, document_id: str, page: int, start: int, end: int) -> Span:
        """Return the quotation at that place; `quote == page.text[start:end]`."""
        ...

    def unsound(self, principal: Principal) -> list[str]:
        """Return the ids of documents whose vectors are not what the text calls for, also of removed ones."""
        ...

    def figures(self, principal: Principal, document_id: str) -> list[Figure]:
        """Return all reported numbers of the document's tables (read once, then kept)."""
        ...


class Registry(Protocol):
    """Companies and securities by name, former name, ticker and identifier."""

    def get(self, principal: Principal, reference: str) -> Instrument:
        """Return the instrument of a ticker, name or identifier. Raises UnknownInstrument or NeedsAnswer."""
        ...

    def mentioned(self, principal: Principal, text: str) -> list[Instrument]:
        """Return the instruments that a text names, in order of first mention, without doubt only."""
        ...
