"""Finds dates as filings print them, and tells which fiscal year and quarter a period belongs to."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
DATE = (
    r"(?:(?:January|February|March|April|May|June|July|August|September|October|November|December)"
    r"\s*\d{1,2}\s*,\s*\d{4}|\d{1,2}/\d{1,2}/\d{4}|\d{4}-\d{2}-\d{2})"
)
_LONG = re.compile(r"([A-Za-z]+)\s*(\d{1,2})\s*,\s*(\d{4})")
_FISCAL = re.compile(r"\bfiscal(?:\s+year)?\s+(20\d\d|19\d\d)\b", re.I)
_QUARTER_OF = re.compile(
    r"\b(first|second|third|fourth)\s+quarters?\s+(?:of\s+)?(?:our\s+)?fiscal(?:\s+year)?\s+(20\d\d)", re.I
)

_LENGTHS = re.compile(
    r"\b(?:(?:six|nine)\s+months|(?:thirty-nine|thirty-six|twenty-six|twenty-four)\s+weeks|(?:24|26|28|36|39|40)\s+weeks)\b",
    re.I,
)


def evidence(text: str) -> str:
    """Return only the phrases of a text that name fiscal years, quarters and lengths of periods."""
    return "\n".join(match.group() for pattern in (_QUARTER_OF, _FISCAL, _LENGTHS) for match in pattern.finditer(text))


def parse_date(text: str) -> date | None:
    """Return the date that `text` prints (`September 24, 2022`, `9/24/2022`, `2022-09-24`), or None."""
    try:
        if match := _LONG.fullmatch(text.strip()):
            return date(int(match.group(3)), _MONTHS.index(match.group(1).lower()) + 1, int(match.group(2)))
        if "/" in text:
            month, day, year = map(int, text.split("/"))
            return date(year, month, day)
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def fiscal_year_of(end: date, text: str) -> int:
    """Return the company's own name for the fiscal year that ends on `end`.

    A year that ends in the first week of January is named after the one before. One that ends in January
    or February may be named either way: the text's own "fiscal 2021" decides, else the year it ends in.
    """
    if end.month == 1 and end.day <= 7:
        return end.year - 1
    if end.month > 2:
        return end.year
    counts = Counter(int(year) for year in _FISCAL.findall(text))
    return end.year - 1 if counts[end.year - 1] > counts[end.year] else end.year


def fiscal_quarter_of(end: date, text: str, fiscal_year_end: str | None) -> tuple[int, int]:
    """Return (fiscal year, quarter) of a quarter that ends on `end`.

    `fiscal_year_end` is "MM-DD" where it is known; otherwise the lengths of the periods that the text
    compares ("nine months ended") tell the quarter.
    """
    quarter = _quarter_by_calendar(end, fiscal_year_end) if fiscal_year_end else _quarter_by_text(text)
    months = end.month - 1 + (4 - quarter) * 3 - (1 if end.day <= 7 else 0)
    closing = date(end.year + months // 12, months % 12 + 1, 28)
    year = fiscal_year_of(closing, text)
    named = Counter(int(match.group(2)) for match in _QUARTER_OF.finditer(text))
    if named and closing.month <= 2 and max(named, key=lambda key: named[key]) in (year, year - 1):
        year = max(named, key=lambda key: named[key])
    return year, quarter


def _quarter_by_calendar(end: date, fiscal_year_end: str) -> int:
    month, day = (int(part) for part in fiscal_year_end.split("-"))
    days = ((end - date(end.year - 1, month, min(day, 28))).days + 10) % 365.25
    return min(4, max(1, round(days / 91.3))) if days > 45 else 4


def _quarter_by_text(text: str) -> int:
    lowered = text.lower()
    if re.search(r"\bnine\s+months|thirty-nine\s+weeks|39\s+weeks|40\s+weeks|thirty-six\s+weeks", lowered):
        return 3
    if re.search(r"\bsix\s+months|twenty-six\s+weeks|26\s+weeks|twenty-four\s+weeks|28\s+weeks", lowered):
        return 2
    return 1
