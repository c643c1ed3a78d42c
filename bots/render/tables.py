"""Sets tables where there are none: in aligned lines when they are narrow, as a list of named cells when not."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bots.render.blocks import Span, Table, Text
from bots.render.monospace import aligned, width
from bots.render.pieces import pieces, units

_NAME = 40  # units of a column's name where it is said again


def aligned_parts(table: Table, *, widest: int, most: int, size: Callable[[str], int]) -> list[str]:
    """Return the table in parts of at most `most`, each under the header and its line; none when it is too wide.

    Too wide is a line of more than `widest` columns, or one that is long for another reason.
    """
    if sum(max(units(row[column]) for row in table.rows) for column in range(len(table.rows[0]))) > 4 * widest:
        return []
    header, rule, *rows = aligned(table.rows)
    lines = (header, rule, *rows)
    if max(map(width, lines)) > widest or max(map(size, lines)) > most // 4:
        return []
    parts: list[list[str]] = [[header, rule]]
    for row in rows:
        if size("\n".join([*parts[-1], row])) > most:
            parts.append([header, rule])
        parts[-1].append(row)
    return ["\n".join(part) for part in parts]


def listed(table: Table) -> Iterator[Text]:
    """Yield the header, then each row with a line for each cell, its column's name before it."""
    header, *rows = table.rows
    yield Text(tuple(span for name in header if name for span in (Span(name, bold=True), Span("\u2003"))))
    names = [_short(name) for name in header]
    for row in rows:
        cells = [(name, cell) for name, cell in zip(names, row, strict=True) if cell]
        yield Text(tuple(span for name, cell in cells for span in _cell(name, cell)))


def _cell(name: str, cell: str) -> Iterator[Span]:
    if name:
        yield Span(f"{name}:", repeated=True)
    yield Span(f" {cell}\n")


def _short(name: str) -> str:
    first = next(pieces(name, _NAME), "")
    return first if first == name else f"{first.strip()}…"
