"""Words the price facts of a report: what the stock did, against what, and over which days."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pipelines.agents.evidence import PriceLine, Prices
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


def price_answer(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Claim]:
    """Return the sentences that answer for the stock: its return and the benchmark's, else every measure asked for."""
    returns = [line for line in prices.lines if line.measure in ("total_return", "price_return")]
    if len(returns) == len(prices.lines) or (len(prices.lines) > 4 and returns):
        chosen = returns
    else:
        chosen = list(prices.lines)
    return [_sentence(line, prices, facts[line.fact], company, "Answer") for line in chosen]


def price_section(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Section]:
    """Return the section on prices, or none."""
    if not prices.lines:
        return []
    claims = tuple(_sentence(line, prices, facts[line.fact], company, _TITLE) for line in prices.lines)
    return [Section(_TITLE, claims, charts=prices.charts)]


def _sentence(line: PriceLine, prices: Prices, fact: Fact, company: Callable[[str], str], section: str) -> Claim:
    """Return one sentence about one fact; days come from the fact itself."""
    start, end = fact.period.start if fact.period else None, fact.period.end if fact.period else None
    start, end = start or prices.start, end or prices.end
    text = _WORDS[line.measure].format(
        name=company(line.ticker),
        here=f"{{fact:{line.fact}}}",
        days=f"from {start:%-d %B %Y} to {end:%-d %B %Y}" if start and end else "",
        end=f"{end:%-d %B %Y}" if end else "the last day",
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
