"""Recognises what a filing says about itself: form, registrant, symbol, period and date of signature.

Only the text is read here. Which company of the registry that is, is decided in `identity`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.ingest.dates import DATE, evidence, parse_date
from pipelines.ingest.pages import RawPage

_FORM = re.compile(
    r"\bFORM\s*(10-?\s?KT?|10-?\s?Q|8-?\s?K|20-?\s?F|40-?\s?F|6-?\s?K|11-?\s?K|S-1|DEF\s?14A)(/A)?\b", re.I
)
_ANNUAL = re.compile(r"annual\s+report\s+pursuant\s+to\s+section\s+13", re.I)
_QUARTERLY = re.compile(r"quarterly\s+report\s+pursuant\s+to\s+section\s+13", re.I)
_PERIOD = re.compile(
    rf"(?:fiscal\s+year|year|quarterly\s+period|quarter|period|weeks|months)\s+ended:?\s*({DATE})", re.I
)
_REPORT_DATE = re.compile(rf"date\s+of\s+(?:report|earliest\s+event)[^\n]{{0,80}}?\s*:?\s*({DATE})", re.I)
_REPORT_DATE_ABOVE = re.compile(rf"({DATE})\s*\n?\s*\(?date\s+of\s+(?:report|earliest)", re.I)
_NAME = re.compile(r"\(\s*exact\s+name\s+of\s+(?:the\s+)?registrant", re.I)
_NOISE = re.compile(
    r"^.*(?:commission\s+file\s+(?:number|no\.?)s?:?\s*[\d-]+|exchange\s+act\s+of\s+1934\.?|_{3,}|for\s+the\s+transition"
    r"\s+period\s+from\s+to)",
    re.I,
)
_SYMBOL = re.compile(
    r"(?:stock|shares?|value|units|securities)\b[^\n]{0,80}?\s([A-Z]{1,5}(?:[.-][A-Z])?)\s+"
    r"(?:on\s+)?(?:the\s+)?(?:nasdaq|new\s+york|nyse|cboe|chicago)",
    re.I,
)
_SIGNED = re.compile(rf"\bdated?\b\s*:?\s*(?:as\s+of\s+)?({DATE})", re.I)
_ANY_DATE = re.compile(DATE)
_FILE_FORM = re.compile(r"(?<![A-Za-z0-9])(10-?[KQ]|8-?K|20-?F|6-?K|40-?F)(?![A-Za-z])", re.I)
_FILE_PERIOD = re.compile(r"(?<!\d)(?:FY)?((?:19|20)\d\d)(?:[ _-]?Q([1-4]))?(?!\d)", re.I)


@dataclass(frozen=True)
class Cover:
    """What the text says: None where it does not say. `sample` is what names fiscal years and quarters."""

    form: str | None = None
    registrant: str | None = None
    symbol: str | None = None
    period_end: date | None = None
    signed_on: date | None = None
    sample: str = ""
    opening: str = ""


def read_cover(pages: Sequence[RawPage]) -> Cover:
    """Read the cover (the first three pages) and the signatures of a filing."""
    opening = "\n".join(page.text for page in pages[:3])[:20_000]
    form = _form(opening)
    end = _first_date(_PERIOD, opening) if form not in ("8-K", "6-K") else None
    if form in ("8-K", "6-K"):
        end = _first_date(_REPORT_DATE, opening) or _first_date(_REPORT_DATE_ABOVE, opening)
    symbols = [found for found in _SYMBOL.findall(opening) if found.isupper()] if form else []
    return Cover(
        form=form,
        registrant=_registrant(opening),
        symbol=symbols[0] if symbols else None,
        period_end=end,
        signed_on=_signed_on(pages, end) if form else None,
        sample=evidence("\n".join(page.text for page in pages[:60])) if form else evidence(opening),
        opening=opening[:6_000],
    )


def hints_of(name: str) -> tuple[str | None, int | None, int | None]:
    """Return (form, year, quarter) that a file name suggests, as `WALMART_2024Q1_10Q.pdf` does."""
    stem = name.rsplit(".", 1)[0]
    form, period = _FILE_FORM.search(stem), _FILE_PERIOD.search(stem)
    return (
        _normal(form.group(1)) if form else None,
        int(period.group(1)) if period else None,
        int(period.group(2)) if period and period.group(2) else None,
    )


def _normal(form: str) -> str:
    plain = re.sub(r"[\s-]", "", form.upper())
    return "DEF 14A" if plain.startswith("DEF") else re.sub(r"^(\d+|S)(\D|\d+)", r"\1-\2", plain)


def _form(text: str) -> str | None:
    if match := _FORM.search(text[:4_000]):
        return _normal(match.group(1)) + (match.group(2) or "")
    if _ANNUAL.search(text):
        return "10-K"
    return "10-Q" if _QUARTERLY.search(text) else None


def _first_date(pattern: re.Pattern[str], text: str) -> date | None:
    for match in pattern.finditer(text):
        if found := parse_date(match.group(1)):
            return found
    return None


def _registrant(text: str) -> str | None:
    match = _NAME.search(text)
    if match is None:
        return None
    lines = [line for line in text[: match.start()].split("\n") if line.strip(" _|")]
    for line in reversed(lines[-3:]):
        name = _NOISE.sub("", line.strip(" _|")).strip(" _|.:") if _NOISE.search(line) else line.strip(" _|")
        if any(character.isalpha() for character in name) and len(name) <= 120:
            return " ".join(name.split()) + ("." if line.rstrip(" _|").endswith(".") and not name.endswith(".") else "")
    return None


def _signed_on(pages: Sequence[RawPage], end: date | None) -> date | None:
    """Return the date most often signed with after the period's end, else the one on the signature page."""
    earliest = end or date(1990, 1, 1)
    latest = earliest + timedelta(days=420) if end else date(2100, 1, 1)

    def usable(texts: list[str]) -> list[date]:
        found = [parse_date(text) for text in texts]
        return [day for day in found if day is not None and earliest < day <= latest]

    signed = usable([match for page in pages for match in _SIGNED.findall(page.text)])
    if not signed:
        signed = usable(
            [
                match
                for page in pages
                if "duly authorized" in page.text or "/s/" in page.text.lower()
                for match in _ANY_DATE.findall(page.text)
            ]
        )
    return Counter(signed).most_common(1)[0][0] if signed else None
