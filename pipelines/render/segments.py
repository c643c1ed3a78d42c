"""Cuts a claim into text and numbers, in reading order, so that every renderer marks the same places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tieout.model import Claim, Draft, Number, Section


@dataclass(frozen=True)
class Segment:
    """A piece of a claim's text; `number` is set when the piece is a number of the ledger."""

    text: str
    number: Number | None = None


def segments(claim: Claim) -> list[Segment]:
    """Return pieces whose texts joined are the claim's text; overlapping numbers are kept once, the first wins."""
    pieces: list[Segment] = []
    cursor = 0
    for number, start, end in _placed(claim):
        if start < cursor:
            continue
        if start > cursor:
            pieces.append(Segment(claim.text[cursor:start]))
        pieces.append(Segment(claim.text[start:end], number))
        cursor = end
    if cursor < len(claim.text):
        pieces.append(Segment(claim.text[cursor:]))
    return pieces


def _placed(claim: Claim) -> list[tuple[Number, int, int]]:
    placed = []
    for number in claim.numbers:
        start, end = number.start, number.end
        if not 0 <= start < end <= len(claim.text):
            start = claim.text.find(number.text) if number.text else -1
            end = start + len(number.text)
        if start >= 0:
            placed.append((number, start, end))
    return sorted(placed, key=lambda item: (item[1], -item[2]))


def section_claims(section: Section) -> Iterator[Claim]:
    """Yield the claims of a section in reading order: sentences, then table cells."""
    yield from section.claims
    for table in section.tables:
        for row in table.rows:
            yield from row


def draft_claims(draft: Draft) -> Iterator[Claim]:
    """Yield all claims of a draft in reading order."""
    yield from draft.answer
    for section in draft.sections:
        yield from section_claims(section)


def paragraphs(claims: tuple[Claim, ...]) -> list[tuple[Claim, ...]]:
    """Return claims grouped for reading: quotes stand alone; a company of which more is said opens a paragraph."""
    groups: list[list[Claim]] = []
    for index, claim in enumerate(claims):
        last = groups[-1][-1] if groups else None
        if last is None or claim.kind != "sentence" or last.kind != "sentence" or _opens(claims, index):
            groups.append([claim])
        else:
            groups[-1].append(claim)
    return [tuple(group) for group in groups]


def _opens(claims: tuple[Claim, ...], index: int) -> bool:
    """Return whether a new company begins here that the next sentence is about, too."""
    company, following = claims[index].instrument, claims[index + 1 : index + 2]
    changes = company != claims[index - 1].instrument
    return changes and any(claim.instrument == company and claim.kind == "sentence" for claim in following)
