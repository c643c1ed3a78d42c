"""Reads the tables of a page's text: rows with label and headings, cells with the column they certainly stand under."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.ledger.cells import Cell, cells_in
from pipelines.ledger.column_words import column_words
from pipelines.ledger.headings import Column, Heading, headings_in, is_heading_text
from pipelines.ledger.labels import Sections, is_prose, is_skipped, split_label
from pipelines.ledger.periods import MONTH, MONTHS

STATEMENTS = (
    (
        "income",
        re.compile(
            r"statements?\s+of\s+(?:consolidated\s+)?(?:operations|income|earnings)\b|\bincome\s+statements?\b", re.I
        ),
    ),
    ("comprehensive", re.compile(r"comprehensive\s+(?:income|loss|earnings)", re.I)),
    ("balance", re.compile(r"balance\s+sheets?|statements?\s+of\s+financial\s+(?:position|condition)", re.I)),
    ("cash", re.compile(r"statements?\s+of\s+cash\s+flows?|cash\s+flows?\s+statements?", re.I)),
    (
        "equity",
        re.compile(r"statements?\s+of\s+(?:changes\s+in\s+)?(?:\w+\s+)?(?:\w+[’']\s*)?(?:equity|deficit)", re.I),
    ),
)
_NOTE = re.compile(
    r"\((?=[^()\n]{0,80}\b(?:in|dollars|amounts|millions|thousands|billions|000)\b)[^()]{0,60}?"
    r"(?:\bin\s+(?:millions|thousands|billions)|\b(?:MILLIONS|THOUSANDS|BILLIONS|000[’']?s))\b[^()]{0,160}\)"
    r"|(?:\$|dollars|amounts)\s+(?:and\s+shares\s+)?in\s+(?:millions|thousands|billions)"
    r"(?:,\s+except\s+[a-z\s-]{0,60}?(?:amounts|data))?"
    r"|\(in\s+(?:millions|thousands|billions)\)"
    r"|\bin\s+(?:US\s?)?[$€£]\s?(?:millions|thousands|billions)\b|\([$€£]\s?(?:millions?|thousands?|billions?)\)",
    re.IGNORECASE,
)
_ASOF_BOTH = re.compile(  # "details as of September 24, 2022 and September 25, 2021 (in millions):"
    rf"\b(?:as\s+of|at)\s+{MONTH}\s+\d{{1,2}},?\s+(?:(?:19|20)\d\d,?\s+)?and\s+(?:{MONTH}\s+\d{{1,2}},?\s+)?(?:19|20)\d\d"
    r"(?![^:]*\b(?:ended|during)\b)[^:.]{0,60}:",
    re.IGNORECASE,
)
_BALANCE = re.compile(
    rf"(?P<label>[A-Z][a-z]+(?: [a-z]+){{0,4}}?),?\s*(?:[-–—]|\bat\b|\bas of\b)\s*"
    rf"(?P<date>(?P<month>{MONTH})\s+(?P<day>\d{{1,2}}),\s*(?P<year>(?:19|20)\d\d))",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\W*(?:(?:unaudited|condensed|consolidated|interim)\s+)*"
    r"(?:statements?\s+of|balance\s+sheets?|(?:comprehensive\s+)?income\s+statements?|cash\s+flows?\s+statements?)\b",
    re.IGNORECASE,
)
_CONNECTED = re.compile(r"(?:\b(?:and|of|to|from|at|for|than|approximately|or|no|Note|Notes|Level|Item)|[,;:&])\s*$")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `columns[i]` is the heading that cell i certainly stands under, or None.

    `start` and `end` cover label and numbers verbatim; a label that wraps is joined with single spaces.
    """

    label: str
    path: tuple[str, ...]
    start: int
    end: int
    cells: tuple[Cell, ...]
    columns: tuple[Column | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under one heading. `statement` names a primary statement's kind; `note` is the printed scale, "" if none.

    `intro` is the text just above the heading, where a sentence may say what the columns are.
    """

    title: str
    statement: str | None
    note: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    intro: str = ""


def read_tables(text: str, names: Sequence[str] = ()) -> list[Table]:
    """Return the tables of a page in reading order: plain text, Markdown, and rows rendered as "a | b | c".

    A row whose cells cannot be told apart keeps them without columns; nothing is ever assigned by guess. `names`
    are the segments that the document names, which may head columns.
    """
    from pipelines.ledger.grids import read_grids
    from pipelines.ledger.schedules import read_schedules

    grids = read_grids(text)
    grids += [made for made in read_schedules(text, names) if not any(s < made[2] and made[1] < e for _, s, e in grids)]
    tables = [table for table, _, _ in grids]
    taken = [(start, end) for _, start, end in grids]
    headings = [h for h in headings_in(text) if not any(s <= h.start < e for s, e in taken)]
    bounds = [0, *(h.start for h in headings), len(text)]
    statement_title = ""
    standing = _Standing()
    for index in range(len(bounds) - 1):
        heading = headings[index - 1] if index else None
        start = heading.end if heading else 0
        end = bounds[index + 1]
        previous = (headings[index - 2].end if index > 1 else 0) if heading else 0
        if heading:
            title, found = _title(text, previous, heading.start)
            statement_title = title if found else ("" if index > 1 else statement_title)
            heading = _dated(heading, text[max(previous, heading.start - 260) : heading.start])
        else:
            title, found = "", None
        rows, loose = _region(text, start, end, heading, taken)
        if heading and rows:
            note = _note(text, max(previous, heading.start - 700), min(heading.end + 160, end))
            intro = text[max(previous, heading.start - 300) : heading.start]
            worded = _by_words(text, heading, rows, previous, standing, names) if heading.single else None
            if worded is not None:
                if worded[2].title:
                    title, note, intro, found = worded[2].title, worded[2].note, worded[2].intro, None
                if note and "$" not in note and any(cell.currency for row in rows for cell in row.cells):
                    note = f"{note} $"  # the parts of a table below print it no more
                standing = replace(worded[2], title=title, note=note, intro=intro, end=rows[-1].end)
                tables.append(Table(title, found, note, worded[0], worded[1], intro))
            else:
                tables.append(Table(title, found, note, heading.columns, tuple(_trusted(rows, heading)), intro))
        if len(loose) > 1:
            note = _note(text, max(0, loose[0].start - 400), loose[0].start)
            tables.append(Table("", None, note, (), tuple(_by_balances(loose, names))))
    return sorted(tables, key=lambda table: table.rows[0].start)


def _dated(heading: Heading, intro: str) -> Heading:
    """Return a heading of bare years as one of balance dates when the sentence above it says so."""
    years = [column for column in heading.columns if not column.change]
    bare = all(column.month is None and column.months is None and column.quarter is None for column in years)
    if len(years) != 2 or not bare or not _ASOF_BOTH.search(intro):
        return heading
    return replace(heading, columns=tuple(c if c.change else replace(c, asof=True) for c in heading.columns))


def statement_of(title: str) -> str | None:
    """Return which primary statement a title names: income, comprehensive, balance, cash, equity; None for others."""
    kinds = [kind for kind, pattern in STATEMENTS if pattern.search(title)]
    if not kinds:
        return None
    return "comprehensive" if "comprehensive" in kinds else kinds[0]


def _title(text: str, floor: int, start: int) -> tuple[str, str | None]:
    """Return the title above a heading and the primary statement that it names on a line of its own."""
    lines = [line.strip() for line in text[max(floor, start - 900) : start].split("\n")]
    lines = [line for line in lines if line]
    for line in reversed(lines[-6:]):
        words = line.split()
        kind = statement_of(line)
        if kind and len(words) <= 24 and not line.endswith((".", ":")) and _NAMED.match(line):
            head = re.split(r"\s+(?:\$|\()", line)[0]
            names = re.sub(r"\(.*?\)|unaudited", "", head, flags=re.I).strip()
            if _is_title(names):
                return names, kind
    lines = [line for line in lines if not is_heading_text(line)]
    if lines and re.search(r"\bSegment(?:\s+Performance\s+Summary)?$", lines[-1]) and len(lines[-1].split()) <= 8:
        return lines[-1], None
    for line in reversed(lines[-4:]):
        if line.endswith(":") or re.search(r"\bfollowing table|as follows", line):
            return line.split(". ")[-1].rstrip(":"), None
    return (lines[-1] if lines and len(lines[-1].split()) <= 12 else ""), None


def _is_title(line: str) -> bool:
    """Whether a line is a statement's name and no sentence about one."""
    small = {"of", "and", "in", "the", "for", "to"}
    return all(word in small or not word[0].islower() for word in line.split())


def _note(text: str, start: int, end: int) -> str:
    """Return the last scale note in the text before a table's first rows."""
    found = [" ".join(match.group(0).split()) for match in _NOTE.finditer(text, start, end)]
    return found[-1] if found else ""


def _region(
    text: str, start: int, end: int, heading: Heading | None, taken: Sequence[tuple[int, int]]
) -> tuple[list[Row], list[Row]]:
    """Return the rows under a heading and, after prose ended that table, the rows of tables without one."""
    rows: list[Row] = []
    loose: list[Row] = []
    columns = heading.columns if heading else ()
    live = heading is not None
    sections = Sections()
    pending = start  # where the text begins that will become the next row's label
    for line_start, line_end in _lines(text, start, end):
        if any(s <= line_start < e for s, e in taken):
            pending, live = line_end, False
            continue
        line = text[line_start:line_end]
        cells = cells_in(text, line_start, line_end)
        if is_skipped(line) or not line.strip():
            if not text[pending:line_start].strip() or is_skipped(line):
                pending = line_end
            continue
        runs = _runs(text, cells)
        if not any(len(run) > 1 for run in runs) and is_prose(
            line, bool(cells) and cells[-1].end >= line_start + len(line.rstrip())
        ):
            live, pending = False, line_end
            sections.clear()
            continue
        for run in runs:
            at_end = not text[run[-1].end : line_end].strip()
            lead = text[pending : run[0].start]
            cut = _sentence_end(lead)
            if cut:
                live, pending = False, pending + cut
                sections.clear()
                lead = text[pending : run[0].start]
            fitted = _fit(run, columns, lead) if live and columns else None
            inside = re.match(r"\s*[a-z]", text[run[-1].end : line_end]) is not None  # "- 400,000 shares"
            if inside or (
                fitted is None and (not at_end or (len(run) < 2 and _CONNECTED.search(lead))) and len(run) <= 2
            ):
                continue  # a number inside a label
            skip, under = fitted if fitted else (_loose_skip(run, lead), None)
            kept = run[skip:]
            label_end = kept[0].start if kept else run[0].start
            label, label_start, heads = split_label(text, pending, label_end)
            pending = run[-1].end
            if not label or not kept:
                continue
            sections.open(heads)
            row = Row(label, sections.path, label_start, kept[-1].end, tuple(kept), under or (None,) * len(kept))
            sections.close(label)
            if live:
                rows.append(row)
            elif at_end and _tabular(row):
                loose.append(row)
    return rows, loose


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        stop = text.find("\n", start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop + 1


def _runs(text: str, cells: Sequence[Cell]) -> list[list[Cell]]:
    """Group cells that only white space separates."""
    runs: list[list[Cell]] = []
    for cell in cells:
        if runs and not text[runs[-1][-1].end : cell.start].strip():
            runs[-1].append(cell)
        else:
            runs.append([cell])
    return runs


def _fit(run: Sequence[Cell], columns: Sequence[Column], lead: str) -> tuple[int, tuple[Column | None, ...]] | None:
    """Return how many leading cells belong to the label, and the column of each other cell; None when unsure."""
    count, width = len(run), len(columns)
    plain = [column for column in columns if not column.change]
    changes = width - len(plain)
    if count == width:
        return 0, tuple(columns)
    extra = count - width
    if extra > 0 and all(cell.is_footnote for cell in run[:extra]):
        return extra, tuple(columns)
    if 0 < extra <= 2 and (_CONNECTED.search(lead) or run[0].is_year):
        return extra, tuple(columns)
    trailing = changes and all(column.change for column in columns[len(plain) :])
    if trailing and 0 < extra <= changes:  # "2022 vs. 2021" over an amount and a percentage
        return 0, (*plain, *((None,) * (count - len(plain))))
    if changes and count == len(plain) and len({cell.percent for cell in run if not cell.dash}) <= 1:
        return 0, tuple(plain)
    if changes and count == len(plain) + 1 and run[0].is_footnote and len({c.percent for c in run[1:]}) <= 1:
        return 1, tuple(plain)
    return None


def _loose_skip(run: Sequence[Cell], lead: str) -> int:
    """Return how many leading cells of a row without columns belong to the label."""
    if len(run) > 1 and (run[0].is_footnote or (run[0].is_year and not lead.strip()) or _CONNECTED.search(lead)):
        return 1
    return 0


def _trusted(rows: list[Row], heading: Heading) -> list[Row]:
    """Drop every column of a table in which many rows have more cells than the heading has columns.

    Then further headings were not seen, and a row that happens to fit would fit by luck.
    """
    width = len(heading.columns)
    over = sum(len(row.cells) > width and not any(row.columns) for row in rows)
    if width and over * 6 <= len(rows):
        return rows
    return [replace(row, columns=(None,) * len(row.cells)) for row in rows]


@dataclass(frozen=True, slots=True)
class _Standing:
    """Headings of words that go on to hold under the next period's heading: "2022" … "2021" …"""

    parts: tuple[str, ...] = ()
    end: int = -1
    title: str = ""
    note: str = ""
    intro: str = ""


def _by_words(
    text: str, heading: Heading, rows: list[Row], floor: int, standing: _Standing, names: Sequence[str]
) -> tuple[tuple[Column, ...], tuple[Row, ...], _Standing] | None:
    """Return columns and rows of a table that stands under one period and is headed by words, None when unsure."""
    wide = [row for row in rows if len(row.cells) > 1]
    width = max((len(row.cells) for row in wide), default=0)
    if not wide or sum(len(row.cells) == width for row in wide) * 2 < len(wide) or heading.single is None:
        return None
    below = _NOTE.sub(" ", text[heading.end : rows[0].start]).strip(" :\n")
    parts = None
    title = ""
    if below:
        parts = column_words(below, width, names)
    elif standing.parts and not text[standing.end : heading.start].strip():
        parts, title = standing.parts if len(standing.parts) == width else None, standing.title
    else:
        parts = _words_above(text, max(floor, heading.start - 300), heading.start, width, names)
    if parts is None:
        return None
    level = any(part.startswith("Level") for part in parts)  # of fair values: balances
    single = replace(heading.single, asof=heading.single.asof or level)
    columns = tuple(replace(single, group=part) for part in parts)
    said = set(below.split())
    made = tuple(
        replace(
            row,
            columns=columns if len(row.cells) == width else row.columns,
            path=tuple(part for part in row.path if not set(part.split()) <= said),
        )
        for row in rows
    )
    return columns, made, replace(standing, parts=parts) if title else _Standing(parts)


def _by_balances(rows: list[Row], names: Sequence[str]) -> list[Row]:
    """Return rows with columns when words head them all and at least two are balances at a printed date.

    "Goodwill - December 31, 2022" becomes "Goodwill" at that date; a row without a date has parts but no period.
    """
    width, path = len(rows[0].cells), rows[0].path
    dated = [match for row in rows if (match := _BALANCE.fullmatch(row.label))]
    if width < 2 or len(dated) < 2 or any(len(row.cells) != width or row.path != path for row in rows):
        return rows
    for count in range(1, min(len(path), 3) + 1):
        parts = column_words(" ".join(path[-count:]), width, names)
        if parts is not None:
            return [_balance(row, path[:-count], parts) for row in rows]
    return rows


def _balance(row: Row, path: tuple[str, ...], parts: tuple[str, ...]) -> Row:
    match = _BALANCE.fullmatch(row.label)
    if match is None:
        return replace(row, path=path, columns=tuple(Column("", group=part) for part in parts))
    month = MONTHS[match["month"].lower().rstrip(".")]
    day = Column(match["date"], int(match["year"]), month, int(match["day"]), asof=True)
    label = match["label"] if match["label"].casefold() not in ("balance", "balances") else row.label
    return replace(row, label=label, path=path, columns=tuple(replace(day, group=part) for part in parts))


def _words_above(text: str, floor: int, end: int, width: int, names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the headings of words that the lines above a period are; the fewest lines that fill the columns."""
    lines = text[floor:end].rstrip("\n").split("\n")
    for count in range(1, min(len(lines), 2 * width) + 1):
        words = _NOTE.sub(" ", "\n".join(lines[-count:]))
        if re.search(r"\d{2}|[.:;]\s*$", lines[-count]) and not words.strip():
            return None
        parts = column_words(words, width, names)
        above = lines[-count - 1].rstrip() if count < len(lines) else ""
        if parts is not None and (not above or above.endswith((":", ".", ")"))):
            return parts
        if re.search(r"[.:;]\s*$", lines[-count]):
            return None
    return None


def _tabular(row: Row) -> bool:
    """Whether a row without headings is a table's row rather than the end of a sentence."""
    marked = any(cell.currency or cell.percent or "," in cell.text for cell in row.cells)
    return marked and len(row.label.split()) <= 12 and not _CONNECTED.search(row.label)


def _sentence_end(lead: str) -> int:
    """Return where the last sentence ends in run-together text before a row, 0 when there is none."""
    cut = 0
    if len(lead) > 120:
        for match in re.finditer(r"(?<=[a-z)\d])(?<!\bInc)(?<!\bCo)(?<!\bCorp)\.\s+(?=[A-Z•(])", lead):
            if len(lead[cut : match.start()].split()) >= 8:
                cut = match.end()
    return cut
