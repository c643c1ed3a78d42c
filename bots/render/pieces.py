"""Cuts text into pieces that fit: after a line, a sentence or a word, never inside one character or one address."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from bots.render.blocks import Span

_JOINER = "\u200d"
_ENDS = (("\n",), (". ", "! ", "? ", "。", "！", "？"), (" ",))


def units(text: str) -> int:
    """Return a text's length as the strictest reading of a limit counts it: in UTF-16 units."""
    return len(text) + sum(character > "\uffff" for character in text)


def pieces(text: str, most: int, size: Callable[[str], int] = units) -> Iterator[str]:
    """Yield pieces whose `size` is at most `most`; joined they are the text again. A size is no less than a length."""
    for start, end in _ranges(text, most, lambda start, end: size(text[start:end]) <= most):
        yield text[start:end]


def split(spans: Sequence[Span], most: int, size: Callable[[Sequence[Span]], int]) -> Iterator[list[Span]]:
    """Yield pieces of styled text whose `size` is at most `most`; an address stays whole."""
    text = "".join(span.text for span in spans)
    starts = [0, *accumulate(len(span.text) for span in spans)]

    def between(start: int, end: int) -> list[Span]:
        first = bisect_right(starts, start) - 1
        last = bisect_right(starts, end - 1)
        cut = (
            replace(span, text=span.text[max(0, start - at) : end - at])
            for span, at in zip(spans[first:last], starts[first:last], strict=True)
        )
        return [span for span in cut if span.text]

    def whole(at: int) -> int:
        one = bisect_right(starts, at) - 1
        return starts[one] if spans[one].address else at

    for start, end in _ranges(text, most, lambda start, end: size(between(start, end)) <= most, whole):
        yield between(start, end)


def _ranges(
    text: str, most: int, fits: Callable[[int, int], bool], whole: Callable[[int], int] = lambda at: at
) -> Iterator[tuple[int, int]]:
    """Yield where pieces begin and end; `whole` moves an end out of what has to stay in one piece."""
    start = 0
    while start < len(text):
        end = _farthest(start, min(len(text), start + most), fits)
        if end < len(text):
            end = _border(text, start, end)
            end = moved if (moved := whole(end)) > start else end
        yield start, end
        start = end


def _farthest(start: int, high: int, fits: Callable[[int, int], bool]) -> int:
    """Return the farthest end that fits; one character after the start at least."""
    low = start + 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(start, middle) else (low, middle - 1)
    return low


def _border(text: str, start: int, end: int) -> int:
    """Return where to cut, at `end` or before, in the second half when there is a border in it."""
    for ends in _ENDS:
        cut = max(text.rfind(one, start + (end - start) // 2, end) + len(one) for one in ends)
        if cut > start + (end - start) // 2 and not joined(text, cut):
            return cut
    cut = end
    while cut > start and joined(text, cut):
        cut -= 1
    return cut if cut > start else end


def joined(text: str, at: int) -> bool:
    """Return whether the characters on both sides of a place are one to a reader (UAX #29, without its Indic rule)."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if _flag(before) and _flag(after):
        return _flags_before(text, at) % 2 == 1
    return before == _JOINER or (before, after) == ("\r", "\n") or extends(after)


def extends(character: str) -> bool:
    """Return whether a character belongs to the one before: an accent, a joiner, a skin tone, a vowel of Hangul."""
    skin = "\U0001f3fb" <= character <= "\U0001f3ff"
    tag = "\U000e0020" <= character <= "\U000e007f"
    jamo = "\u1160" <= character <= "\u11ff"
    return skin or tag or jamo or character in "\u200c\u200d" or unicodedata.category(character).startswith("M")


def _flag(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    count = 0
    while count < at and _flag(text[at - 1 - count]):
        count += 1
    return count
