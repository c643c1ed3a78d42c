"""Ranks pages: BM25 over whole pages leads, structure decides, chunks with static vectors weigh in.

The weights were measured with benchmarks/search.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.retrieval.features import Features
from tieout.model import Chunk

Place = tuple[str, int]  # document id, page number

PAGE_WEIGHT = 1.0
CHUNK_WEIGHT = 0.25
STRUCTURE_WEIGHT = 0.9
CONTRACT_PENALTY = 0.25
CONTENTS_PENALTY = 0.35
_WORD = re.compile(r"[a-z0-9&]+")


def rank_pages(
    by_page: Mapping[Place, float],
    by_chunk: Mapping[Place, float],
    features: Mapping[Place, Features],
    asked: Mapping[str, float],
    priors: Mapping[str, float],
) -> list[tuple[Place, float]]:
    """Return places with scores, best first. `asked` says which kinds of page the question wants."""
    best_page = max(by_page.values(), default=0.0) or 1.0
    best_chunk = max(by_chunk.values(), default=0.0) or 1.0
    scored = []
    for place in {*by_page, *by_chunk}:
        score = PAGE_WEIGHT * by_page.get(place, 0.0) / best_page
        score += CHUNK_WEIGHT * by_chunk.get(place, 0.0) / best_chunk
        score += priors.get(place[0], 0.0)
        if (found := features.get(place)) is not None:
            score += STRUCTURE_WEIGHT * max(
                (weight * found.kinds.get(kind, 0.0) for kind, weight in asked.items()), default=0.0
            )
            score -= CONTRACT_PENALTY * found.contract + CONTENTS_PENALTY * found.contents
            score -= 0.3 * ("cover" in found.kinds and "cover" not in asked)
        scored.append((place, score))
    return sorted(scored, key=lambda item: (-item[1], item[0]))


def best_chunk(chunks: Sequence[Chunk], words: str, ranked: Mapping[str, int]) -> Chunk:
    """Return the chunk of a page that says most about the words; ties go to the index's own ranking."""
    wanted = {_stem(word) for word in _WORD.findall(words.casefold())}

    def score(chunk: Chunk) -> tuple[float, int, int]:
        tokens = [_stem(token) for token in _WORD.findall(f"{chunk.heading} {chunk.text}".casefold())]
        found = {token for token in tokens if token in wanted}
        density = sum(1 for token in tokens if token in wanted) / (len(tokens) + 60)
        return (
            len(found) + 12 * density + (1.0 if chunk.kind == "table" else 0.0),
            -ranked.get(chunk.id, 10_000),
            -chunk.start,
        )

    return max(chunks, key=score)


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") else word
