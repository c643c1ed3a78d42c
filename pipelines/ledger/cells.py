"""Finds the number cells of a line of table text and reads what is printed in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

_CELL = re.compile(
    r"""
    (?<!\S)
    (?P<currency>(?:US|C|A|HK)?[$€£¥])?[ \u00a0]?
    (?:
      (?P<open>\()?[ ]?
      (?P<minus>[-\u2212\u2013])?
      (?P<inner>[$€£¥])?
      (?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
      (?:[ ]?(?P<inside>%))?
      (?P<close>[ ]?\))?
      (?:[ \u00a0]?(?P<after>%(?P<late>\))?|bps\b|pts?\b))?
      | (?P<none>[\u2014\u2013\u2212-]{1,2}|N/A|n/a|NM|nm|N/M|n/m|\*)(?P<nopct>[ \u00a0]?%)?
    )
    (?=\s|$)
    """,
    re.VERBOSE,
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_FOOTNOTE = re.compile(r"\(\d{1,2}\)")
_ZERO = {"—", "–", "−", "-", "——", "--", "––"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed number: offsets into the page, the text, and what it says before any scale.

    `number` is signed by parentheses or a minus (a percentage is not yet divided by 100); a dash is zero,
    and "N/A" or "NM" has no number at all.
    """

    start: int
    end: int
    text: str
    number: Decimal | None
    decimals: int
    currency: str = ""
    percent: bool = False
    points: bool = False  # basis points
    dash: bool = False
    scale: int | None = None  # printed with the number itself: "$394.3 billion"

    @property
    def is_year(self) -> bool:
        """Whether this may be a year that heads a column rather than a value."""
        return bool(_YEAR.fullmatch(self.text))

    @property
    def is_footnote(self) -> bool:
        """Whether this may be a footnote marker such as "(1)" rather than minus one."""
        return bool(_FOOTNOTE.fullmatch(self.text))


def cells_in(text: str, start: int = 0, end: int | None = None) -> list[Cell]:
    """Return the cells of `text[start:end]` in order, with offsets into `text`.

    A cell is set off by white space on both sides: "2021—$492", "10,175)" and "Note-7" are words of a label.
    """
    found = []
    for match in _CELL.finditer(text, start, len(text) if end is None else end):
        cell = _cell(match)
        if cell is not None:
            found.append(cell)
    return found


def cell_of(text: str) -> Cell | None:
    """Return the cell that the whole text is, or None when it is anything else."""
    stripped = text.strip()
    match = _CELL.fullmatch(stripped)
    return _cell(match) if match else None


def _cell(match: re.Match[str]) -> Cell | None:
    group = match.groupdict()
    text = match.group(0)
    lead = len(text) - len(text.lstrip())
    start, text = match.start() + lead, text.strip()
    end = start + len(text)
    currency = group["currency"] or group["inner"] or ""
    if group["none"] is not None:
        dash = group["none"] in _ZERO
        return Cell(start, end, text, Decimal(0) if dash else None, 0, currency, bool(group["nopct"]), dash=dash)
    opened = bool(group["open"])
    if opened != bool(group["close"] or group["late"]):
        return None  # half of a bracketed remark
    digits = group["digits"].replace(",", "")
    number = Decimal(digits)
    if opened or group["minus"]:
        number = -number
    after = group["after"] or ""
    return Cell(
        start,
        end,
        text,
        number,
        len(digits.partition(".")[2]),
        currency,
        bool(group["inside"]) or after.startswith("%"),
        after.startswith(("bps", "pt")),
    )
