"""Writes a document's points: every chunk with its vector, every page whole for BM25."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from pipelines.ingest.chunks import RawChunk
from tieout.model import Chunk, Document, Page, Principal
from tieout.ports import Embedder, VectorIndex, VectorPoint


def page_point_id(document_id: str, number: int) -> str:
    """Return the id under which a whole page is indexed."""
    return f"{document_id}#{number}"


def place_of(point_id: str) -> tuple[str, int]:
    """Return (document id, page number) of a page's point id."""
    document_id, _, number = point_id.rpartition("#")
    return document_id, int(number)


def make_chunks(document_id: str, pages: Sequence[Page], raw: Sequence[RawChunk]) -> list[Chunk]:
    """Return chunks whose ids come from their content, so that unchanged ones keep theirs."""
    texts = {page.number: page.text for page in pages}
    seen: Counter[str] = Counter()
    chunks = []
    for piece in raw:
        text = texts[piece.page][piece.start : piece.end]
        content = "\0".join((document_id, piece.kind, piece.heading, text))
        seen[content] += 1
        digest = hashlib.sha256(f"{content}\0{seen[content]}".encode()).hexdigest()[:32]
        chunks.append(
            Chunk(f"chk_{digest}", document_id, piece.page, piece.start, piece.end, text, piece.heading, piece.kind)
        )
    return chunks


def write_points(
    principal: Principal,
    index: VectorIndex,
    embedder: Embedder,
    document: Document,
    pages: Sequence[Page],
    chunks: Sequence[Chunk],
    *,
    known: Collection[str] = (),
) -> None:
    """Embed and index what is not in `known` (ids of points that are in the index and still right)."""
    new = [chunk for chunk in chunks if chunk.id not in known]
    about = " ".join(
        str(part)
        for part in (document.company, document.ticker, document.form, document.fiscal_year)
        if part is not None
    )
    vectors = embedder.embed([f"{chunk.heading}\n{chunk.text}" if chunk.heading else chunk.text for chunk in new])
    points = [
        VectorPoint(chunk, vector, document, context=f"{about} {chunk.heading}".strip())
        for chunk, vector in zip(new, vectors, strict=True)
    ]
    full = {chunk.page for chunk in chunks}  # an empty page has no chunk
    for page in pages:
        name = page_point_id(document.id, page.number)
        if name not in known and page.number in full:
            whole = Chunk(name, document.id, page.number, 0, len(page.text), page.text, "", "page")
            points.append(VectorPoint(whole, None, document, context=about))
    index.upsert(principal, points)
