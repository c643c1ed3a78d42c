"""A vector index in memory: exact dense scan and BM25 with the corpus's own document frequencies."""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from store.vectors.bm25 import document_vector, query_vector
from store.vectors.points import CANDIDATES, DENSE_WEIGHT, EVERYTHING, conditions, fuse, indexed_text, is_page, payload
from tieout.model import Principal
from tieout.ports import SearchFilter, VectorPoint


@dataclass(frozen=True)
class _Entry:
    payload: Mapping[str, Any]
    vector: Any
    words: Mapping[int, float]


class MemoryVectorIndex:
    """A VectorIndex for tests and small throw-away libraries. Safe to use from many threads."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._lock = threading.RLock()

    def upsert(self, principal: Principal, points: Sequence[VectorPoint]) -> None:
        """Add or replace points by chunk id."""
        entries = {}
        for point in points:
            words = dict(zip(*document_vector(indexed_text(point), page=is_page(point)), strict=True))
            vector = None if point.vector is None else np.asarray(point.vector, dtype=np.float32)
            entries[principal.workspace, point.chunk.id] = _Entry(payload(principal, point), vector, words)
        with self._lock:
            self._entries.update(entries)

    def remove_document(self, principal: Principal, document_id: str) -> None:
        """Drop the points of a document."""
        self._drop(lambda found: found["workspace"] == principal.workspace and found["document"] == document_id)

    def remove_chunks(self, principal: Principal, chunk_ids: Sequence[str]) -> None:
        """Drop single points."""
        with self._lock:
            for chunk_id in chunk_ids:
                self._entries.pop((principal.workspace, chunk_id), None)

    def clear(self, principal: Principal) -> None:
        """Drop all points of the workspace."""
        self._drop(lambda found: found["workspace"] == principal.workspace)

    def count(self, principal: Principal) -> int:
        """Return how many points the workspace has."""
        with self._lock:
            return sum(1 for workspace, _ in self._entries if workspace == principal.workspace)

    def point_counts(self, principal: Principal) -> dict[str, int]:
        """Return how many points the workspace has of each document id."""
        with self._lock:
            return dict(
                Counter(
                    entry.payload["document"]
                    for (workspace, _), entry in self._entries.items()
                    if workspace == principal.workspace
                )
            )

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
        pages = "page" in where.kinds
        with self._lock:
            corpus = [
                entry
                for (workspace, _), entry in self._entries.items()
                if workspace == principal.workspace and (entry.payload["kind"] == "page") == pages
            ]
        wanted = conditions(principal, where)
        allowed = [entry for entry in corpus if all(entry.payload[field] in values for field, values in wanted)]
        by_words = _rank_words(text, corpus, allowed)
        if vector is None:
            return by_words[:limit]
        depth = max(limit, CANDIDATES)
        by_vector = _rank_vectors(vector, allowed)[:depth]
        return fuse([([name for name, _ in by_words[:depth]], 1.0), (by_vector, DENSE_WEIGHT)], limit)

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def _drop(self, chosen: Any) -> None:
        with self._lock:
            self._entries = {key: entry for key, entry in self._entries.items() if not chosen(entry.payload)}


def _rank_words(text: str, corpus: Sequence[_Entry], allowed: Sequence[_Entry]) -> list[tuple[str, float]]:
    weights = dict(zip(*query_vector(text), strict=True))
    total = len(corpus)
    for token in weights:
        holding = sum(1 for entry in corpus if token in entry.words)
        weights[token] *= math.log(1 + (total - holding + 0.5) / (holding + 0.5))
    scored = [
        (entry.payload["chunk"], sum(weight * entry.words.get(token, 0.0) for token, weight in weights.items()))
        for entry in allowed
    ]
    return sorted((item for item in scored if item[1] > 0), key=lambda item: (-item[1], item[0]))


def _rank_vectors(vector: Any, allowed: Sequence[_Entry]) -> list[str]:
    dense = [entry for entry in allowed if entry.vector is not None]
    if not dense:
        return []
    scores = np.stack([entry.vector for entry in dense]) @ np.asarray(vector, dtype=np.float32)
    return [dense[index].payload["chunk"] for index in np.argsort(-scores, kind="stable")]
