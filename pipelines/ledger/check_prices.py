"""Checks what a text says about prices by computing it from the lake, over the days that the text names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from pipelines.ledger.draft import Passage
from pipelines.ledger.match_scope import Scope, Sentence
from pipelines.ledger.match_verdicts import CONTRADICTED, OPEN, TIED, Verdict
from pipelines.ledger.numbers import NumberMention
from pipelines.ledger.periods import MONTHS
from tieout.errors import TieoutError
from tieout.model import Fact, Principal, Source
from tieout.ports import Lake, Registry

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_DATE = re.compile(
    rf"\b(?:(?P<m>{_MONTH})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>(?:19|20)\d\d)"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<m2>{_MONTH})\.?,?\s+(?P<y2>(?:19|20)\d\d)"
    r"|(?P<iso>(?:19|20)\d\d-\d\d-\d\d))\b",
    re.IGNORECASE,
)
_PRICES = re.compile(
    r"\b(?:shares|stock|share price|stock price|total return|drawdown|volatility|beta|correlation|RSI|MACD|"
    r"moving average|"
    r"closed at|closing price|annuali[sz]ed return|outperform\w*|underperform\w*)\b",
    re.IGNORECASE,
)
_NOT_PRICES = re.compile(
    r"\b(?:repurchas\w*|buy-?backs?|bought back|outstanding|stock-based|share-based|common stock|per share|"
    r"diluted|dividends? of|"
    r"compensation|issued)\b",
    re.IGNORECASE,
)
_RETURNED = re.compile(r"\b(?:returned|gained|lost|fell|rose|dropped|climbed|rallied|declined)\b", re.IGNORECASE)
# The words of a measure, its name in pipelines/tools/market.py, and the measures of the facts that it gives.
_MEASURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"draw-?down", "max_drawdown", ("max_drawdown",)),
    (r"volatility", "volatility", ("volatility",)),
    (r"annuali[sz]ed|a year on average|per year|compound", "annualised_return", ("annualised_return",)),
    (r"\bbeta\b", "beta", ("beta",)),
    (r"correlation", "correlation", ("correlation",)),
    (r"outperform\w*|underperform\w*|ahead of|behind|percentage points", "relative_return", ()),
    (r"\bRSI\b|relative strength", "rsi", ("rsi",)),
    (r"closed at|closing price|close of", "level", ("level",)),
    (
        r"return\w*|gain\w*|rose|risen|fell|fallen|lost|declin\w*|climb\w*|drop\w*|\bup\b|\bdown\b|increas\w*|"
        r"decreas\w*|rall\w+",
        "total_return",
        ("total_return", "price_return"),
    ),
)
_SPENT = re.compile(r"\b(?:fell|fallen|lost|declin\w*|drop\w*|down|decreas\w*|negative)\b", re.IGNORECASE)


class Prices:
    """Judges a text's price statements; `facts` are those computed so far."""

    def __init__(
        self, lake: Lake, registry: Registry, principal: Principal, text: str, tickers: Sequence[str] = (),
        *, alone: bool = False,
    ) -> None:  # fmt: skip
        """Prepare. `alone` says that no document is at hand: then "Apple returned 49%" can only be of its price."""
        self.alone = alone
        self.lake, self.registry, self.principal, self.text = lake, registry, principal, text
        self.tickers = tuple(tickers)
        self.facts: list[Fact] = []
        self._computed: dict[tuple[str, str, date | None, date | None], list[Fact] | str] = {}

    def judge(
        self, mention: NumberMention, scope: Scope, sentence: Sentence, ticker: str | None, passage: Passage
    ) -> Verdict | None:
        """Return tied or contradicted by a computed fact, open with a reason, or None when it is not about prices."""
        text = sentence.text or passage.claim.text
        clause = self._clause(sentence, mention)
        if not (_PRICES.search(text) or (self.alone and _RETURNED.search(text))) or _NOT_PRICES.search(clause):
            return None
        found = self._measure(clause, text, mention)
        if found is None or mention.unit not in ("fraction", "number", "multiple", "USD", "points", "USD/share"):
            return None
        name, measures = found
        symbol = self._ticker(self._own(sentence, mention) or text, ticker)
        if symbol is None:
            return Verdict(OPEN, reason="the text does not say whose price it is")
        start, end = self._window(text, passage)
        if start is None and end is None:
            return Verdict(OPEN, reason="the text does not say between which days")
        facts = self._facts(symbol, name, start, end)
        if isinstance(facts, str):
            return Verdict(OPEN, reason=facts)
        facts = [fact for fact in facts if not measures or fact.measure in measures]
        if not facts:
            return Verdict(OPEN, reason=f"the lake gives no {name.replace('_', ' ')} for {symbol} over these days")
        for fact in facts:
            if _agrees(mention, scope, clause, fact):
                self._keep(fact)
                return Verdict(TIED, _source(fact))
        first = facts[0]
        self._keep(first)
        return Verdict(CONTRADICTED, _source(first), f"computed {first.name}: {first.display} ({first.method})")

    def _clause(self, sentence: Sentence, mention: NumberMention) -> str:
        """Return the part of the sentence between the numbers beside this one."""
        others = [m for m in sentence.mentions if m is not mention]
        low = max((m.end for m in others if m.end <= mention.start), default=0)
        high = min((m.start for m in others if m.start >= mention.end), default=len(sentence.text))
        cut = re.search(r"[;]", sentence.text[mention.end : high])
        return sentence.text[low : mention.end + cut.start() if cut else high]

    def _own(self, sentence: Sentence, mention: NumberMention) -> str:
        """Return the words that lead to this number from the one before, when they name a company."""
        earlier = max((m.end for m in sentence.mentions if m.end <= mention.start), default=0)
        lead = sentence.text[earlier : mention.start]
        return lead if self.registry.mentioned(self.principal, lead) else ""

    def _measure(self, clause: str, text: str, mention: NumberMention) -> tuple[str, tuple[str, ...]] | None:
        for where in (clause, text):
            for words, name, measures in _MEASURES:
                if not re.search(words, where, re.IGNORECASE):
                    continue
                if name == "total_return" and mention.unit != "fraction":
                    continue
                if (
                    name == "total_return"
                    and not self.alone
                    and not re.search(r"\b(?:shares?|stock|share price|total return)\b", text, re.I)
                ):
                    continue
                return name, measures
        return None

    def _ticker(self, text: str, fallback: str | None) -> str | None:
        named = [one.ticker for one in self.registry.mentioned(self.principal, text) if one.ticker]
        if named:
            return named[0]
        if len(self.tickers) == 1:
            return self.tickers[0].upper()
        return fallback

    def _window(self, text: str, passage: Passage) -> tuple[date | None, date | None]:
        """Return the first and last day that the sentence, or one before it, names; "since" ends at the last bar."""
        for part in (text, *reversed(passage.before), *reversed(passage.headings)):
            days = dates_in(part)
            if len(days) >= 2:
                return min(days[:2]), max(days[:2])
            if len(days) == 1:
                return (days[0], None) if re.search(r"\b(?:since|after|from)\b", part, re.I) else (None, days[0])
            if years := years_in(part):
                return date(years[0] - 1, 12, 31), date(years[-1], 12, 31)
        return None, None

    def _facts(self, ticker: str, name: str, start: date | None, end: date | None) -> list[Fact] | str:
        key = (ticker, name, start, end)
        if key not in self._computed:
            from pipelines.tools.market import measures

            try:
                gathered = measures(self.lake, self.principal, ticker, [name], start=start, end=end)
                self._computed[key] = (
                    self.lake.compute(self.principal, gathered.queries)
                    if gathered.queries
                    else "; ".join(gathered.missing) or f"there are no prices of {ticker}"
                )
            except TieoutError as error:
                self._computed[key] = error.message
        return self._computed[key]

    def _keep(self, fact: Fact) -> None:
        if all(known.id != fact.id for known in self.facts):
            self.facts.append(fact)


def dates_in(text: str) -> list[date]:
    """Return the full dates that a text names, in order."""
    found = []
    for match in _DATE.finditer(text):
        try:
            if match["iso"]:
                found.append(date.fromisoformat(match["iso"]))
            else:
                month = (match["m"] or match["m2"]).lower().rstrip(".")
                found.append(date(int(match["y"] or match["y2"]), MONTHS[month], int(match["d"] or match["d2"])))
        except ValueError:
            continue
    return found


_ENDS_OF = re.compile(r"from the end of ((?:19|20)\d\d) (?:to|through|until) the end of ((?:19|20)\d\d)", re.IGNORECASE)
_YEAR = re.compile(
    r"\b(?:in|during|over|calendar(?: year)?|for)\s+(?:calendar\s+|all of\s+)?((?:19|20)\d\d)\b", re.IGNORECASE
)


def years_in(text: str) -> tuple[int, int] | None:
    """Return the first and last calendar year whose days a text speaks of: "in 2022"; None when it names none."""
    if match := _ENDS_OF.search(text):
        return int(match[1]) + 1, int(match[2])
    found = {int(match[1]) for match in _YEAR.finditer(text)}
    return (found.copy().pop(), found.pop()) if len(found) == 1 else None


def _agrees(mention: NumberMention, scope: Scope, clause: str, fact: Fact) -> bool:
    """Say whether the fact may be stated as this number: a drawdown is spoken of without its sign."""
    if fact.measure == "max_drawdown":
        return mention.allows(fact.value, any_sign=True)
    if mention.signed:
        return mention.allows(fact.value)
    if scope.direction < 0 or (scope.direction == 0 and _SPENT.search(clause) and fact.unit == "fraction"):
        return mention.allows(-fact.value)
    return mention.allows(fact.value)


def _source(fact: Fact) -> Source:
    return Source("fact", fact.id, sql=fact.sql, snapshot=fact.snapshot)
