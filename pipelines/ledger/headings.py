"""Finds the column headings of plain-text tables: runs of years, dates and durations, broken over lines or not."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from pipelines.ledger.periods import DURATION, MONTH, MONTHS, months_of

_UNNAMED = re.sub(r"\?P<\w+>", "?:", DURATION).replace("fiscal ", r"fiscal\ ").replace("calendar ", r"calendar\ ")
_SCALE_WORD = r"(?:millions?|thousands?|billions?|000[’']?s|percent(?:ages?)?)"
_ITEM = re.compile(
    rf"""
    (?<![\w])(?=[($%\w])(?:  # only where a word begins: the rest of each word is passed over quickly
    (?P<scale>\([^()\n]{{0,60}}?\b{_SCALE_WORD}\b[^()]{{0,160}}\)|\((?:un)?audited\)
      |(?:\$|(?:amounts|dollars))\s(?:and\sshares\s)?in\s{_SCALE_WORD}
        (?:,\sexcept\s(?:number\sof\s|per[\s-])?shares?(?:\sand\sper[\s-]share)?(?:\s(?:amounts|data))?)?)
    |(?P<duration>\b{_UNNAMED})
    |(?P<asof>\bas\s+(?:of|at)\b|\bat\b(?=\s+{MONTH}\s+\d))
    |(?P<monthday>\b{MONTH}\s+\d{{1,2}}\b(?!,\d{{3}}),?)
    |(?P<versus>(?:19|20)\d\d\s*(?:vs?\.?|versus|compared\s+to|over)\s*(?:19|20)\d\d|(?<!\S)\d\d/\d\d(?!\S))
    |(?P<quarter>\b(?:Q[1-4]\s*(?:FY|fiscal)?\s*'?(?:(?:19|20)\d\d|\d\d)|[1-4]Q\s?'?(?:20\d\d|\d\d))\b)
    |(?P<fiscal>\b(?:FY\s?'?|fiscal\s+(?:year\s+)?)(?:(?:19|20)\d\d|\d\d)\b(?!,))
    |(?P<year>(?<!\S)(?:19|20)\d\d(?:\s?\(\d\))?(?=\s|$))
    |(?P<change>(?:(?:%|\$|percent(?:age)?|dollar)\s+)?\b(?:change|variance|increase|growth)\b
        (?:\s?/?\s?\(decrease\))?(?:\s?\(?[%$]\)?)?(?!\s+(?:in|of|to|from|due)\b|[a-z])|(?<!\S)(?:%|Y/Y)(?=\s+%?\s*(?:change|$)))
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLAIN = re.compile(r"^[\s:;,*|]*$")


@dataclass(frozen=True, slots=True)
class Column:
    """One column's heading: its text as printed and what it says about time; None where it says nothing.

    `months` is the duration that stands above it, `day`/`month`/`year` its date, `asof` that it is a balance
    date, `change` that it holds changes rather than values, `group` a name shared with its neighbours.
    """

    text: str
    year: int | None = None
    month: int | None = None
    day: int | None = None
    months: int | None = None
    quarter: int | None = None
    asof: bool = False
    change: bool = False
    percent: bool = False
    group: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two columns of one table indistinguishable."""
        return (self.year, self.month, self.day, self.months, self.quarter, self.change and self.text, self.group)


@dataclass(frozen=True, slots=True)
class Heading:
    """Columns found at `text[start:end]`; none when they could not be told apart for certain.

    `single` is the only period that the heading names: it holds for all rows below, whatever their columns are.
    """

    start: int
    end: int
    columns: tuple[Column, ...]
    single: Column | None = None


@dataclass(frozen=True, slots=True)
class _Item:
    kind: str
    start: int
    end: int
    text: str
    months: int | None = None


def headings_in(text: str) -> list[Heading]:
    """Return the headings of a page in order.

    One that names a single period has no columns, and ends the table before it.
    """
    headings = []
    for block in _blocks(text):
        years = [item for item in block if item.kind in ("year", "fiscal", "quarter")]
        if not years:
            continue
        # A block that begins in the middle of a sentence keeps only what stands on lines of its own.
        line = text.rfind("\n", 0, block[0].start) + 1
        if text[line : block[0].start].strip():
            stop = text.find("\n", block[0].start)
            first = [item for item in years if stop < 0 or item.start < stop]
            if len(first) < 2 and (first or not years):
                block = [item for item in block if stop >= 0 and item.start > stop]
                years = [item for item in years if item in block]
                if not years:
                    continue
        while (
            block
            and block[-1].kind in ("monthday", "duration", "asof", "change")
            and "\n" in text[years[-1].end : block[-1].start]
            and not (block[-1].kind == "change" and _alone(text, block[-1]))
        ):
            block = block[:-1]  # the beginning of what follows
        if len(years) == 1 and not _whole_lines(text, block):
            continue
        columns = _columns(block, text)
        single = columns[0] if len(years) == len(columns) == 1 else None
        headings.append(Heading(block[0].start, block[-1].end, columns if len(years) > 1 else (), single))
    return headings


def is_heading_text(line: str) -> bool:
    """Whether a line says nothing but periods, scales and changes, so that it is no title."""
    return not re.sub(r"[\W_]+|\bfiscal\b", "", _ITEM.sub(" ", line), flags=re.IGNORECASE)


def _alone(text: str, item: _Item) -> bool:
    """Whether the item fills the rest of its line."""
    stop = text.find("\n", item.end)
    return not text[item.end : stop if stop >= 0 else len(text)].strip()


def _whole_lines(text: str, block: list[_Item]) -> bool:
    start = text.rfind("\n", 0, block[0].start) + 1
    return not text[start : block[0].start].strip() and _alone(text, block[-1])


def _blocks(text: str) -> list[list[_Item]]:
    """Group items that only white space separates."""
    blocks: list[list[_Item]] = []
    for match in _ITEM.finditer(text):
        kind = match.lastgroup or ""
        months = None
        if kind == "duration":
            inner = re.match(DURATION, match.group(0), re.IGNORECASE)
            months = months_of(inner) if inner else None
        item = _Item(kind, match.start(), match.end(), match.group(0), months)
        if (
            blocks
            and _PLAIN.match(text[blocks[-1][-1].end : item.start])
            and text[blocks[-1][-1].end : item.start].strip() in ("", ",")
        ):
            blocks[-1].append(item)
        else:
            blocks.append([item])
    return blocks


def _columns(block: list[_Item], text: str) -> tuple[Column, ...]:
    """Return the columns that the items name, () when that is not certain."""
    durations = [item for item in block if item.kind == "duration"]
    days = [item for item in block if item.kind == "monthday"]
    above = _above(text, block[0].start)
    if not durations:
        durations = [item for item in above if item.kind == "duration"]
    if not days:
        days = [item for item in above if item.kind == "monthday"]
    asof = not durations and any(item.kind == "asof" for item in [*block, *above])
    heads = [item for item in block if item.kind in ("year", "fiscal", "quarter", "versus", "change")]
    values = [item for item in heads if item.kind in ("year", "fiscal", "quarter")]
    # "Year Ended December 31, Change" on a line above the years is a name over the last columns, not a column.
    heads = [item for item in heads if item.kind != "change" or item.start > values[0].start]
    over = "%" in text[max(0, block[0].start - 120) : values[0].start]
    paired = _pair_days(block, days, values)
    if paired is None:
        return ()
    spans = _pair_durations(block, durations, values)
    if spans is None:
        return ()
    columns: list[Column] = []
    for item in heads:
        label = " ".join(item.text.split())
        if item.kind in ("versus", "change"):
            columns.append(
                Column(label, change=True, percent="%" in label or "ercent" in label or ("/" in label and over))
            )
            continue
        index = values.index(item)
        day = paired[index]
        year = _year(item)
        quarter = _quarter(item)
        month, number = _month_day(day) if day else (None, None)
        printed = f"{' '.join(day.text.split()).rstrip(',')}, {year}" if day else label
        span = spans[index]
        if span is not None and item.kind != "quarter":
            printed = f"{' '.join(span.text.split())} {printed}"
        months = 3 if item.kind == "quarter" else (span.months if span else 12 if item.kind == "fiscal" else None)
        columns.append(Column(printed, year, month, number, months, quarter, asof and span is None))
    return _grouped(tuple(columns), block, text)


def _above(text: str, start: int) -> list[_Item]:
    """Return durations and dates of the lines above a heading, up to the first line that holds anything longer."""
    line = top = text.rfind("\n", 0, start) + 1
    for _ in range(3):
        if top <= 0:
            break
        previous = text.rfind("\n", 0, top - 1) + 1
        words = text[previous : top - 1]
        if len(words.split()) > 14 or re.search(r"\d,\d{3}|\.\s*$", words) or words.rstrip().endswith(":"):
            break
        top = previous
        if any(match.lastgroup in ("duration", "asof") for match in _ITEM.finditer(words)):
            break
    # Searched as one text: a month may stand at the end of one line and its day on the next.
    found = [_made(match, top) for match in _ITEM.finditer(text[top:start] if top < line or start > line else "")]
    kept: list[_Item] = []
    for item in found:
        if item.kind == "monthday" and re.match(r"[,\s]*(?:19|20)\d\d\b", text[item.end : start]):
            # A whole date is not the day of other years; nor is what it is joined to.
            while kept and not text[kept[-1].end : item.start].strip(" ,\n"):
                item = kept.pop()
        elif item.kind in ("duration", "monthday", "asof"):
            kept.append(item)
    return kept


def _made(match: re.Match[str], offset: int) -> _Item:
    months = None
    if match.lastgroup == "duration":
        inner = re.match(DURATION, match.group(0), re.IGNORECASE)
        months = months_of(inner) if inner else None
    return _Item(match.lastgroup or "", offset + match.start(), offset + match.end(), match.group(0), months)


def _pair_days(block: list[_Item], days: list[_Item], values: list[_Item]) -> list[_Item | None] | None:
    """Give each year its month and day: one shared by all, or one each; None when that is uncertain."""
    if not days:
        return [None] * len(values)
    if len(days) == 1:
        return [days[0]] * len(values)
    if len(days) == len(values):
        return list(days)  # alternating, or all days on one line and all years on the next
    if len(values) % len(days) == 0 and all(day in block for day in days):
        return None
    if len({_month_day(day) for day in days}) == 1:
        return [days[0]] * len(values)
    return None


def _pair_durations(block: list[_Item], durations: list[_Item], values: list[_Item]) -> list[_Item | None] | None:
    """Give each year the duration above it: one shared by all, or equal groups from left to right."""
    if not durations:
        return [None] * len(values)
    if len(values) % len(durations):
        return None
    each = len(values) // len(durations)
    interleaved = len(durations) > 1 and any(item.start > values[0].start for item in durations if item in block)
    # "Year ended May 1, 2022 Year ended May 2, 2021": each duration directly before its own year
    if interleaved and (each != 1 or any(d.start > v.start for d, v in zip(durations, values, strict=True))):
        return None
    return [durations[index // each] for index in range(len(values))]


def _grouped(columns: tuple[Column, ...], block: list[_Item], text: str) -> tuple[Column, ...]:
    """Name repeated columns by the words on the line above; keep them nameless when the words do not fit."""
    if len({column.key for column in columns}) == len(columns):
        return columns
    groups: list[list[Column]] = []
    for column in columns:
        if groups and groups[-1][0].change == column.change and column.key not in {c.key for c in groups[-1]}:
            groups[-1].append(column)
        else:
            groups.append([column])
    first = min(item.start for item in block if item.kind in ("year", "fiscal", "quarter"))
    line = text.rfind("\n", 0, first) + 1
    above = text[text.rfind("\n", 0, max(line - 1, 0)) + 1 : max(line - 1, 0)]
    words = _ITEM.sub(" ", above).split()
    if len(words) != len(groups):  # which of the equal columns is which cannot be known
        counts = Counter(column.key for column in columns)
        return tuple(
            column if counts[column.key] == 1 else Column(column.text, change=column.change) for column in columns
        )
    return tuple(replace(column, group=word) for word, group in zip(words, groups, strict=True) for column in group)


def _year(item: _Item) -> int:
    digits = re.findall(r"\d+", item.text)
    if item.kind == "year":
        return int(digits[0])
    last = digits[-1]
    return int(last) if len(last) == 4 else 2000 + int(last)


def _quarter(item: _Item) -> int | None:
    if item.kind != "quarter":
        return None
    return int(next(c for c in item.text if c.isdigit()))


def _month_day(item: _Item) -> tuple[int, int]:
    month, day = item.text.rstrip(",").split()
    return MONTHS[month.lower().rstrip(".")], int(day)
