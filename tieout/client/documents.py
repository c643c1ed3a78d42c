"""The use cases of documents over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tieout import codec
from tieout.client.http import HttpTransport, absolute, problem_error, segment
from tieout.model import Chunk, Document, Hit, Page, Principal
from tieout.ports import IngestOutcome


class HttpDocuments(HttpTransport):
    """A `DocumentDesk` behind a service's URL; paths are of this machine."""

    def ingest(
        self,
        principal: Principal,
        paths: Sequence[Path],
        *,
        progress: Callable[[IngestOutcome, int, int], None] | None = None,
    ) -> list[IngestOutcome]:
        """Have the service read files and folders of this machine into its library."""
        outcomes: list[IngestOutcome] = []
        with self._stream("POST", "documents", principal, json={"paths": absolute(paths)}) as lines:
            for line in lines:
                message = json.loads(line)
                if "error" in message:
                    raise problem_error(message["error"])
                if "outcomes" in message:
                    outcomes = codec.load(list[IngestOutcome], message["outcomes"])
                elif progress is not None:
                    progress(codec.load(IngestOutcome, message["outcome"]), message["done"], message["total"])
        return outcomes

    def documents(self, principal: Principal) -> list[Document]:
        """Return all documents by name."""
        return codec.load(list[Document], self._json("GET", "documents", principal))

    def pages(self, principal: Principal, reference: str) -> list[Page]:
        """Return the pages of a document."""
        return codec.load(list[Page], self._json("GET", f"documents/{segment(reference)}/pages", principal))

    def chunks(self, principal: Principal, reference: str) -> list[Chunk]:
        """Return the pieces that search quotes of a document, in reading order."""
        return codec.load(list[Chunk], self._json("GET", f"documents/{segment(reference)}/chunks", principal))

    def original(self, principal: Principal, reference: str) -> bytes:
        """Return a document's file as it was read in."""
        return self._send("GET", f"documents/{segment(reference)}/file", principal).content

    def share_document(self, principal: Principal, reference: str) -> Document:
        """Open a document of the principal's audience to all of the workspace."""
        return codec.load(Document, self._json("POST", "documents/share", principal, params={"reference": reference}))

    def remove_document(self, principal: Principal, reference: str) -> Document:
        """Remove a document by id, name or title."""
        data = self._json("DELETE", "documents", principal, params={"reference": reference})
        return codec.load(Document, data)

    def reindex(self, principal: Principal) -> int:
        """Rebuild all vectors; return the number of chunks."""
        return int(self._json("POST", "reindex", principal)["chunks"])

    def search(self, principal: Principal, query: str, *, limit: int = 10, document: str | None = None) -> list[Hit]:
        """Return spans best first, of one document when named."""
        body = {"query": query, "limit": limit, "document": document}
        return codec.load(list[Hit], self._json("POST", "search", principal, json=body))

    def check(
        self, principal: Principal, text: str, *, documents: Sequence[Path] = (), tickers: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Tie out a text that somebody else wrote."""
        body = {"text": text, "documents": absolute(documents), "tickers": list(tickers)}
        checked: Mapping[str, Any] = self._json("POST", "check", principal, json=body)
        return checked
