"""Chooses the parts of a whole that a question is about: segments, products or regions that really add up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipelines.agents.telling import telling_words
from pipelines.tools.fundamentals_reported import covers
from tieout.model import Document, Figure

_REGIONS = re.compile(
    r"\b(?:united|europe|asia|americas?|china|japan|germany|rest of"
    r"|countries|international|domestic|emerging|latin|u\.s\.|canada)\b",
    re.I,
)
_WANTED = (
    ("products", re.compile(r"\b(?:products?|categor\w+|services?|offerings?|lines?)\b", re.I)),
    ("regions", re.compile(r"\b(?:regions?|countr\w+|geograph\w+)\b", re.I)),
    ("segments", re.compile(r"\b(?:segments?|divisions?|business\w*)\b", re.I)),
)
_NEARLY_ALL = Decimal("0.95")
WORD = {"segments": "segment", "regions": "region", "products": "product category"}


@dataclass(frozen=True)
class Group:
    """Parts of one measure in one period; `complete` when they add up to the whole."""

    kind: str  # segments | regions | products
    parts: tuple[Figure, ...]
    complete: bool


def choose_group(
    figures: Mapping[str, Sequence[Figure]],
    documents: Iterable[Document],
    concept: str,
    year: int,
    quarter: int | None,
    whole: Figure | None,
    question: str,
) -> Group | None:
    """Return the parts of a measure that fit the question best, None when no table of parts was read."""
    groups: list[tuple[tuple[int, ...], Group]] = []
    wanted = next((kind for kind, pattern in _WANTED if pattern.search(question)), "segments")
    for document in documents:
        own = [f for f in figures.get(document.id, ()) if f.dimension and covers(f.period, year, quarter)]
        segments = {f.dimension for f in own if f.concept == "operating_income"}
        for parts in _tables([f for f in own if f.concept == concept], segments):
            kinds = _kinds(parts, segments)
            complete = _adds_up(parts, whole)
            rank = (wanted not in kinds, not complete, document.fiscal_year != year, -len(parts), parts[0].page)
            kind = wanted if wanted in kinds else kinds[0]
            groups.append((tuple(map(int, rank)), Group(kind, parts, complete)))
    return min(groups, key=lambda pair: pair[0])[1] if groups else None


def parts_named(
    figures: Mapping[str, Sequence[Figure]], year: int, quarter: int | None, question: str, names: Sequence[str]
) -> list[str]:
    """Return the names of the parts that a question names, the company's own name aside."""
    asked = telling_words(question)
    own = telling_words(" ".join(names))
    found: dict[str, None] = {}
    for each in figures.values():
        for figure in each:
            if figure.dimension and covers(figure.period, year, quarter) and "," not in figure.dimension:
                words = telling_words(figure.dimension) - own
                said = re.search(rf"(?<!\w){re.escape(figure.dimension)}(?!\w)", question, re.I) is not None
                if said or (words and words - _GENERAL_WORDS and words <= asked):
                    found[figure.dimension] = None
    return list(found)


_GENERAL_WORDS = telling_words("other products product services service income operating revenue segment total")


def figures_of_part(
    figures: Mapping[str, Sequence[Figure]], part: str, concept: str, year: int, quarter: int | None
) -> Figure | None:
    """Return a part's figure, None when there is none or two that differ."""
    found = [
        figure
        for each in figures.values()
        for figure in each
        if figure.dimension == part and figure.concept == concept and covers(figure.period, year, quarter)
    ]
    by_document = [f for f in found if f.document_id == found[-1].document_id]
    return by_document[0] if by_document else None


def _tables(parts: Sequence[Figure], segments: set[str | None]) -> list[tuple[Figure, ...]]:
    """Group parts by their table, and all segments of a filing that gives each a table of its own."""
    tables: dict[tuple[object, ...], dict[str, Figure]] = {}
    names = {part.dimension for part in parts}
    for part in parts:
        detail = any(part.dimension != name and (part.dimension or "").startswith(f"{name},") for name in names)
        if detail:
            continue
        tables.setdefault((part.page, part.table), {}).setdefault(part.dimension or "", part)
        if part.dimension in segments or _REGIONS.search(part.dimension or ""):
            tables.setdefault(("segments",), {}).setdefault(part.dimension or "", part)
    return [tuple(table.values()) for table in tables.values() if len(table) > 1]


def _kinds(parts: Sequence[Figure], segments: set[str | None]) -> list[str]:
    kinds = []
    if all(part.dimension in segments for part in parts):
        kinds.append("segments")
    if sum(_REGIONS.search(part.dimension or "") is not None for part in parts) * 2 >= len(parts):
        kinds.append("regions")
    return kinds or ["products"]


def _adds_up(parts: Sequence[Figure], whole: Figure | None) -> bool:
    if whole is None or not whole.value:
        return False
    return abs(sum(part.value for part in parts) / whole.value - 1) <= 1 - _NEARLY_ALL
