"""The use cases of documents: the library, search in it, and tying out a text that somebody else wrote."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tieout.errors import InvalidInput, NeedsAnswer, NotFound
from tieout.model import Chunk, Document, Hit, Page, Principal, Role
from tieout.ports import IngestOutcome, SearchFilter
from tieout.use_cases.common import UseCases, question_text, readable, require, valid_text
from tieout.use_cases.requests import known_ticker

MAX_TEXT = 2_000_000  # characters of a text to check
MAX_HITS = 200


class DocumentUseCases(UseCases):
    """Documents of a workspace: viewers read and search, members also add, admins also remove."""

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Read files and folders into the library; a bad file is refused by name and the rest goes on.

        What is read is open to the principal's audience, and to no one else when that is a circle.
        Raises InvalidInput when a path does not exist or there is nothing to read.
        """
        require(principal, Role.MEMBER, "add documents")
        files = readable(paths)
        outcomes = self.parts.library.ingest(principal, files, progress=progress)
        if not outcomes:
            names = ", ".join(str(path) for path in paths)
            raise InvalidInput(f"There is no file to read in {names}. Give PDF, HTML, Markdown or text files.")
        return outcomes

    def documents(self, principal: Principal) -> list[Document]:
        """Return the documents by name that all who read what the principal is answered may read."""
        return self.parts.library.documents(principal)

    def pages(self, principal: Principal, reference: str) -> list[Page]:
        """Return the pages of a document, by id, name or title. Raises NotFound."""
        return self.parts.library.pages(principal, find_document(self.documents(principal), reference).id)

    def chunks(self, principal: Principal, reference: str) -> list[Chunk]:
        """Return the pieces that search quotes of a document, in reading order. Raises NotFound."""
        return self.parts.library.chunks(principal, find_document(self.documents(principal), reference).id)

    def original(self, principal: Principal, reference: str) -> bytes:
        """Return a document's file as it was read in. Raises NotFound."""
        found = find_document(self.documents(principal), reference)
        if self.parts.originals is None:
            raise NotFound(f"The file of {found.name} is not kept here.")
        return self.parts.originals.get(principal, found.sha256)

    def share_document(self, principal: Principal, reference: str) -> Document:
        """Open a document of the principal's audience to all of the workspace. Raises NotFound, PermissionDenied."""
        require(principal, Role.MEMBER, "share documents")
        return self.parts.library.share(principal, reference)

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title. Raises NotFound, PermissionDenied."""
        require(principal, Role.ADMIN, "remove documents")
        return self.parts.library.remove(principal, reference)

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors from SQL and blobs; return the number of chunks."""
        require(principal, Role.MEMBER, "rebuild the index")
        return self.parts.library.reindex(principal)

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named. Raises InvalidInput, NotFound."""
        if not 1 <= limit <= MAX_HITS:
            raise InvalidInput(f"The number of hits must be from 1 to {MAX_HITS}, not {limit}.")
        query = question_text(query, "The search query")
        if document is None:
            return self.parts.library.search(principal, query, limit=limit)
        found = find_document(self.documents(principal), document)
        where = SearchFilter(document_ids=(found.id,))
        return self.parts.library.search(principal, query, limit=limit, where=where, resolve=False)

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote; return `ledger` and `numbers`.

        Raises InvalidInput, RefusedFile, NotFound, and PermissionDenied to a viewer who names files of this machine.
        """
        if documents:
            require(principal, Role.MEMBER, "read files of this machine")
        if not text.strip():
            raise InvalidInput("The draft is empty; there is nothing to check.")
        if len(text) > MAX_TEXT:
            raise InvalidInput(f"The draft has {len(text)} characters; at most {MAX_TEXT} can be checked at once.")
        valid_text(text, "The draft")
        known = [known_ticker(self.parts, principal, ticker) for ticker in tickers]
        return self.checker.check(principal, text, documents=readable(documents), tickers=known)


def find_document(documents: Sequence[Document], reference: str) -> Document:
    """Return the one document that an id, file name, stem or title stands for.

    Raises NotFound with near matches, NeedsAnswer when several documents fit.
    """
    wanted = reference.strip().casefold()
    fields: list[Callable[[Document], str]] = [
        lambda one: one.id,
        lambda one: one.name,
        lambda one: one.name.rsplit(".", 1)[0],
        lambda one: one.title,
    ]
    for field in fields:
        found = [one for one in documents if field(one).casefold() == wanted]
        if len(found) == 1:
            return found[0]
        if found:
            choices = ", ".join(f"{one.name} ({one.id})" for one in found)
            raise NeedsAnswer(f"Several documents are called {reference!r}; which one? {choices}")
    near = difflib.get_close_matches(reference, [one.name for one in documents], n=3, cutoff=0.4)
    hint = f" Did you mean {', '.join(near)}?" if near else " `tieout documents list` shows those there are."
    raise NotFound(f"The library has no document {reference!r}.{hint}")
