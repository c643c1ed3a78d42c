"""Reads a question: which companies, which periods, what is asked for, and since when.

Nothing here guesses: what the words do not settle is left empty, and the agent asks back or says which
default it used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from pipelines.agents.topics import PRICE_TOPICS, TOPICS, PriceTopic, Topic
from pipelines.ledger.concepts import measures_named
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.errors import InvalidInput
from tieout.model import Document, Instrument

_YEAR = r"(?:19[89]\d|20[0-4]\d)"
_FISCAL = re.compile(
    rf"\b(?:fiscal(?:\s+years?)?|FYs?|years?\s+ended)\s*'?(?P<year>{_YEAR}|\d\d)\b|\bfiscal\s*'(?P<short>\d\d)\b", re.I
)
_BARE_YEAR = re.compile(rf"(?<![\d/$,.-]){_YEAR}(?![\d/%,]|\.\d|-\d)")
_RANGE = re.compile(
    rf"\b(?:fiscal(?:\s+years?)?\s*|FY\s?)?({_YEAR})\s*(?:to|through|until|[-–—]|and)\s*(?:fiscal\s*|FY\s?)?({_YEAR})\b",
    re.I,
)
_QUARTER = re.compile(
    rf"\bQ([1-4])\b\s*(?:of\s+)?(?:(?:fiscal(?:\s+year)?|FY)\s*)?'?({_YEAR}|\d\d)?"
    rf"|\b(first|second|third|fourth)(?:\s+fiscal)?\s+quarter(?:\s+(?:of\s+)?(?:(?:fiscal(?:\s+year)?|FY)\s*)?({_YEAR}))?",
    re.I,
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4}
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]})?" if name != "may" else "may" for name in _MONTHS)
_DATE = re.compile(
    rf"\b(?P<iso>{_YEAR}-\d\d-\d\d)\b"
    rf"|\b(?P<month>{_MONTH})\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>{_YEAR})\b"
    rf"|\b(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?P<month2>{_MONTH})\.?,?\s+(?P<year2>{_YEAR})\b"
    rf"|\b(?P<month3>{_MONTH})\.?,?\s+(?P<year3>{_YEAR})\b",
    re.I,
)
_LAST = re.compile(
    r"\b(?:last|past|previous|trailing|recent)\s+(?P<n>\d+|one|two|three|four|five|six|ten|twelve)?[\s-]*"
    r"(?P<unit>trading\s+days?|days?|weeks?|months?|years?|decade)\b",
    re.I,
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "ten": 10, "twelve": 12}
_SINCE = re.compile(r"\b(?:since|from then|thereafter|after that|afterwards)\b", re.I)
_COMPARE = re.compile(
    r"\b(?:compar\w*|versus|vs\.?|against|relative to|better than|which (?:of|company|one)|higher|between)\b", re.I
)


_BROAD = re.compile(
    r"\b(?:margins|(?<!free )(?<!operating )cash flows?(?! from| margin)|results|overview|profile|brief|summary|"
    r"balance sheet|liquidity|financial (?:position|health|strength)|profitability|costs|expenses|"
    r"how did [^,?]{0,40} (?:do|perform))\b",
    re.I,
)
_SEGMENT = re.compile(
    r"\b(?:segments?|by (?:product|region|category|country|business)|product lines?|categories|geograph\w+"
    r"|business lines?)\b",
    re.I,
)
_SHARE = re.compile(
    r"\b(?:share|percentage|percent|proportion|part|%)\s+of\s+(?:its\s+|total\s+|net\s+)*(?:revenues?|sales)\b", re.I
)


@dataclass(frozen=True)
class Window:
    """A span of days for prices; `note` says in words how it was chosen."""

    start: date
    end: date
    note: str


@dataclass(frozen=True)
class Reading:
    """What a question asks, as far as its words settle it."""

    text: str
    instruments: tuple[Instrument, ...]
    topics: tuple[Topic, ...]
    price_topics: tuple[PriceTopic, ...]
    fiscal_years: tuple[int, ...]  # newest last; empty: none named
    quarter: int | None
    comparing: bool
    since: bool
    trend: bool  # a range of years was named
    measures: tuple[str, ...] = ()  # measures named outright, in order
    by_segment: bool = False

    @property
    def narrow(self) -> bool:
        """Whether single measures are named and no topic as a whole."""
        return bool(self.measures) and not _BROAD.search(self.text)

    @property
    def wants_prices(self) -> bool:
        """Whether the question asks for the stock."""
        return bool(self.price_topics)

    @property
    def wants_filings(self) -> bool:
        """Whether the question asks for reported figures."""
        return bool(self.topics or self.measures or self.by_segment)


def read_question(text: str, instruments: Sequence[Instrument]) -> Reading:
    """Return the reading of `text` for companies that are already resolved."""
    bare = _DATE.sub(" ", text)
    years, trend = _years(bare)
    quarter, quarter_year = _quarter(text)
    if quarter_year and quarter_year not in years:
        years = sorted({*years, quarter_year})
    return Reading(
        text=text,
        instruments=tuple(instruments),
        topics=tuple(topic for topic in TOPICS if topic.pattern.search(text)),
        price_topics=tuple(topic for topic in PRICE_TOPICS if topic.pattern.search(text)),
        fiscal_years=tuple(years),
        quarter=quarter,
        comparing=len(instruments) > 1 or bool(_COMPARE.search(text) and len(instruments) > 1),
        since=bool(_SINCE.search(text)),
        trend=trend,
        measures=_measures(text),
        by_segment=bool(_SEGMENT.search(text)),
    )


def _measures(text: str) -> tuple[str, ...]:
    """Return the measures named; "what share of revenue went into R&D" is the share, not revenue and R&D."""
    named = [name for name in measures_named(text) if name not in ("segments", "margins", "cash_flow")]
    if _SHARE.search(text):
        shares = [f"{name}_share" for name in named if f"{name}_share" in FORMULAS]
        if shares:
            return tuple(shares)
    return tuple(named)


def _years(text: str) -> tuple[list[int], bool]:
    found: set[int] = set()
    ranged = False
    for match in _RANGE.finditer(text):
        first, last = int(match[1]), int(match[2])
        if 0 < last - first <= 12:
            found.update(range(first, last + 1))
            ranged = True
    for match in _FISCAL.finditer(text):
        digits = match["year"] or match["short"]
        found.add(int(digits) if len(digits) == 4 else 2000 + int(digits))
    found.update(int(match[0]) for match in _BARE_YEAR.finditer(text))
    return sorted(found), ranged


def _quarter(text: str) -> tuple[int | None, int | None]:
    match = _QUARTER.search(text)
    if not match:
        return None, None
    if match[1]:
        digits = match[2]
        year = None if not digits else int(digits) if len(digits) == 4 else 2000 + int(digits)
        return int(match[1]), year
    return _ORDINALS[match[3].lower()], int(match[4]) if match[4] else None


def dates_named(text: str) -> list[date]:
    """Return the calendar dates a text names, in order; a month alone is its last day."""
    found = []
    for match in _DATE.finditer(text):
        if match["iso"]:
            found.append(_checked(match["iso"], match["iso"]))
            continue
        month = match["month"] or match["month2"] or match["month3"]
        year = match["year"] or match["year2"] or match["year3"]
        number = next(i for i, name in enumerate(_MONTHS, 1) if name.startswith(month.lower()[:3]))
        if match["month3"]:
            following = date(int(year) + number // 12, number % 12 + 1, 1)
            found.append(following - timedelta(days=1))
        else:
            found.append(_checked(f"{year}-{number:02}-{int(match['day'] or match['day2']):02}", match[0]))
    return found


def _checked(iso: str, printed: str) -> date:
    try:
        return date.fromisoformat(iso)
    except ValueError as error:
        raise InvalidInput(f"“{printed}” is not a date of the calendar. Name an existing day.") from error


def price_window(reading: Reading, as_of: date, first: date, year_end: date | None) -> Window:
    """Return the days over which to measure prices, from the words of the question.

    `first` is the first bar, `year_end` the end of the fiscal year in question. Order of rules: two dates;
    "since" a date; "since" with a fiscal year (then from the year's end); "last N months"; years named
    (calendar years); else the twelve months to `as_of`.
    """
    text = reading.text
    dates = sorted({day for day in dates_named(text) if day <= as_of})
    if len(dates) >= 2:
        return Window(dates[0], dates[-1], f"from {dates[0]:%-d %B %Y} to {dates[-1]:%-d %B %Y}, as asked")
    if dates:
        return Window(dates[0], as_of, f"since {dates[0]:%-d %B %Y}, the date named in the question")
    if match := _LAST.search(text):
        start = _back(as_of, match)
        return Window(max(start, first), as_of, f"over the {match[0].lower().strip()} to {as_of:%-d %B %Y}")
    if reading.since and year_end:
        return Window(year_end, as_of, f"“since” is taken from the fiscal year's end, {year_end:%-d %B %Y}")
    if reading.topics and year_end:
        return Window(
            year_end,
            as_of,
            f"no date was named for the stock, so it is taken from the fiscal year's end, {year_end:%-d %B %Y}",
        )
    if reading.fiscal_years:
        start = date(min(reading.fiscal_years) - 1, 12, 31)
        end = min(date(max(reading.fiscal_years), 12, 31), as_of)
        named = f"{min(reading.fiscal_years)}"
        if len(reading.fiscal_years) > 1:
            named += f" to {max(reading.fiscal_years)}"
        if reading.since:
            return Window(start, as_of, f"since the last close before {min(reading.fiscal_years)}")
        return Window(start, end, f"over calendar {named}")
    start = _years_before(as_of, 1)
    return Window(max(start, first), as_of, f"no period was named, so the twelve months to {as_of:%-d %B %Y} are used")


def _back(day: date, match: re.Match[str]) -> date:
    amount = match["n"] or "1"
    n = int(amount) if amount.isdigit() else _NUMBERS[amount.lower()]
    unit = match["unit"].lower()
    if unit.startswith("decade"):
        return _years_before(day, 10 * n)
    if unit.startswith("year"):
        return _years_before(day, n)
    if unit.startswith("month"):
        months = day.year * 12 + day.month - 1 - n
        return date(months // 12, months % 12 + 1, min(day.day, 28))
    if unit.startswith("week"):
        return day - timedelta(weeks=n)
    return day - timedelta(days=n if "trading" not in unit else n * 7 // 5 + 3)


def _years_before(day: date, n: int) -> date:
    return day.replace(year=day.year - n, day=min(day.day, 28) if day.month == 2 else day.day)


def fiscal_year_in_question(reading: Reading, documents: Sequence[Document]) -> int | None:
    """Return the fiscal year asked about: the newest named, else the newest annual report's, else the newest."""
    if reading.fiscal_years:
        return max(reading.fiscal_years)
    annual = [d.fiscal_year for d in documents if d.fiscal_year and (d.form or "").startswith("10-K")]
    every = [d.fiscal_year for d in documents if d.fiscal_year]
    return max(annual or every, default=None)
