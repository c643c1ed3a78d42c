"""The knowledge base that use cases see: ingest, list, remove, search, quote, read figures."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from pipelines.ingest.ingestion import Ingestion, Progress
from pipelines.registry.registry import CompanyRegistry
from pipelines.retrieval.search import Searcher, make_span
from tieout.errors import InvalidInput, NotAvailable
from tieout.model import Chunk, Document, Figure, Hit, Page, Principal, Span
from tieout.ports import BlobStore, ContentStore, Embedder, IngestOutcome, SearchFilter, VectorIndex

FigureReader = Callable[[Document, Sequence[Page]], list[Figure]]
_KEPT_FIGURES = 64  # documents
_EVERYTHING = SearchFilter()


class DocumentLibrary:
    """A Library over the given parts. Safe to use from many threads; a workspace is written by one at a time."""

    def __init__(
        self,
        content: ContentStore,
        blobs: BlobStore,
        index: VectorIndex,
        embedder: Embedder,
        registry: CompanyRegistry,
        *,
        read_figures: FigureReader | None = None,
        workers: int | None = None,
    ) -> None:
        """`workers` processes read files (default: one per core, at most four; 0: read in this process)."""
        self._content = content
        self._index = index
        self._registry = registry
        self._read_figures = read_figures
        count = min(4, os.cpu_count() or 1) if workers is None else workers
        self._ingestion = Ingestion(content, blobs, index, embedder, registry, count)
        self._searcher = Searcher(content, index, embedder)
        self._locks: dict[str, threading.RLock] = {}
        self._making_locks = threading.Lock()
        self._ready: set[str] = set()  # workspaces whose index was checked
        self._figures: OrderedDict[tuple[str, str], list[Figure]] = OrderedDict()

    def ingest(
        self, principal: Principal, paths: Sequence[Path], *, progress: Progress | None = None
    ) -> list[IngestOutcome]:
        """Read files and folders into the library; a bad file is refused by name and the rest goes on.

        What is read is open to the principal's audience.
        Raises InvalidInput when a path does not exist or no file is found, StorageFull when the disk is full
        (files before that one are in, the others are not).
        """
        with self._writing(principal):
            self._check(principal)  # readers need not wait for the rest

            def told(outcome: IngestOutcome, done: int, total: int) -> None:
                if outcome.document is not None and outcome.status != "unchanged":
                    self._searcher.learn(outcome.document, self._content.pages(principal, outcome.document.id))
                if progress is not None:
                    progress(outcome, done, total)

            return self._ingestion.run(principal, paths, told)

    def documents(self, principal: Principal) -> list[Document]:
        """Return the documents by name that all who read what the principal is answered may read."""
        self._check(principal)
        return [document for document in self._content.list_documents(principal) if document.open_to(principal)]

    def share(self, principal: Principal, reference: str) -> Document:
        """Open a document to all of the workspace. Raises NotFound, NeedsAnswer."""
        with self._writing(principal):
            document = self._content.get_document(principal, reference)
            self._content.set_audiences(principal, document.id, ())
            return replace(document, audiences=())

    def remove(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title, with its vectors and blob. Raises NotFound, NeedsAnswer."""
        with self._writing(principal):
            document = self._content.get_document(principal, reference)
            self._content.remove_document(principal, document.id)
            self._index.remove_document(principal, document.id)
            self._ingestion.drop_blob(principal, document.sha256)
            self._figures.pop((document.id, document.sha256), None)
            return document

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors from SQL; return the number of chunks."""
        with self._writing(principal):
            return self._ingestion.rebuild(principal)

    def search(
        self,
        principal: Principal,
        query: str,
        *,
        limit: int = 10,
        where: SearchFilter = _EVERYTHING,
        resolve: bool = True,
    ) -> list[Hit]:
        """Return spans for the query, one a page, best first. Raises InvalidInput for an empty query.

        With `resolve`, companies and periods named in the query narrow the search when the library has them.
        """
        if not query.strip():
            raise InvalidInput("the query is empty; say what to look for")
        if limit < 1:
            raise InvalidInput(f"the number of hits must be at least 1, not {limit}")
        documents = self.documents(principal)
        where = _within(where, documents)
        named = self._registry.mentioned(principal, query) if resolve else []
        return self._searcher.search(principal, query, documents, named, limit=limit, where=where, resolve=resolve)

    def pages(self, principal: Principal, document_id: str) -> list[Page]:
        """Return a document's pages. Raises NotFound."""
        return self._content.pages(principal, self._content.get_document(principal, document_id).id)

    def chunks(self, principal: Principal, document_id: str) -> list[Chunk]:
        """Return the pieces of a document that search quotes, in reading order. Raises NotFound."""
        return self._content.chunks(principal, self._content.get_document(principal, document_id).id)

    def span(self, principal: Principal, document_id: str, page: int, start: int, end: int) -> Span:
        """Return the quotation at that place. Raises NotFound, and InvalidInput when it is not on the page."""
        document = self._content.get_document(principal, document_id)
        found = self._content.page(principal, document.id, page)
        if not 0 <= start < end <= len(found.text):
            raise InvalidInput(
                f"characters {start} to {end} are not on page {page} of {document.name}, which has {len(found.text)}"
            )
        return make_span(document, found, start, end)

    def figures(self, principal: Principal, document_id: str) -> list[Figure]:
        """Return all reported numbers of the document's tables (read once, then kept)."""
        if self._read_figures is None:
            raise NotAvailable("this library was made without a reader of figures")
        document = self._content.get_document(principal, document_id)
        key = (document.id, document.sha256)
        known = self._figures.get(key)
        if known is None:
            known = self._read_figures(document, self._content.pages(principal, document.id))
            self._figures[key] = known
            while len(self._figures) > _KEPT_FIGURES:
                self._figures.popitem(last=False)
        return list(known)

    def unsound(self, principal: Principal) -> list[str]:
        """Return the ids of documents whose vectors are not what the text calls for, also of removed ones."""
        return self._ingestion.unsound(principal)

    def _writing(self, principal: Principal) -> threading.RLock:
        with self._making_locks:
            return self._locks.setdefault(principal.workspace, threading.RLock())

    def _check(self, principal: Principal) -> None:
        """Once for each workspace: finish a cut-off ingestion, and write vectors that are missing."""
        if principal.workspace in self._ready:
            return
        with self._writing(principal):
            if principal.workspace not in self._ready:
                self._ingestion.repair(principal)
                self._ready.add(principal.workspace)


def _within(where: SearchFilter, documents: Sequence[Document]) -> SearchFilter:
    """Return the filter with the documents named that may be found: what is hidden must not take their places."""
    wanted = set(where.document_ids)
    return replace(where, document_ids=tuple(one.id for one in documents if not wanted or one.id in wanted))
