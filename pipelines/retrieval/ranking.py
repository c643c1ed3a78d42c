"""Ranks pages: BM25 over whole pages leads, structure decides, chunks with static vectors weigh in.

The weights were measured with benchmarks/search.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.ingest.chunks import is_row
from pipelines.retrieval.features import Features
from tieout.model import Chunk

Place = tuple[str, int]  # document id, page number

PAGE_WEIGHT = 1.0
CHUNK_WEIGHT = 0.25
STRUCTURE_WEIGHT = 0.9
MISSING_NAMES = 0.3  # of the bonus that a page without any of the names keeps
ROW_WEIGHT = 0.4
CONTRACT_PENALTY = 0.25
CONTENTS_PENALTY = 0.35
_WORD = re.compile(r"[a-z0-9&]+")


def rank_pages(
    by_page: Mapping[Place, float],
    by_chunk: Mapping[Place, float],
    features: Mapping[Place, Features],
    asked: Mapping[str, float],
    priors: Mapping[str, float],
    coverage: Mapping[Place, float],
    row_coverage: Mapping[Place, float],
) -> list[tuple[Place, float]]:
    """Return places with scores, best first. `asked` says which kinds of page the question wants.

    `coverage` is the share of the question's proper names that a page holds: a statement that lacks them
    loses most of its bonus. `row_coverage` is the share that stands in rows of tables.
    """
    best_page = max(by_page.values(), default=0.0) or 1.0
    best_chunk = max(by_chunk.values(), default=0.0) or 1.0
    scored = []
    for place in {*by_page, *by_chunk}:
        score = PAGE_WEIGHT * by_page.get(place, 0.0) / best_page
        score += CHUNK_WEIGHT * by_chunk.get(place, 0.0) / best_chunk
        score += priors.get(place[0], 0.0) + ROW_WEIGHT * row_coverage.get(place, 0.0)
        if (found := features.get(place)) is not None:
            bonus = STRUCTURE_WEIGHT * (MISSING_NAMES + (1 - MISSING_NAMES) * coverage.get(place, 1.0))
            score += bonus * max((weight * found.kinds.get(kind, 0.0) for kind, weight in asked.items()), default=0.0)
            score -= CONTRACT_PENALTY * found.contract + CONTENTS_PENALTY * found.contents
            score -= 0.3 * ("cover" in found.kinds and "cover" not in asked)
        scored.append((place, score))
    return sorted(scored, key=lambda item: (-item[1], item[0]))


def name_coverage(text: str, names: Sequence[str]) -> float:
    """Return the share of the names that stand in a text; 1 when there are none."""
    folded = text.casefold()
    return sum(1 for name in names if name in folded) / len(names) if names else 1.0


def row_coverage(text: str, names: Sequence[str]) -> float:
    """Return the share of the names that stand in a row of a table."""
    rows = [line.casefold() for line in text.split("\n") if is_row(line)]
    return sum(1 for name in names if any(name in row for row in rows)) / len(names) if names else 0.0


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
