"""Reads column headings made of words ("United States | Canada | Total") where only one way of reading them fits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_COMMON = (
    r"United\s+States(?:\s+Operations)?",
    r"U\.S\.(?:\s+(?:Plans?|Operations))?",
    r"(?:Other\s+)?International(?:\s+Operations)?",
    r"Canad(?:a|ian)(?:\s+Operations)?",
    r"(?:North|Latin|South|Central)\s+America",
    r"Americas",
    r"(?:Rest\s+of\s+)?Asia[\s-]Pacific",
    r"Rest\s+of\s+(?:the\s+)?World",
    r"(?:Greater\s+)?China",
    r"Europe|Japan|Mexico|Germany|India|Brazil|United\s+Kingdom|EMEA|APAC|Domestic|Foreign",
    r"Corporate(?:\s+and\s+(?:support|other))?|Eliminations|All\s+other|Other|Unallocated",
    r"Total(?:\s+Company)?|Consolidated(?:\s+Total)?|Worldwide",
    r"(?:Operating|Finance|Capital)\s+Leases?",
    r"Level\s+[123]",
)
_TOTAL = re.compile(r"total|consolidated|worldwide", re.IGNORECASE)
_SEGMENTS = re.compile(
    r"\bsegments:\s+((?:[A-Z][\w.'’&-]*\s*(?:and\s+(?=[A-Z]))?){1,6}"
    r"(?:,\s+(?:[A-Z][\w.'’&-]*\s*){1,6}){0,6},?\s+and\s+(?:[A-Z][\w.'’&-]*\s*){1,5})"
)


def segment_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the segments that a filing lists ("our segments: North America, International, and AWS")."""
    names: dict[str, None] = {}
    for text in texts:
        for match in _SEGMENTS.finditer(text) if "segments:" in text else ():
            for part in re.split(r",\s+and\s+|,\s+|\s+and\s+", " ".join(match[1].split())):
                name = re.split(r"(?<!\bU\.S)\.\s", f"{part} ")[0].strip()
                if 1 < len(name) <= 40:
                    names[name] = None
    return tuple(names)


def column_words(text: str, count: int, names: Sequence[str] = ()) -> tuple[str, ...] | None:
    """Return the `count` headings that a text is, from left to right; None unless exactly one reading fits.

    Every word must belong to a common heading or to one of `names` (the filing's own segments), and no two
    headings may be equal.
    """
    words = tuple(re.sub(r"\([^()]*\)", " ", text).split())
    if not count <= len(words) <= 5 * count:
        return None
    found = _readings(words, count, tuple(names))
    if len(found) != 1 or len({part.casefold() for part in found[0]}) != count:
        return None
    return found[0]


def is_whole(heading: str) -> bool:
    """Whether a column is of the whole company rather than a part."""
    return bool(_TOTAL.match(heading))


@lru_cache(maxsize=512)
def _readings(words: tuple[str, ...], count: int, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return every way to cut the words into `count` known headings, at most two."""
    known = re.compile("|".join([*_COMMON, *(re.escape(name).replace(r"\ ", r"\s+") for name in names)]), re.IGNORECASE)
    pieces: dict[tuple[int, int], bool] = {}
    found: list[tuple[str, ...]] = []

    def go(at: int, parts: tuple[str, ...]) -> None:
        if len(found) > 1 or len(parts) > count:
            return
        if at == len(words):
            if len(parts) == count:
                found.append(parts)
            return
        for stop in range(at + 1, min(at + 5, len(words)) + 1):
            piece = " ".join(words[at:stop])
            if (at, stop) not in pieces:
                pieces[at, stop] = bool(known.fullmatch(piece))
            if pieces[at, stop]:
                go(stop, (*parts, piece))

    go(0, ())
    return tuple(found)
