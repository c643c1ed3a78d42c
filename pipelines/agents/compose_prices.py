"""Words the price facts of a report: what the stock did, against what, and over which days."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipelines.agents.evidence import PriceLine, Prices
from pipelines.agents.wording import listed
from tieout.model import Claim, Fact, Section

_TITLE = "The stock"
_WORDS: Mapping[str, str] = {
    "total_return": "{name} shares returned {here} {days}, dividends included",
    "price_return": "{name} shares returned {here} {days}, dividends not included",
    "annualised_return": "The compound return of {name} shares {days} was {here} a year",
    "volatility": "The annualised volatility of {name} shares {days} was {here}",
    "max_drawdown": "The maximum drawdown of {name} shares {days} was {here}{when}",
    "best_day": "The best day of {name} shares {days} brought {here}{when}",
    "worst_day": "The worst day of {name} shares {days} brought {here}{when}",
    "beta": "The beta of {name} shares against {against} {days} was {here}",
    "correlation": "The correlation of {name} shares with {against} {days} was {here}",
    "relative_return": "The difference between {name} shares and {against} {days} was {here}",
    "relative_growth": "Relative to {against}, the value of a holding of {name} shares changed by {here} {days}",
    "level": "{name} shares closed at {here} on {end}",
    "below_high_52w": "On {end}, {name} shares stood {here} against their highest close of 52 weeks",
    "above_low_52w": "On {end}, {name} shares stood {here} against their lowest close of 52 weeks",
    "high_52w": "The highest close of {name} shares in the 52 weeks to {end} was {here}",
    "low_52w": "The lowest close of {name} shares in the 52 weeks to {end} was {here}",
    "above_sma_50": "On {end}, {name} shares stood {here} against their 50-day moving average",
    "above_sma_200": "On {end}, {name} shares stood {here} against their 200-day moving average",
    "sma_50": "The 50-day moving average of {name} shares on {end} was {here}",
    "sma_200": "The 200-day moving average of {name} shares on {end} was {here}",
    "rsi": "The 14-day relative strength index (RSI) of {name} shares on {end} was {here}",
    "macd": "The MACD line (12, 26, 9) of {name} shares on {end} was {here} of price",
    "macd_signal": "The MACD signal line of {name} shares on {end} was {here} of price",
    "macd_histogram": "The MACD histogram of {name} shares on {end} was {here} of price",
    "average_volume": "On average {here} {name} shares changed hands a day over the three months to {end}",
}


_RETURNS = ("total_return", "price_return")
_TOLD_TOGETHER = (*_RETURNS, "relative_return", "annualised_return", "volatility", "max_drawdown", "relative_growth")


def price_answer(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Claim]:
    """Return the sentences that answer for the stock: its return and the benchmark's, else every measure asked for."""
    told = _returns(prices, facts, company, "Answer")
    if told:
        return told
    return [_sentence(line, prices, facts[line.fact], company, "Answer") for line in prices.lines]


def price_section(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Section]:
    """Return the section on prices, or none."""
    if not prices.lines:
        return []
    claims = _returns(prices, facts, company, _TITLE)
    claims += _risks(prices, facts, company) if claims else []
    left = [line for line in prices.lines if not claims or line.measure not in _TOLD_TOGETHER]
    claims += [_sentence(line, prices, facts[line.fact], company, _TITLE) for line in left]
    return [Section(_TITLE, tuple(claims), charts=prices.charts)]


def against_benchmark(prices: Prices, facts: Mapping[str, Fact]) -> tuple[str, str] | None:
    """Return what the stock did against its benchmark in a word, and the fact that says so."""
    line = next((line for line in prices.lines if line.measure == "relative_return"), None)
    if line is None:
        return None
    ahead = facts[line.fact].value > 0
    return f"{'outperformed' if ahead else 'lagged'} the {line.against} fund", line.fact


def _returns(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str], section: str) -> list[Claim]:
    """Return one sentence per stock: its return, the benchmark's over the same days, the difference."""
    found = {(line.ticker, line.measure): line for line in prices.lines}
    claims = []
    for line in prices.lines:
        benchmark = found.get((line.ticker, "relative_return"))
        if line.measure not in _RETURNS or (benchmark is None and _is_benchmark(line.ticker, prices)):
            continue
        start, end = _days(facts[line.fact], prices)
        kind = "dividends included" if line.measure == "total_return" else "dividends not included"
        text = f"From {start} to {end}, {company(line.ticker)} shares returned {{fact:{line.fact}}}, {kind}"
        used = [line.fact]
        other = benchmark and found.get((benchmark.against or "", line.measure))
        if benchmark and other:
            text += (
                f", against {{fact:{other.fact}}} for {benchmark.against}: a difference of {{fact:{benchmark.fact}}}"
            )
            used += [other.fact, benchmark.fact]
        claims.append(Claim(section, f"{text}.", tuple(used), instrument=line.ticker))
    return claims


def _risks(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Claim]:
    """Return one sentence per stock on its yearly rate, volatility and drawdown over the window."""
    claims = []
    for ticker in dict.fromkeys(line.ticker for line in prices.lines):
        own = {line.measure: line for line in prices.lines if line.ticker == ticker}
        pieces, used = [], []
        for measure, words in (
            ("annualised_return", "the compound return was {here} a year"),
            ("volatility", "the annualised volatility {here}"),
            ("max_drawdown", "the maximum drawdown {here}{when}"),
        ):
            if measure in own:
                fact = own[measure].fact
                pieces.append(words.format(here=f"{{fact:{fact}}}", when=_when(facts[fact].method)))
                used.append(fact)
        if pieces:
            if not pieces[0].startswith("the compound"):
                pieces[0] = pieces[0].replace(" {", " was {", 1)
            text = f"For {company(ticker)} shares over these days {listed(pieces)}."
            claims.append(Claim(_TITLE, text, tuple(used), instrument=ticker))
    return claims


def _is_benchmark(ticker: str, prices: Prices) -> bool:
    return any(line.against == ticker for line in prices.lines)


def _days(fact: Fact, prices: Prices) -> tuple[str, str]:
    start = (fact.period.start if fact.period else None) or prices.start
    end = (fact.period.end if fact.period else None) or prices.end
    return f"{start:%-d %B %Y}" if start else "", f"{end:%-d %B %Y}" if end else ""


def _sentence(line: PriceLine, prices: Prices, fact: Fact, company: Callable[[str], str], section: str) -> Claim:
    """Return one sentence about one fact; days come from the fact itself."""
    start, end = _days(fact, prices)
    text = _WORDS[line.measure].format(
        name=company(line.ticker),
        here=f"{{fact:{line.fact}}}",
        days=f"from {start} to {end}" if start and end else "",
        end=end or "the last day",
        against=line.against or "the benchmark",
        when=_when(fact.method),
    )
    return Claim(section, f"{text}.", (line.fact,), instrument=line.ticker)


def _when(method: str) -> str:
    """Return the days that a method names in brackets, for drawdowns and extreme days."""
    opening = max(method.find("(from "), method.find("(on "))
    if opening < 0:
        return ""
    return f", {method[opening + 1 : method.index(')', opening)]}"
