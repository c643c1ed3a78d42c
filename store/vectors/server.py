"""The vector index of the team profile: one collection on a Qdrant server or cluster.

Tested against qdrant-client's own local mode (`:memory:`), which speaks the same calls; a real server could not
be had where this was built, so the server itself is unproven.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from store.vectors.bm25 import document_vector, query_vector
from store.vectors.points import (
    CANDIDATES,
    DENSE,
    DENSE_WEIGHT,
    EVERYTHING,
    MOST_DOCUMENTS,
    PAGE_WORDS,
    WORDS,
    conditions,
    floats,
    fuse,
    indexed_text,
    is_page,
    payload,
    point_id,
)
from tieout.errors import NotAvailable, StorageFull
from tieout.model import Principal
from tieout.ports import SearchFilter, VectorPoint

_BATCH = 256


class ServerVectorIndex:
    """A VectorIndex over qdrant-client. All workspaces share the collection; every call filters by workspace."""

    def __init__(self, client: Any, dimensions: int, *, model: str = "", collection: str = "tieout") -> None:
        """Take a `qdrant_client.QdrantClient` and make the collection if it is not there. Raises NotAvailable.

        Each embedding `model` (its name) has a collection of its own, so that vectors of two never mix.
        """
        self._client = client
        digest = hashlib.sha256(f"{model}\0{dimensions}".encode()).hexdigest()[:12]
        self._collection = f"{collection}-{digest}"
        self._call(lambda: self._prepare(dimensions))

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        """Add or replace points by chunk id; searchable on return."""
        for start in range(0, len(points), _BATCH):
            batch = [_point(principal, point) for point in points[start : start + _BATCH]]
            self._call(lambda batch=batch: self._client.upsert(self._collection, batch, wait=True))  # type: ignore[misc]

    def remove_document(self, principal: Principal, document_id: str) -> None:
        """Drop the points of a document."""
        self._delete(_filter([("workspace", [principal.workspace]), ("document", [document_id])]))

    def remove_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> None:
        """Drop single points."""
        if chunk_ids:
            self._delete([point_id(principal, name) for name in chunk_ids])

    def clear(self, principal: Principal) -> None:
        """Drop all points of the workspace."""
        self._delete(_filter([("workspace", [principal.workspace])]))

    def count(self, principal: Principal) -> int:
        """Return how many points the workspace has."""
        where = _filter(conditions(principal, SearchFilter()))
        return int(self._call(lambda: self._client.count(self._collection, count_filter=where, exact=True).count))

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return how many points the workspace has of each document id."""
        where = _filter(conditions(principal, SearchFilter()))
        found = self._call(
            lambda: self._client.facet(
                self._collection, "document", facet_filter=where, limit=MOST_DOCUMENTS, exact=True
            )
        )
        return {str(hit.value): int(hit.count) for hit in found.hits}

    def search(
        self,
        principal: Principal,
        text: str,
        vector: Any,
        *,
        limit: int,
        where: SearchFilter = EVERYTHING,
    ) -> list[tuple[str, float]]:
        """Return (chunk id, score), best first."""
        from qdrant_client import models

        allowed = _filter(conditions(principal, where))
        tokens, weights = query_vector(text)
        words = PAGE_WORDS if "page" in where.kinds else WORDS
        depth = limit if vector is None else max(limit, CANDIDATES)
        by_words = (
            self._query(models.SparseVector(indices=tokens, values=weights), words, allowed, depth) if tokens else []
        )
        if vector is None:
            return by_words
        by_vector = self._query(floats(vector), DENSE, allowed, depth)
        return fuse([([name for name, _ in by_words], 1.0), ([name for name, _ in by_vector], DENSE_WEIGHT)], limit)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _query(self, query: Any, using: str, allowed: Any, limit: int) -> list[tuple[str, float]]:
        answer = self._call(
            lambda: self._client.query_points(
                self._collection, query=query, using=using, query_filter=allowed, limit=limit, with_payload=["chunk"]
            )
        )
        return [(str(point.payload["chunk"]), float(point.score)) for point in answer.points]

    def _prepare(self, dimensions: int) -> None:
        from qdrant_client import models

        if self._client.collection_exists(self._collection):
            return
        sparse = models.SparseVectorParams(modifier=models.Modifier.IDF)
        self._client.create_collection(
            self._collection,
            vectors_config={DENSE: models.VectorParams(size=dimensions, distance=models.Distance.COSINE)},
            sparse_vectors_config={WORDS: sparse, PAGE_WORDS: sparse},
        )
        for field in ("workspace", "document", "instrument", "form", "kind"):
            self._index(field, models.PayloadSchemaType.KEYWORD)
        self._index("fiscal_year", models.PayloadSchemaType.INTEGER)

    def _index(self, field: str, kind: Any) -> None:
        import warnings

        with warnings.catch_warnings():  # local mode has no payload indexes and says so each time
            warnings.filterwarnings("ignore", message="Payload indexes have no effect")
            self._client.create_payload_index(self._collection, field, kind)

    def _delete(self, selector: Any) -> None:
        self._call(lambda: self._client.delete(self._collection, selector, wait=True))

    def _call[T](self, call: Callable[[], T]) -> T:
        from qdrant_client.http.exceptions import ApiException

        try:
            return call()
        except (ApiException, OSError) as error:
            if "space left" in str(error) or "disk" in str(error).lower():
                raise StorageFull("the Qdrant server's disk is full; free some space there") from error
            raise NotAvailable(f"the Qdrant server did not answer as it should: {error}") from error


def _point(principal: Principal, point: VectorPoint) -> Any:
    from qdrant_client import models

    page = is_page(point)
    tokens, weights = document_vector(indexed_text(point), page=page)
    sparse = models.SparseVector(indices=tokens, values=weights)
    vectors: dict[str, Any] = {PAGE_WORDS if page else WORDS: sparse}
    if point.vector is not None:
        vectors[DENSE] = floats(point.vector)
    return models.PointStruct(id=point_id(principal, point.chunk.id), vector=vectors, payload=payload(principal, point))


def _filter(wanted: Iterable[tuple[str, list[Any]]]) -> Any:
    from qdrant_client import models

    return models.Filter(
        must=[models.FieldCondition(key=field, match=models.MatchAny(any=values)) for field, values in wanted]
    )
