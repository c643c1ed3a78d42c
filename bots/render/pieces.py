"""Cuts text into pieces that fit, at a space where there is one, and never inside what is one character to a reader."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

_JOINERS = {"\u200d", "\ufe0f"}


def pieces(text: str, most: int, size: Callable[[str], int] = len) -> Iterator[str]:
    """Yield pieces whose `size` is at most `most`; joined they are the text again."""
    while size(text) > most:
        cut = _cut(text, _fitting(text, most, size))
        yield text[:cut]
        text = text[cut:]
    if text:
        yield text


def _fitting(text: str, most: int, size: Callable[[str], int]) -> int:
    """Return how many characters of the beginning fit; one at least."""
    low, high = 1, min(len(text), most)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if size(text[:middle]) <= most else (low, middle - 1)
    return low


def _cut(text: str, at: int) -> int:
    """Return where to cut, at `at` or a little before."""
    for border in ("\n", " "):
        found = text.rfind(border, at // 2, at)
        if found > 0:
            return found + 1
    cut = at
    while cut > max(1, at - 40) and _joined(text, cut):
        cut -= 1
    return cut if cut > max(1, at - 40) else at


def _joined(text: str, at: int) -> bool:
    """Return whether the characters on both sides of a place belong together."""
    if at >= len(text):
        return False
    before, after = text[at - 1], text[at]
    flags = "\U0001f1e6" <= after <= "\U0001f1ff" and "\U0001f1e6" <= before <= "\U0001f1ff"
    skin = "\U0001f3fb" <= after <= "\U0001f3ff"
    return flags or skin or before == "\u200d" or after in _JOINERS or unicodedata.combining(after) > 0
