"""Makes BM25 sparse vectors with Qdrant's own model, the same for every index, so that their rankings agree."""

from __future__ import annotations

from functools import cache
from typing import Any

CHUNK_WORDS = 160.0  # measured average lengths over filings, in words that are not stop words
PAGE_WORDS = 330.0


@cache
def _model(words: float, b: float) -> Any:
    import qdrant_edge as edge

    return edge.Bm25(edge.Bm25Config(k=1.2, b=b, avg_len=words, language="english"))


def document_vector(text: str, *, page: bool) -> tuple[list[int], list[float]]:
    """Return (token ids, weights) of an indexed text; a whole page and a chunk have their own average length."""
    vector = _model(PAGE_WORDS, 0.6).embed_document(text) if page else _model(CHUNK_WORDS, 0.75).embed_document(text)
    return list(vector.indices), list(vector.values)


def query_vector(text: str) -> tuple[list[int], list[float]]:
    """Return (token ids, weights) of a query. A word that stands more than once weighs as often."""
    weights: dict[int, float] = {}
    for word in text.split():
        vector = _model(CHUNK_WORDS, 0.75).embed_query(word)
        for token, weight in zip(vector.indices, vector.values, strict=True):
            weights[token] = weights.get(token, 0.0) + weight
    return list(weights), list(weights.values())
