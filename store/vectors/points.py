"""What every vector index agrees on: names of vectors and payload fields, point ids, and rank fusion."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import Any

from tieout.model import Principal
from tieout.ports import SearchFilter, VectorPoint

DENSE = "dense"
WORDS = "words"  # BM25 over a chunk with its context
PAGE_WORDS = "page_words"  # BM25 over a whole page
RRF_K = 20
DENSE_WEIGHT = 0.5  # against 1 for BM25: static vectors are the weaker judge (benchmarks/search.py)
EVERYTHING = SearchFilter()
MOST_DOCUMENTS = 1_000_000  # that are counted in one workspace
CANDIDATES = 100  # of each ranking that are fused

_NAMESPACE = uuid.UUID("6f5a2d5e-2b43-4a53-9d53-74696f757401")


def point_id(principal: Principal, chunk_id: str) -> str:
    """Return the point's UUID; two workspaces never share one."""
    return str(uuid.uuid5(_NAMESPACE, f"{principal.workspace}\0{chunk_id}"))


def is_page(point: VectorPoint) -> bool:
    """Whether the point is a whole page."""
    return point.chunk.kind == "page"


def indexed_text(point: VectorPoint) -> str:
    """Return what BM25 reads of a point: its context, then its text."""
    return f"{point.context}\n{point.chunk.text}" if point.context else point.chunk.text


def payload(principal: Principal, point: VectorPoint) -> dict[str, Any]:
    """Return the fields that searches filter by, and the chunk's id. The text itself stays in SQL."""
    document = point.document
    return {
        "workspace": principal.workspace,
        "chunk": point.chunk.id,
        "document": document.id,
        "kind": point.chunk.kind,
        "instrument": document.instrument_id,
        "fiscal_year": document.fiscal_year,
        "form": document.form,
    }


def conditions(principal: Principal, where: SearchFilter) -> list[tuple[str, list[Any]]]:
    """Return (payload field, allowed values) that must all hold; the workspace is always one of them."""
    wanted: list[tuple[str, Iterable[Any]]] = [
        ("workspace", (principal.workspace,)),
        ("document", where.document_ids),
        ("instrument", where.instrument_ids),
        ("fiscal_year", where.fiscal_years),
        ("form", where.forms),
        ("kind", where.kinds),
    ]
    return [(field, list(values)) for field, values in wanted if values]


def floats(vector: Any) -> list[float]:
    """Return a vector's values as plain floats."""
    return list(vector.tolist() if hasattr(vector, "tolist") else map(float, vector))


def fuse(rankings: Sequence[tuple[Sequence[str], float]], limit: int) -> list[tuple[str, float]]:
    """Fuse rankings of ids, each with its weight, by reciprocal rank: sum of weight / (k + rank)."""
    scores: dict[str, float] = {}
    for ranking, weight in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + weight / (RRF_K + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:limit]
