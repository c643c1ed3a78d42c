"""What an alert waits for: a condition on the prices of one security, its exact text form, and nothing looser.

AAPL close > 200            also: AAPL above 200, AAPL price below 150, AAPL crosses above 200, AAPL at least 200
AAPL change > 5%            from one close to the next; also: AAPL rises 5% (>= 5%), AAPL falls 5% (<= -5%)
AAPL rsi(14) > 70           also: AAPL rsi above 70, AAPL RSI 14 > 70
AAPL close > sma(200)       also: AAPL crosses above sma(200), AAPL price below sma 50

Printing a condition gives its text form, and parsing that gives the condition back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from tieout.errors import InvalidInput

RSI_SESSIONS = 14  # where none are named, as in most charts
LONGEST_RSI, LONGEST_AVERAGE = 100, 500  # sessions
_LONGEST_TEXT = 200  # characters
_EXAMPLES = "`AAPL above 200`, `AAPL change > 5%`, `AAPL rsi(14) > 70` or `AAPL crosses above sma(200)`"
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<digits>(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,6})?)", re.ASCII)
_TICKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.^=-]{0,19}", re.ASCII)


class Measure(StrEnum):
    """What of the prices is looked at."""

    CLOSE = "close"
    CHANGE = "change"  # from one close to the next, a fraction
    RSI = "rsi"


class Comparison(StrEnum):
    """How it is compared with the level."""

    ABOVE = ">"
    BELOW = "<"
    AT_LEAST = ">="
    AT_MOST = "<="


@dataclass(frozen=True)
class Average:
    """A level that moves: the simple average of the last closes, that of the day included."""

    sessions: int

    def __str__(self) -> str:
        return f"sma({self.sessions})"


@dataclass(frozen=True)
class PriceCondition:
    """`measure comparison level` of a ticker. The level of a change is a fraction, of an RSI from 0 to 100.

    `sessions` is the length of an RSI, 0 for every other measure.
    """

    ticker: str
    measure: Measure
    comparison: Comparison
    level: Decimal | Average
    sessions: int = 0

    def __str__(self) -> str:
        of = f"({self.sessions})" if self.measure is Measure.RSI else ""
        return f"{self.ticker} {self.measure}{of} {self.comparison} {self._level}"

    @property
    def _level(self) -> str:
        if isinstance(self.level, Average):
            return str(self.level)
        if self.measure is Measure.CHANGE:
            return f"{_plain(self.level * 100)}%"
        return _plain(self.level)

    def holds(self, value: Decimal) -> bool:
        """Return whether it is true of a value: of the measure, or of `close / average - 1` for a moving level.

        Both are compared to twelve decimals: a ratio of two closes is a binary fraction, of which the digits beyond
        are noise (100.1 / 100 - 1 is not quite 0.001).
        """
        level = Decimal(0) if isinstance(self.level, Average) else self.level
        value, level = round(value, 12), round(level, 12)
        match self.comparison:
            case Comparison.ABOVE:
                return value > level
            case Comparison.BELOW:
                return value < level
            case Comparison.AT_LEAST:
                return value >= level
            case Comparison.AT_MOST:
                return value <= level


_COMPARISONS = {
    **dict.fromkeys((">", "above", "over", "crosses above", "crosses over", "goes above", "rises above"), ">"),
    **dict.fromkeys(("<", "below", "under", "crosses below", "crosses under", "goes below", "falls below"), "<"),
    **dict.fromkeys((">=", "≥", "at least"), ">="),
    **dict.fromkeys(("<=", "≤", "at most"), "<="),
}
_MOVES = {
    **dict.fromkeys(("rises", "rises by", "gains", "up"), Comparison.AT_LEAST),
    **dict.fromkeys(("falls", "falls by", "drops", "drops by", "loses", "down"), Comparison.AT_MOST),
}


def _beginning(words: object) -> re.Pattern[str]:
    """Return a pattern of the longest of the words with which a text begins."""
    ordered = sorted(map(str, words), key=len, reverse=True)  # type: ignore[call-overload]
    ends = (re.escape(word) + (r"(?![\w%])" if word[-1].isalpha() else "") for word in ordered)
    return re.compile(rf"(?:{'|'.join(ends)})")


_A_COMPARISON, _A_MOVE = _beginning(_COMPARISONS), _beginning(_MOVES)
_A_MEASURE = re.compile(r"(?P<name>close|price|change|rsi)(?:\s*\(\s*(?P<in>[^()]*?)\s*\)|\s+(?P<bare>\d+))?(?!\w)")
_AN_AVERAGE = re.compile(r"sma\s*(?:\(\s*(?P<in>[^()]*?)\s*\)|(?P<bare>\w+)?)")


def parse_condition(text: str) -> PriceCondition:
    """Return the condition that a text means. Raises InvalidInput naming what is wrong and what to write instead."""
    words = " ".join(text.split())
    if not words:
        raise InvalidInput(f"Write a ticker and a condition, such as {_EXAMPLES}.")
    if len(words) > _LONGEST_TEXT:
        raise InvalidInput(f"The condition has {len(words)} characters; {_LONGEST_TEXT} are enough for {_EXAMPLES}.")
    ticker, _, rest = words.partition(" ")
    if not _TICKER.fullmatch(ticker):
        raise InvalidInput(f"{ticker[:40]!r} is no ticker; begin with one, as in {_EXAMPLES}.")
    ticker, rest = ticker.upper(), rest.lower()
    if not rest:
        raise InvalidInput(f"What of {ticker}? Write the condition after it, such as {_for(ticker)}.")
    if (move := _A_MOVE.match(rest)) and not _A_COMPARISON.match(rest):
        return _moved(ticker, move[0], rest[move.end() :].strip())
    return _compared(ticker, rest)


def _moved(ticker: str, word: str, rest: str) -> PriceCondition:
    """Return `rises 5%`, which means 5% or more."""
    comparison = _MOVES[word]
    if not rest:
        raise InvalidInput(f"By how much? Write for example `{ticker} {word} 5%`.")
    size = _percent(ticker, rest)
    if size <= 0 or rest[0] in "+-":
        raise InvalidInput(
            f"{rest!r} after {word!r} must be above zero and without a sign, as in `{ticker} {word} 5%`."
        )
    level = size if comparison is Comparison.AT_LEAST else -size
    return PriceCondition(ticker, Measure.CHANGE, comparison, _possible(ticker, level))


def _compared(ticker: str, rest: str) -> PriceCondition:
    measure, sessions, rest = _measure(ticker, rest)
    found = _A_COMPARISON.match(rest)
    if found is None:
        raise InvalidInput(_no_comparison(ticker, measure, rest))
    comparison, rest = Comparison(_COMPARISONS[found[0]]), rest[found.end() :].strip()
    if not rest:
        raise InvalidInput(f"{found[0]!r} what? Write the level after it, as in {_for(ticker)}.")
    if rest.startswith("sma"):
        return PriceCondition(ticker, measure, comparison, _average(ticker, measure, rest), sessions)
    level = {Measure.CLOSE: _price, Measure.CHANGE: _change, Measure.RSI: _index}[measure](ticker, rest)
    return PriceCondition(ticker, measure, comparison, level, sessions)


def _measure(ticker: str, rest: str) -> tuple[Measure, int, str]:
    """Return the measure, its sessions and what follows; a text that begins with a comparison is about the close."""
    if _A_COMPARISON.match(rest):
        return Measure.CLOSE, 0, rest
    found = _A_MEASURE.match(rest)
    if found is None:
        if rest.startswith("sma"):
            raise InvalidInput(f"A moving average stands on the right: write `{ticker} close > sma(200)`.")
        if _NUMBER.match(rest.lstrip("$€£")):
            raise InvalidInput(f"Above or below {rest!r}? Write `{ticker} above 200` or `{ticker} below 200`.")
        raise InvalidInput(f"{rest.split()[0][:40]!r} was not understood after {ticker}: write {_for(ticker)}.")
    name, left = found["name"], rest[found.end() :].strip()
    given = found["in"] if found["in"] is not None else found["bare"]
    if name == "rsi":
        sessions = RSI_SESSIONS if given is None else _sessions(given, LONGEST_RSI, "An RSI", f"{ticker} rsi(14) > 70")
        return Measure.RSI, sessions, left
    if given is not None:
        instead = "change > 5%" if name == "change" else "above 200"
        raise InvalidInput(f"`{name}` takes no number of sessions: write `{ticker} {instead}`.")
    return (Measure.CHANGE if name == "change" else Measure.CLOSE), 0, left


def _no_comparison(ticker: str, measure: Measure, rest: str) -> str:
    shown = {Measure.CLOSE: "above 200", Measure.CHANGE: "change > 5%", Measure.RSI: "rsi(14) > 70"}[measure]
    what = f"{rest[:40]!r} is no comparison" if rest else "The comparison is missing"
    return f"{what}: write >, <, >=, <=, above or below and the level, as in `{ticker} {shown}`."


def _average(ticker: str, measure: Measure, text: str) -> Average:
    if measure is not Measure.CLOSE:
        raise InvalidInput(f"Only the close is compared with an average of closes: write `{ticker} close > sma(200)`.")
    found = _AN_AVERAGE.match(text)
    given = None if found is None else found["in"] if found["in"] is not None else found["bare"]
    if found is None or not given:
        raise InvalidInput(f"The average of how many sessions? Write for example `{ticker} close > sma(200)`.")
    _ended(text[found.end() :], f"{ticker} close > sma(200)")
    return Average(_sessions(given, LONGEST_AVERAGE, "An average", f"{ticker} close > sma(200)"))


def _sessions(text: str, longest: int, what: str, example: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) or not 2 <= int(text) <= longest:
        raise InvalidInput(f"{what} is over 2 to {longest} sessions, not {text!r}: write for example `{example}`.")
    return int(text)


def _price(ticker: str, text: str) -> Decimal:
    if text[0] in "$€£":
        raise InvalidInput(
            f"Leave the sign of the currency out, the level is in that of {ticker}'s prices: `{ticker} above 200`."
        )
    value, percent = _number(text, f"{ticker} above 200")
    if percent:
        raise InvalidInput(
            f"A price is no percentage: write `{ticker} above 200`, or `{ticker} change > 5%` for the change of a day."
        )
    if value <= 0:
        raise InvalidInput(f"A price is above zero, {text!r} is not: write for example `{ticker} below 150`.")
    return value


def _change(ticker: str, text: str) -> Decimal:
    return _possible(ticker, _percent(ticker, text))


def _index(ticker: str, text: str) -> Decimal:
    value, percent = _number(text, f"{ticker} rsi(14) > 70")
    if percent or not 0 < value < 100:
        raise InvalidInput(f"An RSI is between 0 and 100, without %: write for example `{ticker} rsi(14) > 70`.")
    return value


def _percent(ticker: str, text: str) -> Decimal:
    value, percent = _number(text, f"{ticker} change > 5%")
    if not percent:
        raise InvalidInput(f"A change is in percent: write `{ticker} change > {text[:20]}%` if that is meant.")
    return value / 100


def _possible(ticker: str, change: Decimal) -> Decimal:
    if not -1 < change <= 10:
        raise InvalidInput(
            f"A change of a day is above -100% and at most 1000%: write for example `{ticker} falls 5%`."
        )
    return change


def _number(text: str, example: str) -> tuple[Decimal, bool]:
    """Return the number that a text is, and whether a % stands after it."""
    found = _NUMBER.match(text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is no number: write for example `{example}`.")
    rest = text[found.end() :]
    if rest[:1] and rest[0] in ",.0123456789":
        raise InvalidInput(
            f"{text[:40]!r} is no number: at most 12 digits, 6 decimals after a point, commas between thousands only, "
            f"as in `{example}`."
        )
    percent = re.match(r"\s*(?:%|percent\b)", rest)
    _ended(rest[percent.end() :] if percent else rest, example)
    return Decimal(found["sign"] + found["digits"].replace(",", "")), percent is not None


def _ended(rest: str, example: str) -> None:
    if rest.strip():
        raise InvalidInput(f"{rest.strip()[:40]!r} is too much: end after the level, as in `{example}`.")


def _for(ticker: str) -> str:
    return _EXAMPLES.replace("AAPL", ticker)


def _plain(value: Decimal) -> str:
    """Write a number without an exponent and without zeros at its end."""
    return f"{value.normalize():f}"
