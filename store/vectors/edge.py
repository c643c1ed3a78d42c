"""The vector index of the embedded profile: a Qdrant Edge shard in the data folder, owned by one process.

The write-ahead log stays on, so an acknowledged point survives a kill. `optimize()` is never called: it holds
the interpreter for seconds, and without it search is exact and fast enough (FACTS: 5 ms at 100,000 points).
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
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
from tieout.errors import FolderLocked, NotAvailable, StorageFull
from tieout.files import write_atomically
from tieout.model import Principal
from tieout.ports import SearchFilter, VectorPoint

_BATCH = 512
_MODEL = "embedder.json"  # beside the shard's own files: whose vectors they are
_INDEXED = ("workspace", "document", "instrument", "form", "kind")


class EdgeVectorIndex:
    """A VectorIndex in a folder. Safe to use from many threads of the one process that owns the folder."""

    def __init__(self, folder: Path, dimensions: int, *, model: str = "") -> None:
        """Open or create the shard; one with the vectors of another `model` (its name) is begun anew, empty.

        Raises FolderLocked when another process has it, NotAvailable when it is damaged.
        """
        self._folder = folder
        self._lock = threading.RLock()
        made_with = self._made_with() or (model, dimensions)
        self._dimensions = made_with[1]
        self._shard = self._open()
        if made_with != (model, dimensions):  # opened first, because only that tells whether another process has it
            self._shard.close()
            aside = folder.with_name(f"{folder.name}.old")  # a removal that is cut off leaves no half of a shard
            shutil.rmtree(aside, ignore_errors=True)
            folder.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
            self._dimensions = dimensions
            self._shard = self._open()
        write_atomically(folder / _MODEL, json.dumps({"model": model, "dimensions": dimensions}).encode())

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        """Add or replace points by chunk id; on return they are in the write-ahead log and searchable."""
        import qdrant_edge as edge

        for start in range(0, len(points), _BATCH):
            batch = [self._point(principal, point) for point in points[start : start + _BATCH]]
            self._update(edge.UpdateOperation.upsert_points(batch))

    def remove_document(self, principal: Principal, document_id: str) -> None:
        """Drop the points of a document."""
        self._delete([("workspace", [principal.workspace]), ("document", [document_id])])

    def remove_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> None:
        """Drop single points."""
        import qdrant_edge as edge

        if chunk_ids:
            self._update(edge.UpdateOperation.delete_points([point_id(principal, name) for name in chunk_ids]))

    def clear(self, principal: Principal) -> None:
        """Drop all points of the workspace."""
        self._delete([("workspace", [principal.workspace])])

    def count(self, principal: Principal) -> int:
        """Return how many points the workspace has."""
        import qdrant_edge as edge

        where = _filter(conditions(principal, SearchFilter()))
        with self._lock:
            return int(self._shard.count(edge.CountRequest(filter=where, exact=True)))

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return how many points the workspace has of each document id."""
        import qdrant_edge as edge

        where = _filter(conditions(principal, SearchFilter()))
        with self._lock:
            found = self._shard.facet(edge.FacetRequest("document", limit=MOST_DOCUMENTS, exact=True, filter=where))
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
        import qdrant_edge as edge

        allowed = _filter(conditions(principal, where))
        depth = limit if vector is None else max(limit, CANDIDATES)
        requests = []
        tokens, weights = query_vector(text)
        if tokens:
            requests.append(
                edge.QueryRequest(
                    limit=depth,
                    query=edge.Query.Nearest(
                        edge.SparseVector(tokens, weights), using=PAGE_WORDS if "page" in where.kinds else WORDS
                    ),
                    filter=allowed,
                    with_payload=["chunk"],
                    params=edge.SearchParams(
                        idf=edge.IdfParams(corpus=_filter([("workspace", [principal.workspace])]))
                    ),
                )
            )
        if vector is not None:
            requests.append(
                edge.QueryRequest(
                    limit=depth,
                    query=edge.Query.Nearest(floats(vector), using=DENSE),
                    filter=allowed,
                    with_payload=["chunk"],
                )
            )
        if not requests:
            return []
        with self._lock:
            answers = self._shard.query_batch(edge.QueryBatchRequest(requests))
        ranked = [[(found.payload["chunk"], found.score) for found in answer] for answer in answers]
        if vector is None:
            return ranked[0]
        weights_of = [1.0, DENSE_WEIGHT] if tokens else [DENSE_WEIGHT]
        names = [[name for name, _ in ranking] for ranking in ranked]
        return fuse(list(zip(names, weights_of, strict=True)), limit)

    def close(self) -> None:
        """Flush and release the folder."""
        with self._lock:
            self._shard.close()

    def _made_with(self) -> tuple[str, int] | None:
        try:
            kept = json.loads((self._folder / _MODEL).read_text(encoding="utf-8"))
            return str(kept["model"]), int(kept["dimensions"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotAvailable(
                f"{self._folder / _MODEL} cannot be read ({error}); delete that folder and run `tieout reindex`"
            ) from error

    def _open(self) -> Any:
        import qdrant_edge as edge

        config = edge.EdgeConfig(
            vectors={DENSE: edge.EdgeVectorParams(size=self._dimensions, distance=edge.Distance.Cosine)},
            sparse_vectors={
                WORDS: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf),
                PAGE_WORDS: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf),
            },
        )
        try:
            if (self._folder / "edge_config.json").is_file():
                return edge.EdgeShard.load(str(self._folder), config)
            if self._folder.exists():  # a creation that was cut off: nothing was ever acknowledged
                shutil.rmtree(self._folder)
            self._folder.mkdir(parents=True)
            shard = edge.EdgeShard.create(str(self._folder), config)
            for field in _INDEXED:
                shard.update(edge.UpdateOperation.create_field_index(field, edge.PayloadSchemaType.Keyword))
            shard.update(edge.UpdateOperation.create_field_index("fiscal_year", edge.PayloadSchemaType.Integer))
        except Exception as error:
            if "WouldBlock" in str(error) or "lock" in str(error).lower():
                raise FolderLocked(f"another process owns the vectors in {self._folder}; stop it first") from error
            raise NotAvailable(
                f"the vectors in {self._folder} cannot be opened ({error}); delete that folder and run `tieout reindex`"
            ) from error
        return shard

    def _point(self, principal: Principal, point: VectorPoint) -> Any:
        import qdrant_edge as edge

        page = is_page(point)
        tokens, weights = document_vector(indexed_text(point), page=page)
        vectors: dict[str, Any] = {PAGE_WORDS if page else WORDS: edge.SparseVector(tokens, weights)}
        if point.vector is not None:
            vectors[DENSE] = floats(point.vector)
        return edge.Point(point_id(principal, point.chunk.id), vectors, payload(principal, point))

    def _delete(self, wanted: Iterable[tuple[str, list[Any]]]) -> None:
        import qdrant_edge as edge

        self._update(edge.UpdateOperation.delete_points_by_filter(_filter(wanted)))

    def _update(self, operation: Any) -> None:
        with self._lock:
            try:
                self._shard.update(operation)
            except Exception as error:
                if "No space left" in str(error) or "os error 28" in str(error):
                    raise StorageFull(f"the disk that holds {self._folder} is full; free some space") from error
                raise NotAvailable(f"the vector index in {self._folder} refused a write: {error}") from error


def _filter(wanted: Iterable[tuple[str, list[Any]]]) -> Any:
    import qdrant_edge as edge

    return edge.Filter(
        must=[
            edge.FieldCondition(
                key=field, match=edge.MatchValue(values[0]) if len(values) == 1 else edge.MatchAny(values)
            )
            for field, values in wanted
        ]
    )
