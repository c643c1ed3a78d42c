"""Says, number by number, of which company a sentence speaks that names several."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.ledger.match_book import Entity
from pipelines.ledger.numbers import NumberMention

Place = tuple[int, int, Entity]  # start, end, whose name stands there

_CUT = re.compile(
    r"[;:]|\.(?=\s|$)|\b(?:while|whereas|but|although|though|compared|against|versus|vs)\b", re.IGNORECASE
)
_AFTER = re.compile(r"\b(?:at|for|by|to|of|from|with)\s+(?:that\s+of\s+)?$", re.IGNORECASE)
_JOINED = re.compile(r"(?:['’]s?)?\s*,?\s*(?:and|or|&|,)\s*", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(r"[\s,()$€£]*(?:and|or)?[\s,()$€£]*", re.IGNORECASE)
_SEVERAL = re.compile(r"\b(?:both|each of|either of|all of|together|combined)\b", re.IGNORECASE)


def owners(text: str, mentions: Sequence[NumberMention], places: Sequence[Place]) -> list[tuple[Entity, ...]]:
    """Return for each mention the companies that it is a number of; several when one number is said of each.

    `places` are the company names of the sentence in order, at least one. A name belongs to the numbers that
    follow it; "at Apple" after a number to that number; lists are paired in order.
    """
    paired = _lists(text, mentions, places)
    found: list[tuple[Entity, ...]] = []
    current: tuple[Entity, ...] = (places[0][2],)
    for index, mention in enumerate(mentions):
        begin = mentions[index - 1].end if index else 0
        until = mentions[index + 1].start if index + 1 < len(mentions) else len(text)
        if index in paired:
            current = paired[index]
            found.append(current)
            continue
        before = [p for p in places if begin <= p[0] < mention.start and not (index and _follows(text, begin, p))]
        after = [p for p in places if mention.end <= p[0] < until and _follows(text, mention.end, p)]
        if before:
            group = _group(text, before, places)
            current = tuple(p[2] for p in group) if _SEVERAL.search(text[: mention.start]) else (before[-1][2],)
            found.append(current)
        elif after:
            found.append((after[0][2],))
        else:
            found.append(current)
    return found


def _follows(text: str, end: int, place: Place) -> bool:
    """Say whether a name belongs to the number that ends before it: "42.1% at Microsoft"."""
    gap = text[end : place[0]]
    return not _CUT.search(gap) and not re.search(r",\s", gap) and bool(_AFTER.search(gap))


def _group(text: str, before: Sequence[Place], places: Sequence[Place]) -> list[Place]:
    group = [before[-1]]
    for place in reversed(places[: places.index(before[-1])]):
        if not _JOINED.fullmatch(text[place[1] : group[0][0]]):
            break
        group.insert(0, place)
    return group


def _lists(text: str, mentions: Sequence[NumberMention], places: Sequence[Place]) -> dict[int, tuple[Entity, ...]]:
    """Pair "Amazon and Apple had … of $463 billion and $353 billion" in order."""
    result: dict[int, tuple[Entity, ...]] = {}
    for start in range(len(places)):
        if start and _JOINED.fullmatch(text[places[start - 1][1] : places[start][0]]):
            continue
        group = [places[start]]
        while start + len(group) < len(places) and _JOINED.fullmatch(
            text[group[-1][1] : places[start + len(group)][0]]
        ):
            group.append(places[start + len(group)])
        if len(group) < 2:
            continue
        following = [i for i, m in enumerate(mentions) if m.start >= group[-1][1]]
        for first in following:
            run = [first]
            while run[-1] + 1 < len(mentions) and _BETWEEN_NUMBERS.fullmatch(
                text[mentions[run[-1]].end : mentions[run[-1] + 1].start]
            ):
                run.append(run[-1] + 1)
            if len(run) == len(group):
                result |= {i: (place[2],) for i, place in zip(run, group, strict=True)}
                break
            if re.search(r"[;.]\s", text[group[-1][1] : mentions[first].start]):
                break
    return result
