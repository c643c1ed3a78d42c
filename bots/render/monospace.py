"""Sets tables in letters of one width."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import east_asian_width

from bots.render.pieces import extends


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of rows with their columns below each other; the second line is drawn under the header."""
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(_padded(cell, widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]
    return [lines[0], "  ".join("─" * wide for wide in widths), *lines[1:]]


def width(text: str) -> int:
    """Return how many columns a text takes; letters of East Asia and emoji take two, what is joined none more."""
    columns, before = 0, ""
    for character in text:
        if before != "\u200d" and not extends(character) and character != "\u200b":
            columns += 2 if east_asian_width(character) in "WF" else 1
        elif character == "\ufe0f" and before and east_asian_width(before) not in "WF":
            columns += 1
        before = character
    return columns


def _padded(cell: str, to: int) -> str:
    return cell + " " * (to - width(cell))
