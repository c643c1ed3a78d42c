"""Turns column headings and phrases such as "fiscal 2022" or "three months ended July 1, 2023" into Periods."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from tieout.model import Document, Period

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
MONTH = r"(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\.?"
COUNTS = {"three": 3, "six": 6, "nine": 9, "twelve": 12, "3": 3, "6": 6, "9": 9, "12": 12}
WEEKS = {"12": 3, "13": 3, "14": 3, "16": 4, "24": 6, "26": 6, "27": 6, "36": 9, "39": 9, "40": 9, "52": 12, "53": 12}
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
WEEK_WORDS = {
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "twenty-six": "26",
    "thirty-nine": "39",
    "fifty-two": "52",
    "fifty-three": "53",
}

DURATION = (
    r"(?:(?P<count>three|six|nine|twelve|3|6|9|12)[- ]months?(?:[- ]periods?)?"
    r"|(?P<weeks>" + "|".join([*WEEKS, *WEEK_WORDS]) + r")[- ]weeks?"
    r"|(?P<quarter>(?:fiscal )?quarters?)"
    r"|(?P<year>(?:fiscal |calendar )?years?))"
    r"\s+(?:then\s+)?end(?:ed|ing)(?:\s+on)?"
)
_DAY = rf"(?P<month>{MONTH})\s+(?P<day>\d{{1,2}})(?:,?\s+(?P<y>(?:19|20)\d\d))"
_PROSE = re.compile(
    rf"(?P<ended>{DURATION}\s+{_DAY})"
    rf"|(?P<asof>(?:as\s+of|at|on)\s+(?P<month2>{MONTH})\s+(?P<day2>\d{{1,2}}),?\s+(?P<y2>(?:19|20)\d\d))"
    r"|(?P<q>\bQ(?P<qn>[1-4])[\s,]*(?:of\s+)?(?:FY|fiscal\s+(?:year\s+)?)?'?(?P<qy>(?:19|20)?\d\d)\b)"
    r"|(?P<q2>(?P<ord>first|second|third|fourth|1st|2nd|3rd|4th)[\s-]+(?:fiscal\s+)?quarter\s+(?:of\s+)?"
    r"(?:fiscal\s+)?(?:year\s+)?(?P<oy>(?:19|20)\d\d))"
    r"|(?P<fy>\b(?:FY\s?'?|fiscal\s+(?:year\s+)?)(?P<fyy>(?:19|20)\d\d|\d\d)\b)"
    rf"|(?P<date>{MONTH}\s+\d{{1,2}},?\s+(?:19|20)\d\d)"
    r"|(?P<bare>(?<![\d,.$/-])\b(?:19|20)\d\d\b(?![\d,]*\d|[.,]\d|\s?%))",
    re.IGNORECASE,
)
_YEARLESS = re.compile(
    r"\b(?:first\s+)?(?P<months>nine|six|three|9|6|3)[-\s]months?(?:\s+periods?)?"
    r"(?:\s+(?:of|in|ended\s+(?:in\s+)?\w+)\s+(?:fiscal\s+(?:year\s+)?|the\s+year\s+)?(?P<my>(?:19|20)\d\d)\b)?"
    r"(?!\s+end(?:ed|ing)\s+\w+\s+\d)"
    r"|\b(?P<ord>first|second|third|fourth)[\s-]+(?:fiscal\s+)?quarter\b(?!\s+(?:of\s+)?(?:fiscal\s+)?(?:year\s+)?(?:19|20)\d\d)"
    r"|\b(?P<half>first|second)[\s-]+half\b|\bQ(?P<q>[1-4])\b(?![\s,]*(?:of\s+)?(?:FY|fiscal|'|\d))",
    re.IGNORECASE,
)
_TOLERANCE = timedelta(days=10)  # a 52/53-week year ends some days off its anniversary


@dataclass(frozen=True)
class Calendar:
    """A company's fiscal calendar: `end` is the last day of `fiscal_year`; `ends` holds other years' last days."""

    fiscal_year: int | None = None
    end: date | None = None
    ends: Mapping[int, date] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Document, texts: Iterable[str] = ()) -> Calendar:
        """Return the calendar that a filing implies; `texts` (its pages) give the exact ends of other years."""
        year, end = document.fiscal_year, document.period_end
        if year is None or end is None:
            return cls()
        quarter = document.fiscal_quarter
        if quarter and quarter < 4 and (document.form or "").upper() != "10-K":
            end = _add_months(end, 3 * (4 - quarter))
            exact = {}
        else:
            exact = {year: end}
        calendar = cls(year, end)
        return cls(year, end, {**calendar._learn(texts, document.period_end), **exact})

    def _learn(self, texts: Iterable[str], closing: date | None) -> dict[int, date]:
        """Find the dates near the fiscal year's anniversary that the filing names most often.

        Years of 52 or 53 weeks all end on the same day of the week; the others with a month.
        """
        assert self.end is not None
        seen: Counter[date] = Counter()
        names = {self.end.month, (self.end - _TOLERANCE).month, (self.end + _TOLERANCE).month}
        pattern = re.compile(
            r"\b(" + "|".join(n for n, m in MONTHS.items() if m in names) + r")\.?\s+(\d{1,2}),\s*((?:19|20)\d\d)\b",
            re.IGNORECASE,
        )
        for text in texts:
            for name, day, year in pattern.findall(text):
                found = _date(int(year), MONTHS[name.lower()], int(day))
                if found is None or (closing and found.weekday() != closing.weekday() and not _month_end(found)):
                    continue
                if abs(found - _near(self.end, found)) <= _TOLERANCE:
                    seen[found] += 1
        ends: dict[int, date] = {}
        for found, _ in sorted(seen.items(), key=lambda pair: pair[1]):
            fiscal = self.year_of(found)
            if fiscal is not None:
                ends[fiscal] = found  # the most frequent comes last
        return ends

    def year_of(self, day: date) -> int | None:
        """Return the company's name for the fiscal year that contains `day`; None when the calendar is unknown."""
        if self.fiscal_year is None or self.end is None:
            return None
        return self.fiscal_year + math.ceil((day - self.end - _TOLERANCE).days / 365.25)

    def end_of(self, fiscal_year: int) -> date | None:
        """Return the last day of a fiscal year, when the filing names it or the year ends with a month."""
        if fiscal_year in self.ends:
            return self.ends[fiscal_year]
        if self.end is None or self.fiscal_year is None or not _month_end(self.end):
            return None
        if any(not _month_end(day) for day in self.ends.values()):
            return None
        return _last_day(self.end.year + fiscal_year - self.fiscal_year, self.end.month)

    def quarter_of(self, day: date) -> int | None:
        """Return the fiscal quarter (1-4) that ends at `day`, None when no quarter ends near it."""
        year = self.year_of(day)
        if year is None or self.end is None or self.fiscal_year is None:
            return None
        start = _add_months(self.end, 12 * (year - 1 - self.fiscal_year))
        quarters = (day - start).days / 91.31
        nearest = round(quarters)
        return nearest if 1 <= nearest <= 4 and abs(quarters - nearest) < 0.2 else None

    def duration(self, months: int, end: date, label: str = "") -> Period:
        """Return the period of `months` months that ends at `end`."""
        year = self.year_of(end)
        if months == 12:
            if year is not None and self.end is not None and abs(end - _near(self.end, end)) > _TOLERANCE:
                return Period("months", year, None, 12, None, end, label)
            if year is None and (end.month, end.day) == (12, 31):
                year = end.year
            return Period("year", year, None, 12, None, end, label)
        if months == 3:
            return Period("quarter", year, self.quarter_of(end), 3, None, end, label)
        return Period("months", year, None, months, None, end, label)

    def instant(self, day: date, label: str = "") -> Period:
        """Return the balance date `day`, with the fiscal year that it falls in."""
        year = self.year_of(day)
        if year is None and (day.month, day.day) == (12, 31):
            year = day.year
        return Period("instant", year, self.quarter_of(day), None, None, day, label)

    def year(self, fiscal_year: int, label: str = "") -> Period:
        """Return a whole fiscal year by the company's own name for it."""
        return Period("year", fiscal_year, None, 12, None, self.end_of(fiscal_year), label or str(fiscal_year))

    def year_end(self, fiscal_year: int, label: str = "") -> Period:
        """Return the balance date at the end of a fiscal year."""
        return Period("instant", fiscal_year, 4, None, None, self.end_of(fiscal_year), label or str(fiscal_year))


def periods_in(text: str, calendar: Calendar = Calendar()) -> list[tuple[int, int, Period]]:
    """Return (start, end, period) of every period expression of a sentence, in order.

    A bare year means the company's fiscal year of that name. An expression that does not say how long it
    is ("July 1, 2023") is an instant.
    """
    found = []
    for match in _PROSE.finditer(text):
        period = _prose_period(match, calendar)
        if period is not None:
            found.append((match.start(), match.end(), period))
    return found


def yearless_periods(text: str, year: int | None) -> list[tuple[int, int, Period]]:
    """Return (start, end, period) of quarters and runs of months that a sentence names without their year.

    They are of fiscal year `year`, or of the year that the sentence itself names when it names just one.
    """
    named = {
        int(m[1])
        for m in re.finditer(r"(?<![\d,.$])\b((?:19|20)\d\d)\b(?![\d,]*\d|[.,]\d|\s?%)", text)
        if not re.search(r"\b(?:same|from|than|versus|compared|against|relative)\b[^.;]*$", text[: m.start()], re.I)
    }
    own = named.pop() if len(named) == 1 else year
    found = []
    for match in _YEARLESS.finditer(text):
        label = " ".join(match[0].split())
        when = int(match["my"]) if match["my"] else own
        if match["months"]:
            count = COUNTS[match["months"].lower()]
            found.append((match.start(), match.end(), Period("months", when, None, count, None, None, label)))
        elif match["half"]:
            found.append((match.start(), match.end(), Period("months", when, None, 6, None, None, label)))
        else:
            quarter = ORDINALS[match["ord"].lower()] if match["ord"] else int(match["q"])
            found.append((match.start(), match.end(), Period("quarter", when, quarter, 3, None, None, label)))
    return found


def parse_period(text: str, calendar: Calendar = Calendar()) -> Period | None:
    """Return the period of a heading or phrase, None when it names none or several."""
    found = periods_in(text, calendar)
    return found[0][2] if len(found) == 1 else None


def same_period(a: Period | None, b: Period | None) -> bool:
    """Whether two periods are certainly the same stretch of time or the same balance date.

    A year is not the instant at its end. A year equals twelve months that end at its last day; a quarter
    equals the three months that end at its last day. Unknown is the same as nothing.
    """
    if a is None or b is None or _kind(a) != _kind(b):
        return False
    if a.end is not None and b.end is not None:
        if a.end != b.end:
            return False
        return _length(a) == _length(b)
    if a.kind == "months" or b.kind == "months":
        return False  # without both ends only whole years and quarters are certain
    return a.fiscal_year is not None and (a.fiscal_year, a.fiscal_quarter) == (b.fiscal_year, b.fiscal_quarter)


def months_of(match: re.Match[str]) -> int | None:
    """Return how many months a DURATION match names."""
    group = match.groupdict()
    if group.get("count"):
        return COUNTS[group["count"].lower()]
    if group.get("weeks"):
        words = group["weeks"].lower()
        return WEEKS[WEEK_WORDS.get(words, words)]
    if group.get("quarter"):
        return 3
    return 12 if group.get("year") else None


def day_of(month: str, day: str, year: int) -> date | None:
    """Return the date of a month's name, a day and a year, None when there is no such day."""
    return _date(year, MONTHS[month.lower().rstrip(".")], int(day))


def _prose_period(match: re.Match[str], calendar: Calendar) -> Period | None:
    group, label = match.groupdict(), " ".join(match.group(0).split())
    if group["ended"]:
        end, months = day_of(group["month"], group["day"], int(group["y"])), months_of(match)
        return calendar.duration(months, end, label) if end and months else None
    if group["asof"]:
        day = day_of(group["month2"], group["day2"], int(group["y2"]))
        return calendar.instant(day, label) if day else None
    if group["date"]:
        month, number, year = group["date"].replace(",", " ").split()
        day = day_of(month, number, int(year))
        return calendar.instant(day, label) if day else None
    if group["q"]:
        return Period("quarter", _full_year(group["qy"]), int(group["qn"]), 3, None, None, label)
    if group["q2"]:
        return Period("quarter", int(group["oy"]), ORDINALS[group["ord"].lower()], 3, None, None, label)
    if group["fy"]:
        return calendar.year(_full_year(group["fyy"]), label)
    return calendar.year(int(group["bare"]), label)


def _kind(period: Period) -> str:
    if period.kind == "instant":
        return "instant"
    return "duration"


def _length(period: Period) -> int | None:
    return {"year": 12, "quarter": 3, "instant": 0}.get(period.kind, period.months)


def _full_year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _last_day(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _month_end(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1


def _add_months(day: date, months: int) -> date:
    """Move by whole months, keeping the last day of a month the last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = index // 12, index % 12 + 1
    last = _last_day(year, month)
    return last if _month_end(day) else date(year, month, min(day.day, last.day))


def _near(anniversary: date, day: date) -> date:
    """Return the anniversary that lies nearest to `day`."""
    return min(
        (_add_months(anniversary, 12 * (day.year + k - anniversary.year)) for k in (-1, 0, 1)),
        key=lambda candidate: abs(candidate - day),
    )
