"""Says what a table's numbers count and in which scale, from the printed note, the row and the cell."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipelines.ledger.cells import Cell

_SCALES = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "000": 1_000}
_PER_SHARE = re.compile(
    r"\bper\s+(?:\w+\s+){0,2}share\b|\bper\s+(?:diluted|basic)\b|\bearnings\s+per\b|\beps\b|\bshare\s+price\b",
    re.IGNORECASE,
)
_SHARES = re.compile(
    r"\bshares?\s+(?:used|outstanding|issued|in\s+issue)|weighted[\s-]+average\b.*\bshares|number\s+of\s+shares|"
    r"\bdilutive\b|\bshares\b\s*(?:\(.*\))?$|shares\s+(?:repurchased|purchased|of\s+common)|\bRSUs\b",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"(?<!\d)(?<!\d\s)(?:\bpercent|%|\b(?:sales|revenues?) mix\b)", re.IGNORECASE)  # not "5.5% notes"
_STOCK = re.compile(r"\bpar value\b|\bshares authorized\b|\bpaid-in capital\b|^capital stock", re.IGNORECASE)  # money
_RATE = re.compile(r"\b(?:tax|discount|interest|growth|gross profit|exchange) rate\b|\bratio\b", re.IGNORECASE)
_COUNTED = re.compile(
    r"\b(?:unit\s+counts?|square\s+feet|headcount|employees|memberships?|members|subscribers|warehouses|stores|locations|"
    r"households|cardholders|number\s+of)\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\((?:in\s+)?(?:years|days|months)\)|\b(?:lease|contractual|useful)\s+(?:term|li(?:fe|ves))\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Note:
    """A printed scale: of money, of share counts, of plain counts and of areas; None where nothing says."""

    money: int | None = None
    shares: int | None = None
    counts: int | None = None
    areas: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """What a cell measures: a Figure's unit and scale."""

    unit: str
    scale: int


def read_note(note: str) -> Note:
    """Return the scales that a note such as "(In millions, except number of shares … in thousands …)" gives."""
    low = " ".join(note.casefold().split())
    main, _, exception = low.partition("except")
    own = re.search(r"\b(?:number of )?shares(?: (?:are|is|reflected|presented))? in (thousand|million|billion)s", main)
    if own:
        main = main[: own.start()] + main[own.end() :]
    money = _scale(main)
    if money is None and own and "and shares" in low:
        money = _SCALES[own.group(1)]  # "$ and shares in millions"
    shares = _SCALES[own.group(1)] if own else money
    counts = money
    if exception:
        reflected = re.search(
            r"shares?[^,]*?(?:reflected|presented|stated)\s+in\s+(thousand|million|billion)", exception
        )
        if reflected:
            shares = _SCALES[reflected.group(1)]
        elif re.search(r"(?<!per )(?<!per-)\b(?:number\s+of\s+)?shares?\b(?!\s*price)", exception):
            shares = 1
        if re.search(r"\bcounts?\b|\bnumber of (?!shares)|headcount|square", exception):
            counts = 1
    return Note(money, shares, counts, 1 if "square" in exception else money)


def measure(cell: Cell, label: str, path: tuple[str, ...], note: Note, *, percent: bool, money: bool) -> Measure | None:
    """Return what the cell measures, None when its scale is not printed anywhere near.

    `percent` is what the column's heading says; `money` whether the table prints currency signs or says dollars.
    """
    words = " ".join((*path[-1:], label))
    if cell.percent or (percent and not cell.currency):
        return Measure("fraction", 1)
    if cell.points:
        return Measure("fraction", 1)
    if not cell.currency and re.search(r"basis\s+points|\bbps\b", label, re.IGNORECASE):
        return Measure("fraction", 1)
    own = re.search(
        r"\((?:in\s+)?(thousand|million|billion|000)[s’']*s?\)|\bin\s+(thousand|million|billion)s\b", words, re.I
    )
    scale = _SCALES[(own.group(1) or own.group(2)).lower()] if own else None
    if _PER_SHARE.search(label) or (_PER_SHARE.search(words) and not _SHARES.search(words) and cell.decimals):
        return Measure("USD/share", 1) if cell.decimals or cell.dash else None
    if _SHARES.search(words) and not cell.currency and not _PER_SHARE.search(label) and not _STOCK.search(label):
        by = scale or note.shares
        return Measure("shares", by) if by else None
    if not cell.currency and _TIME.search(words):
        return Measure("count", 1)
    if not cell.currency and _PERCENT.search(words):
        return Measure("fraction", 1)
    if not cell.currency and _RATE.search(label):
        return None  # a rate printed without its sign: of what, is not certain
    if (
        not cell.currency
        and _COUNTED.search(label)
        and not re.search(r"\bfees?\b|revenue|sales|income|expense|cost", words, re.I)
    ):
        if re.search(r"\bsquare\s+f(?:ee|oo)t", label, re.IGNORECASE) and not re.search(
            r"\bper\b", label, re.IGNORECASE
        ):
            return Measure("count", scale or note.areas or 1)
        by = scale or note.counts or 1
        people = re.search(r"member|subscriber|household|cardholder|number\s+of", label, re.IGNORECASE)
        if by == 1 or people or not money:  # "New stores" among amounts in millions is what they cost
            return Measure("count", by)
    if re.search(r"\bper\b", label, re.IGNORECASE) and cell.decimals == 2 and cell.currency:
        return Measure("USD", 1)  # "average revenue per membership": a price, whatever the table's scale
    by = cell.scale or scale or note.money
    if by is None and cell.currency and cell.number is not None and abs(cell.number) >= 10_000_000:
        by = 1  # printed in full
    if by is None:
        return None
    if cell.decimals >= 2 and 1 < by < 10**9 and cell.scale is None:
        return None  # thousands or millions have no cents: some other unit stands here
    counted = "shares" if re.search(r"\bcommon stock\b|\bshares\b", words, re.IGNORECASE) else "count"
    return Measure("USD" if money or cell.currency else counted, by)


def _scale(text: str) -> int | None:
    for word, scale in _SCALES.items():
        if word in text:
            return scale
    return None
