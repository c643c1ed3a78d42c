"""Reads a question: which companies, which periods, what is asked for, and since when.

Nothing here guesses: what the words do not settle is left empty, and the agent asks back or says which
default it used.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pipelines.agents.intent import Intent, read_intent
from pipelines.agents.topics import PRICE_TOPICS, SAID_OTHERWISE, TOPICS, PriceTopic, Topic
from pipelines.agents.wanted import asks_in_particular, subject_of
from pipelines.ledger.concepts import measures_named
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.errors import InvalidInput
from tieout.model import Document, Instrument

_YEAR = r"(?:19[89]\d|20[0-4]\d)"
_FISCAL = re.compile(
    rf"\b(?:fiscal(?:\s+years?)?|FYs?|years?\s+ended)\s*'?(?P<year>{_YEAR}|\d\d)\b|\bfiscal\s*'(?P<short>\d\d)\b", re.I
)
_BARE_YEAR = re.compile(rf"(?<![\d/$,.-]){_YEAR}(?![\d/%]|,\d|\.\d|-\d)")
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
LAST = re.compile(
    r"\b(?:last|past|previous|trailing|recent)\s+(?P<n>\d+|one|two|three|four|five|six|ten|twelve)?[\s-]*"
    r"(?P<unit>trading\s+days?|days?|weeks?|months?|years?|decade)\b",
    re.I,
)
_OF_ONE_DAY = {"level", "trend", "momentum", "macd", "range", "volume"}
_SINCE = re.compile(r"\b(?:since|from then|thereafter|after that|afterwards)\b", re.I)
_MONTHS_SPAN = re.compile(r"\b(six|nine|6|9)[- ]months?\b", re.I)
_LATEST_QUARTER = re.compile(r"\b(?:latest|most recent|last|newest) (?:reported )?quarter\b", re.I)


_BROAD = re.compile(
    r"\b(?:margins|(?<!free )(?<!operating )cash flows?(?! from| margin)|results|overview|profile|brief|summar\w+|"
    r"balance sheet|liquidity|financial (?:position|health|strength)|profitability|costs and expenses)\b",
    re.I,
)
_GENERAL = re.compile(
    r"\b(?:how (?:is|are|was|has|have|did|does|do)\b|how'?s\b"
    r"|tell me about|what about|what'?s up with|perform\w*|overview|profile"
    r"|summar\w+|financials?|fundamentals|doing|good (?:company|year)|analy[sz]e|analysis|update on)",
    re.I,
)
_SEGMENT = re.compile(
    r"\b(?:(?:operating |reportable |business )?segments?|(?:by|per"
    r"|each) (?:product|region|category|country|business|segment|geograph\w+)"
    r"|product (?:lines?|categor\w+|groups?)|categories|geograph\w+|business (?:lines?|units?|divisions?)|divisions?"
    r"|(?:which|what) (?:[\w']+ )?(?:region|country|product|category|market"
    r"|business|services?)s?\b(?! (?:risks?|does|do|is|are)\b)|regions?)\b",
    re.I,
)
_RELATIVE = re.compile(
    r"\b(?:against|versus|vs\.?|relative to|compared (?:to|with)"
    r"|beat(?:en|s|ing)?|outperform\w*|underperform\w*|lag(?:ged|s)?"
    r"|better than|worse than|behind|ahead of)\b",
    re.I,
)
# Words that questions are made of: a slip of a letter in a long word is put right ("revenu", "drawdwn").
_VOCABULARY = """
revenue revenues income margin margins operating profit profits earnings expense expenses volatility drawdown
drawdowns dividend dividends capital expenditure expenditures inventory inventories assets liabilities
receivables return returns correlation growth depreciation amortization equity turnover segment segments
quarter compare performance employees
""".split()
_SHARE = re.compile(
    r"\b(?:share|percentage|percent|proportion|part|%)\s+of\s+(?:its\s+|total\s+|net\s+)*(?:revenues?|sales)\b", re.I
)


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
    months: int | None = None  # 6 or 9: the year to date of a quarterly report
    latest_quarter: bool = False
    relative: bool = False  # one security is to be measured against another
    general: bool = False  # nothing in particular is named: how is it doing?
    ends: tuple[date, ...] = ()  # calendar dates named
    intent: Intent = field(default_factory=Intent)

    @property
    def narrow(self) -> bool:
        """Whether single measures are named and no topic as a whole."""
        return bool(self.measures) and not _BROAD.search(self.text)

    @property
    def of_one_day(self) -> bool:
        """Whether all that is asked of the prices belongs to one day: a close, an average, an oscillator."""
        return bool(self.price_topics) and {topic.key for topic in self.price_topics} <= _OF_ONE_DAY

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
    text = without_slips(text)
    bare = _DATE.sub(" ", text)
    years, trend = _years(bare)
    quarter, quarter_year = _quarter(text)
    if quarter_year and quarter_year not in years:
        years = sorted({*years, quarter_year})
    months = _MONTHS_SPAN.search(text)
    topics = tuple(topic for topic in TOPICS if topic.pattern.search(text))
    measures, by_segment = _measures(text), bool(_SEGMENT.search(text))
    price_topics = _without_shadows(text, [one for one in PRICE_TOPICS if one.pattern.search(text)], measures)
    ends = tuple(dates_named(text))
    subject = subject_of(text)
    if subject and subject.instead:
        topics, price_topics, measures, by_segment = (), (), (), False
    names = [name for one in instruments for name in (one.name, *one.names)]
    one_thing = len(instruments) == 1 and asks_in_particular(_GENERAL.sub(" ", text), names)
    in_words = asked_in_words(text) or one_thing
    general = not (topics or price_topics or measures or by_segment or in_words) and bool(
        _GENERAL.search(text) or len(text.split()) <= len(instruments) * 4 + 2
    )
    if general:
        if len(ends) > 1 or (ends and _SINCE.search(text)) or LAST.search(text) or _AS_A_STOCK.search(text):
            price_topics = tuple(topic for topic in PRICE_TOPICS if topic.key == "return")
        else:
            topics = tuple(topic for topic in TOPICS if topic.key in ("revenue", "margins", "cash_flow"))
    return Reading(
        text=text,
        instruments=tuple(instruments),
        topics=topics,
        price_topics=price_topics,
        fiscal_years=tuple(years),
        quarter=quarter,
        comparing=len(instruments) > 1,
        since=bool(_SINCE.search(text)),
        trend=trend,
        measures=measures,
        by_segment=by_segment,
        months={"six": 6, "6": 6, "nine": 9, "9": 9}[months[1].lower()] if months and ends else None,
        latest_quarter=bool(_LATEST_QUARTER.search(text)),
        relative=bool(_RELATIVE.search(text)),
        general=general,
        ends=ends,
        intent=read_intent(text),
    )


_OF_SHARES = re.compile(r"\b(?:stocks?|shares?|returns?|prices?)\b", re.I)
_RETURN_ITSELF = re.compile(
    r"\b(?:returns?|returned|gained|outperform\w*|underperform\w*|beat\w*|lagg?\w*|invest\w*|ytd|perform\w*|done|do)\b",
    re.I,
)
_AS_A_STOCK = re.compile(
    r"\bperform\w* (?:the )?(?:best|worst|better|worse)|(?:best|worst|better|worse)[- ]perform", re.I
)
_IN_WORDS = re.compile(
    r"\b(?:risks?|compet\w+|strateg\w+|litigation|lawsuits?|legal|proceedings?|regulat\w+|guidance|outlook"
    r"|describe|explain"
    r"|why|reasons?|drivers?|drove|driven|caus\w+|covid\S*|pandemic"
    r"|supply chain|inflation|climate|cyber\w*|going concern"
    r"|comparable|same[- ]store|organic|polic(?:y|ies)|recogni[sz]\w+"
    r"|recognition|accounts? for|critical accounting|dependen\w+)\b",
    re.I,
)
_MAYBE_IN_WORDS = re.compile(
    r"\b(?:employ\w+|headcount|workforce|customers?|suppliers?|products?|services?|business(?:es)?|acqui\w+|audit\w*"
    r"|headquarter\w*|located|where|who|compan\w+|stores?|warehouses?|obligations?|commitments?|members\w*"
    r"|subscribers?|filings?"
    r"|10-[KQ]|patents?|brands?|markets?|supply|opened|closed|plans?|ceo|directors?|founded|lease\w*)\b",
    re.I,
)


def asks_something(text: str) -> bool:
    """Whether a question asks for anything that filings or prices could say, whoever it is about."""
    reading = read_question(text, ())
    found = reading.measures or reading.price_topics or reading.by_segment or (reading.topics and not reading.general)
    return bool(found or asked_in_words(reading.text) or _MAYBE_IN_WORDS.search(reading.text))


def asked_in_words(text: str, *, beside_figures: bool = False) -> bool:
    """Whether a question wants what the filings say in words, even `beside_figures` that it names."""
    return bool(_IN_WORDS.search(text) or subject_of(text) or (not beside_figures and _MAYBE_IN_WORDS.search(text)))


def without_slips(text: str) -> str:
    """Put slips of a letter right in the words that questions are made of."""

    def right(match: re.Match[str]) -> str:
        word = match[0]
        if word.lower() in _VOCABULARY or not word.islower():
            return word
        near = difflib.get_close_matches(word, [w for w in _VOCABULARY if w[0] == word[0]], 1, 0.88)
        return (
            near[0] if near and abs(len(near[0]) - len(word)) <= 1 and word.rstrip("s") != near[0].rstrip("s") else word
        )

    return re.sub(r"[A-Za-z]{5,}", right, text)


def _without_shadows(text: str, topics: list[PriceTopic], measures: Sequence[str]) -> tuple[PriceTopic, ...]:
    """Drop "the stock's return" where "stock" only says whose volatility, and a growth rate of reported figures."""
    keys = {topic.key for topic in topics}
    if "annualised" in keys and measures and not _OF_SHARES.search(text):
        topics = [topic for topic in topics if topic.key != "annualised"]
    if len(keys) > 1 and ("annualised" in keys or not _RETURN_ITSELF.search(text)):
        topics = [topic for topic in topics if topic.key != "return"]
    return tuple(topics)


def _measures(text: str) -> tuple[str, ...]:
    """Return the measures named; "what share of revenue went into R&D" is the share, not revenue and R&D."""
    named = [name for name in measures_named(text) if name not in ("segments", "margins", "cash_flow")]
    named += [name for pattern, name in SAID_OTHERWISE if pattern.search(text) and name not in named]
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


def fiscal_year_in_question(reading: Reading, documents: Sequence[Document]) -> int | None:
    """Return the fiscal year asked about: the newest named, that of a date named, else the newest report's.

    The newest report is the annual one, unless the question asks for a quarter.
    """
    if reading.fiscal_years:
        return max(reading.fiscal_years)
    of_date = [d.fiscal_year for d in documents if d.fiscal_year and d.period_end in reading.ends]
    quarterly = [d.fiscal_year for d in documents if d.fiscal_year and d.fiscal_quarter not in (None, 4)]
    annual = [d.fiscal_year for d in documents if d.fiscal_year and (d.form or "").startswith("10-K")]
    every = [d.fiscal_year for d in documents if d.fiscal_year]
    asked = quarterly if reading.quarter or reading.latest_quarter else []
    named = [day.year for day in reading.ends] if reading.wants_filings and not reading.wants_prices else []
    return max(of_date or named or asked or annual or every, default=None)
