"""Reads tables whose cells are set off by bars: Markdown, and HTML tables rendered as "a | b | c" lines."""

from __future__ import annotations

import re
from dataclasses import replace

from pipelines.ledger.cells import Cell, cell_of
from pipelines.ledger.headings import Column, headings_in
from pipelines.ledger.labels import Sections, tidy
from pipelines.ledger.periods import MONTH
from pipelines.ledger.tables import Row, Table, _note, _title, statement_of

_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|)+\s*(?::?-{2,}:?)?\s*\|?\s*")
_WORDS = {
    "thousand": 10**3,
    "k": 10**3,
    "million": 10**6,
    "mn": 10**6,
    "m": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
}
_WORDED = re.compile(r"(.*\d\)?)\s*(thousand|million|billion|mn|bn|[kKmMbB])", re.IGNORECASE)
_MARKS = re.compile(r"[*_`]{1,3}")


def read_grids(text: str) -> list[tuple[Table, int, int]]:
    """Return the barred tables of a page with their offsets. A table has two or more barred lines in a row."""
    found = []
    lines = [(m.start(), m.group(0)) for m in re.finditer(r"[^\n]*", text) if m.group(0)]
    index = 0
    while index < len(lines):
        stop = index
        while stop < len(lines) and lines[stop][1].count("|") >= 1 and (stop == index or _next(text, lines, stop)):
            stop += 1
        if stop - index >= 2 and any(line.count("|") >= 2 or _RULE.fullmatch(line) for _, line in lines[index:stop]):
            table = _grid(text, lines[index:stop])
            if table is not None:
                found.append((table, lines[index][0], lines[stop - 1][0] + len(lines[stop - 1][1])))
        index = max(stop, index + 1)
    return found


def _next(text: str, lines: list[tuple[int, str]], index: int) -> bool:
    """Whether a barred line belongs to the one before it: HTML's rows come with an empty line between."""
    end = lines[index - 1][0] + len(lines[index - 1][1])
    gap = text[end : lines[index][0]].count("\n")
    edged = lines[index][1].lstrip().startswith("|")
    return gap <= 1 or (gap == 2 and not edged)


def _split(start: int, line: str) -> list[tuple[int, str]]:
    """Return (offset, text) of each field between bars."""
    fields, at = [], start
    for part in line.split("|"):
        fields.append((at, part))
        at += len(part) + 1
    if fields and not fields[0][1].strip() and line.lstrip().startswith("|"):
        fields = fields[1:]
    if fields and not fields[-1][1].strip() and line.rstrip().endswith("|"):
        fields = fields[:-1]
    return fields


def _grid(text: str, lines: list[tuple[int, str]]) -> Table | None:
    start = lines[0][0]
    heads: list[list[tuple[int, str]]] = []
    rows: list[tuple[int, str, list[tuple[int, str]]]] = []
    for at, line in lines:
        if _RULE.fullmatch(line):
            continue
        fields = _split(at, line)
        if not rows and not _has_values(fields):
            heads.append(fields)
        else:
            rows.append((at, line, fields))
    if not rows or not heads:
        return None
    width = max(len(fields) for _, _, fields in rows)
    columns = _columns([_widened(fields, width) for fields in heads])
    title, statement = _title(text, 0, start)
    note = _note(text, max(0, start - 400), start) or _note(text, start, rows[0][0])
    sections = Sections()
    made = [row for at, line, fields in rows if (row := _row(at, line, fields, columns, sections)) is not None]
    if not made:
        return None
    known = tuple(column for column in columns if column is not None)
    return Table(
        _MARKS.sub("", title).strip("# "),
        statement or statement_of(title),
        note,
        known,
        tuple(made),
        text[max(0, start - 300) : start],
    )


def _widened(fields: list[tuple[int, str]], width: int) -> list[tuple[int, str]]:
    """Return a heading line of a rendered table as wide as its rows: the empty corner and merged cells are lost."""
    if len(fields) >= width or width < 2 or not fields[0][1].strip():
        return fields
    at = fields[0][0]
    share, rest = divmod(width - 1, len(fields))
    if rest:
        return fields
    return [(at, ""), *(field for field in fields for _ in range(share))]


def _has_values(fields: list[tuple[int, str]]) -> bool:
    """Whether a barred line holds values rather than headings."""
    parts = [_MARKS.sub("", part).strip() for _, part in fields[1:]]
    if any(_WORDED.fullmatch(part) for part in parts):
        return True
    cells = [cell_of(part) for part in parts]
    return any(cell is not None and not cell.is_year and not cell.dash for cell in cells)


def _columns(heads: list[list[tuple[int, str]]]) -> list[Column | None]:
    """Return each position's heading; a name over several positions is carried to the right up to the next."""
    width = max(len(fields) for fields in heads)
    texts = [""] * width
    for level, fields in enumerate(heads):
        carried = ""
        for index in range(width):
            part = _MARKS.sub("", fields[index][1]).strip() if index < len(fields) else ""
            carried = part or (carried if index and level < len(heads) - 1 else "")
            texts[index] = f"{texts[index]} {carried}".strip()
    return [_column(text) for text in texts]


def _column(heading: str) -> Column | None:
    """Read one heading on its own by reading it twice over, as a heading needs two columns to be one."""
    if not heading:
        return None
    if re.search(r"change|variance|\bvs\b|growth|%|Y/Y|YoY", heading, re.I):
        return Column(heading, change=True, percent=bool(re.search(r"%|ercent|growth", heading)))
    asof = bool(re.match(rf"as\s+(?:of|at)\b|at\s+{MONTH}", heading, re.I))
    bare = re.sub(
        r"\((?:in\s+)?[$\w\s]*(?:millions?|thousands?|billions?|unaudited)[\w\s]*\)", "", heading, flags=re.I
    ).strip()
    found = headings_in(f"{bare}\n{bare}")
    if not found or len(found[0].columns) != 2 or re.sub(r"\W", "", bare) == "":
        return Column(heading)
    years = {column.year for column in found[0].columns}
    dated = headings_in(f"{bare} 1901")  # pairs the printed date with a second year to read it once
    column = dated[0].columns[0] if dated and len(dated[0].columns) == 2 else Column(heading, year=years.pop())
    words = re.sub(
        r"\W+",
        "",
        re.sub(
            r"(?i)as of|ended|\d|FY|Q|fiscal|quarters?|years?|months?|weeks?|three|six|nine|"
            r"twelve|the|at|" + MONTH,
            "",
            bare,
        ),
    )
    if words:
        return Column(heading)  # other words: what the column holds is not only a period
    return Column(heading, column.year, column.month, column.day, column.months, column.quarter, asof)


def _row(
    at: int, line: str, fields: list[tuple[int, str]], columns: list[Column | None], sections: Sections
) -> Row | None:
    if not fields:
        return None
    label = tidy(_MARKS.sub("", fields[0][1]))
    placed: list[tuple[int, Cell]] = []
    index = 1
    while index < len(fields):
        part = fields[index][1]
        cell, used = _merged(fields, index)
        if cell is not None:
            placed.append((index, cell))
        elif part.strip() and not placed and not label:
            label = tidy(_MARKS.sub("", part))
        index += max(used, 1)
    if not placed:
        if label:
            sections.open([label])
            sections._used = False
        return None
    if not label:
        return None
    sections.open([])
    cells = tuple(cell for _, cell in placed)
    aligned = all(i < len(columns) and columns[i] is not None for i, _ in placed)
    known = [column for column in columns[1:] if column is not None]
    if aligned and len(fields) <= len(columns):
        under: tuple[Column | None, ...] = tuple(columns[i] for i, _ in placed)
    elif len(known) == len(cells):
        under = tuple(known)
    else:
        under = (None,) * len(cells)
    row = Row(label, sections.path, at + len(line) - len(line.lstrip()), at + len(line.rstrip()), cells, under)
    sections.close(label)
    return row


def _merged(fields: list[tuple[int, str]], index: int) -> tuple[Cell | None, int]:
    """Read the cell at a field, taking in "$", ")" and "%" that stand in fields of their own."""
    offset, part = fields[index]
    text = part.strip()
    bare = _MARKS.sub("", text)
    used, number = 1, index
    if bare in ("$", "€", "£") and index + 1 < len(fields):
        number, used = index + 1, 2
    offset, raw = fields[number]
    core = raw.strip().strip("*_`")
    start = offset + raw.find(core) if core else offset
    tail = fields[number + 1][1].strip() if number + 1 < len(fields) else ""
    suffix = tail if tail in (")", "%", ")%", ") %") else ""
    worded = _WORDED.fullmatch(core)
    cell = cell_of(worded.group(1) if worded else core + suffix)
    if cell is not None and worded:
        cell = replace(cell, scale=_WORDS[worded.group(2).lower()])
    if cell is None:
        return None, 1
    currency = bare if used == 2 else cell.currency
    return replace(cell, start=start, end=start + len(core), text=core, currency=currency), used + bool(suffix)
