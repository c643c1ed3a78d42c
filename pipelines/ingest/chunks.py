"""Cuts a page into chunks that follow its structure: headings open them, table rows stay together.

Every chunk is a slice of its page's text, nothing is repeated or dropped but white space between slices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.ingest.pages import RawPage

PROSE_LIMIT = 1_600
TABLE_LIMIT = 3_200  # a whole statement, where it fits
_SMALL = 350

_NUMERIC = re.compile(r"^[$€£]?\(?[$€£]?-?\d[\d,]*(?:\.\d+)?\)?%?\)?$|^[—–-]$|^\$$|^%$|^\)%?$|^N/?[AM]$|^[|]$|^\d?x$")
_STRONG = re.compile(r"[$€£%(),.]|\d{4}")
_ITEM = re.compile(r"^(?:PART\s+[IV]+\b|ITEM\s+\d+[A-C]?\b)", re.I)
_NOTE = re.compile(r"^(?:NOTE\s+\d+\b|\d{1,2}\.\s+[A-Z][A-Za-z])")
_MARKDOWN = re.compile(r"^(#{1,6})\s+(.*)$")
_SENTENCE = re.compile(r"(?<=[.;:!?])\s+")
_WORDS = re.compile(r"[A-Za-z][A-Za-z’'&-]*")


@dataclass(frozen=True)
class RawChunk:
    """A slice of a page: `page.text[start:end]`, with the headings that it stands under."""

    page: int
    start: int
    end: int
    heading: str
    kind: str  # prose | table


@dataclass
class Headings:
    """The headings above the place that is being read, outermost first; they last over page ends."""

    levels: dict[int, str] = field(default_factory=dict)

    def enter(self, level: int, text: str) -> None:
        """Open a heading and close those at or below its level."""
        self.levels = {depth: title for depth, title in self.levels.items() if depth < level}
        self.levels[level] = text

    def path(self) -> str:
        """Return the headings as `Item 7 › Liquidity`, at most 200 characters."""
        return " › ".join(self.levels[level] for level in sorted(self.levels))[:200]


@dataclass(frozen=True)
class _Block:
    start: int
    end: int
    kind: str
    titles: tuple[tuple[int, str], ...] = ()  # (level, text) of the headings that open it


def cut_pages(pages: Iterable[RawPage]) -> list[RawChunk]:
    """Return the chunks of all pages in order of page and offset; no chunk crosses a page's end."""
    headings = Headings()
    chunks: list[RawChunk] = []
    for page in pages:
        chunks.extend(_cut_page(page, headings))
    return chunks


def _cut_page(page: RawPage, headings: Headings) -> list[RawChunk]:
    text = page.text
    chunks: list[RawChunk] = []
    start = end = -1
    kind = "prose"
    path = headings.path()

    def close() -> None:
        nonlocal start
        if start >= 0:
            left, right = _trim(text, start, end)
            if right > left:
                chunks.append(RawChunk(page.number, left, right, path, kind))
        start = -1

    for block in _blocks(text):
        limit = TABLE_LIMIT if "table" in (block.kind, kind) else PROSE_LIMIT
        fits = start >= 0 and block.end - start <= limit
        opens = block.titles and end - start > _SMALL and not (block.kind == "table" and end - start < 2 * _SMALL)
        if not fits or opens:
            close()
        for level, title in block.titles:
            headings.enter(level, title)
        if start < 0:
            start, kind, path = block.start, block.kind, headings.path()
        elif block.kind == "table":
            kind = "table"
        end = block.end
    close()
    return chunks


def _blocks(text: str) -> list[_Block]:
    """Group lines into headings, runs of table rows with their captions, and paragraphs."""
    lines = _lines(text)
    rows = [is_row(text[start:end]) for start, end in lines]
    in_table = _tables(text, lines, rows)
    blocks: list[_Block] = []
    index = 0
    while index < len(lines):
        first, last = index, index
        if in_table[index]:
            while last + 1 < len(lines) and in_table[last + 1]:
                last += 1
            pieces = _split(text, lines[first : last + 1], "table", TABLE_LIMIT)
            titles = _captions(text, lines, rows, first, last)
        else:
            titles = tuple(found for found in (_heading(text, lines, rows, index),) if found[0])
            while last + 1 < len(lines) and not in_table[last + 1]:
                if _heading(text, lines, rows, last + 1)[0] or lines[last + 1][1] - lines[first][0] > PROSE_LIMIT:
                    break
                last += 1
            pieces = _split(text, lines[first : last + 1], "prose", PROSE_LIMIT)
        if titles:
            pieces[0] = _Block(pieces[0].start, pieces[0].end, pieces[0].kind, titles)
        blocks.extend(pieces)
        index = last + 1
    return blocks


def _lines(text: str) -> list[tuple[int, int]]:
    spans, start = [], 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        if text[start:end].strip():
            spans.append((start, end))
        start = end + 1
    return spans


def is_row(line: str) -> bool:
    """Whether a line is a table's row: it ends in numeric cells, or its cells are parted by `|`."""
    if line.count("|") >= 2:
        return True
    tokens = line.split()
    trailing = strong = 0
    for token in reversed(tokens):
        if not _NUMERIC.match(token):
            break
        trailing += 1
        if any(character.isdigit() for character in token) and _STRONG.search(token):
            strong += 1
    if trailing >= 2 and strong >= 1:
        return True
    return (
        strong == 1 and len(line) < 90 and len(tokens) > 1 and not tokens[-1].endswith((".", ",")) and "," in tokens[-1]
    )


def _tables(text: str, lines: list[tuple[int, int]], rows: list[bool]) -> list[bool]:
    """Mark rows, the short labels among them, and up to six short caption lines above a table."""
    marked = list(rows)
    length = [end - start for start, end in lines]
    total = len(lines)
    position = 0
    while position < total:
        if not rows[position]:
            position += 1
            continue
        last = position
        while True:  # a gap of at most four short lines (sub-headings, wrapped labels) does not end a table
            following = next((i for i in range(last + 1, min(last + 6, total)) if rows[i]), None)
            if following is None or any(length[i] > 110 for i in range(last + 1, following)):
                break
            last = following
        count = sum(rows[position : last + 1])
        if count < 2:
            marked[position : last + 1] = [False] * (last + 1 - position)
        else:
            marked[position : last + 1] = [True] * (last + 1 - position)
            above = position - 1
            while above >= 0 and position - above <= 6 and length[above] <= 110 and not marked[above]:
                if text[lines[above][0] : lines[above][1]].rstrip().endswith("."):
                    break
                marked[above] = True
                above -= 1
        position = last + 1
    return marked


def _captions(
    text: str, lines: list[tuple[int, int]], rows: list[bool], first: int, last: int
) -> tuple[tuple[int, str], ...]:
    """Return the headings among the lines above a table's first row."""
    found = []
    for index in range(first, last + 1):
        if rows[index]:
            break
        level, title = _heading(text, lines, rows, index)
        if level and level < 4:
            found.append((level, title))
    return tuple(found)


def _heading(text: str, lines: list[tuple[int, int]], rows: list[bool], index: int) -> tuple[int, str]:
    start, end = lines[index]
    if end - start > 110:
        return 0, ""
    line = text[start:end].strip()
    if match := _MARKDOWN.match(line):
        return len(match.group(1)), match.group(2).strip()
    if rows[index] or len(line) < 4 or line.endswith((".", ",", ";")) or not (line[0].isupper() or line[0].isdigit()):
        return (1, line) if _ITEM.match(line) and not rows[index] else (0, "")
    if _ITEM.match(line):
        return 1, line
    if _NOTE.match(line):
        return 2, line
    words = _WORDS.findall(line)
    if not words or len(words) > 14 or line.lower() == "table of contents":
        return 0, ""
    if line.isupper() and len(line) > 8:
        return 3, line
    big = [word for word in words if len(word) > 3]
    following = lines[index + 1][1] - lines[index + 1][0] if index + 1 < len(lines) else 0
    if big and all(word[0].isupper() for word in big) and following > 60 and "," not in line and len(line) < 70:
        return 4, line
    return 0, ""


def _split(text: str, lines: list[tuple[int, int]], kind: str, limit: int) -> list[_Block]:
    """Cut a run of lines into blocks of at most `limit` characters, at line ends, else sentences, else spaces."""
    blocks: list[_Block] = []
    start = end = lines[0][0]
    for left, right in lines:
        if right - start > limit and end > start:
            blocks.append(_Block(start, end, kind))
            start = left
        end = right
        while end - start > limit:
            cut = _cut_point(text, start, start + limit)
            blocks.append(_Block(start, cut, kind))
            start = cut
    if end > start:
        blocks.append(_Block(start, end, kind))
    return blocks


def _cut_point(text: str, start: int, latest: int) -> int:
    sentence = max((match.end() for match in _SENTENCE.finditer(text, start, latest)), default=0)
    if sentence > start + (latest - start) // 2:
        return sentence
    space = text.rfind(" ", start + 1, latest)
    return space + 1 if space > start else latest


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
