"""Words the price facts of a report: what the stock did, against what, and over which days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from pipelines.agents.evidence import PriceLine, Prices
from pipelines.agents.intent import Intent
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
    "below_high_52w": "On {end}, {name} shares closed {side} their highest close of the past 52 weeks ({here})",
    "above_low_52w": "On {end}, {name} shares closed {side} their lowest close of the past 52 weeks ({here})",
    "high_52w": "The highest close of {name} shares in the 52 weeks to {end} was {here}",
    "low_52w": "The lowest close of {name} shares in the 52 weeks to {end} was {here}",
    "above_sma_50": "On {end}, {name} shares closed {side} their 50-day moving average ({here})",
    "above_sma_200": "On {end}, {name} shares closed {side} their 200-day moving average ({here})",
    "sma_50": "The 50-day moving average of {name} shares on {end} was {here}",
    "sma_200": "The 200-day moving average of {name} shares on {end} was {here}",
    "rsi": "The 14-day relative strength index (RSI) of {name} shares on {end} was {here}",
    "macd": "The MACD line of {name} shares on {end} was {here} of price",
    "macd_signal": "The MACD signal line of {name} shares on {end} was {here} of price",
    "macd_histogram": "The MACD histogram of {name} shares on {end} was {here} of price",
    "average_volume": "On average {here} {name} shares changed hands a day over the three months to {end}",
}


_RETURNS = ("total_return", "price_return")
_TOLD_TOGETHER = (*_RETURNS, "relative_return", "annualised_return", "volatility", "max_drawdown", "relative_growth")


def price_answer(
    prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str], intent: Intent
) -> list[Claim]:
    """Return the sentences that answer for the stock: a ranking, the years, the return, else every measure."""
    told = _yearly(prices, facts, company) or _ranking(prices, facts, company, intent)
    told = told or _returns(prices, facts, company, "Answer")
    if told:
        rates = [one for one in prices.lines if one.measure == "annualised_return"] if _led_by_rate(prices) else []
        told = [*(_sentence(one, prices, facts[one.fact], company, "Answer") for one in rates), *told]
    else:
        told = [_sentence(line, prices, facts[line.fact], company, "Answer") for line in prices.lines]
    verdict = _verdict(prices, facts, intent)
    return [replace(told[0], text=f"{verdict}{told[0].text}"), *told[1:]] if told and verdict else told


def _led_by_rate(prices: Prices) -> bool:
    """Whether the yearly rate was asked for itself: then nothing else of risk was measured."""
    measured = {line.measure for line in prices.lines}
    return "annualised_return" in measured and "volatility" not in measured


def _verdict(prices: Prices, facts: Mapping[str, Fact], intent: Intent) -> str:
    """Return "Yes. " or "No. " when one price fact decides a question of yes or no."""
    if not intent.yes_no or len({line.ticker for line in prices.lines if line.against is None}) > 2:
        return ""
    for measure in ("above_sma_200", "relative_return", *_RETURNS):
        line = next((one for one in prices.lines if one.measure == measure), None)
        if line is not None and (intent.direction or measure not in _RETURNS):
            sign = facts[line.fact].value * (intent.direction or 1)
            return "Yes. " if sign > 0 else "No. "
    return ""


def _yearly(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Claim]:
    """Return one sentence per stock that lists its return in each calendar year, when several were measured."""
    claims = []
    for ticker in dict.fromkeys(line.ticker for line in prices.lines):
        lines = [line for line in prices.lines if line.ticker == ticker and line.measure in _RETURNS]
        if len(lines) > 1:
            years = [f"{{fact:{one.fact}}} in {_year(facts[one.fact])}" for one in lines]
            text = f"By calendar year, {company(ticker)} shares returned {listed(years)}, {_kind(lines[0])}."
            claims.append(Claim("Answer", text, tuple(one.fact for one in lines), instrument=ticker))
    return claims


def _year(fact: Fact) -> str:
    return str(fact.period.end.year) if fact.period and fact.period.end else ""


def _kind(line: PriceLine) -> str:
    return "dividends included" if line.measure == "total_return" else "dividends not included"


_RANKED = {  # measure → (what is highest, what is lowest, how the amount is called)
    "total_return": ("did best", "did worst", "the total return, dividends included, was"),
    "annualised_return": ("compounded fastest", "compounded slowest", "the compound return a year was"),
    "volatility": ("had the highest volatility", "had the lowest volatility", "the annualised volatility was"),
    "max_drawdown": ("fell the least from a peak", "fell the furthest from a peak", "the maximum drawdown was"),
    "beta": ("had the highest beta", "had the lowest beta", "beta was"),
}


def _ranking(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str], intent: Intent) -> list[Claim]:
    """Return a sentence for each measure that several securities were measured by, the first of the order named."""
    claims = []
    for measure in _RANKED:
        lines = [line for line in prices.lines if line.measure == measure]
        if len(lines) < 2 or any(line.measure == "relative_return" for line in prices.lines):
            continue
        least = intent.extreme < 0
        if measure == "max_drawdown":
            least = intent.extreme >= 0
        lines.sort(key=lambda line: facts[line.fact].value, reverse=not least)
        start, end = _days(facts[lines[0].fact], prices)
        most, fewest, called = _RANKED[measure]
        amounts = listed([f"{{fact:{line.fact}}} for {company(line.ticker)}" for line in lines])
        text = (
            f"From {start} to {end}, {company(lines[0].ticker)} shares {fewest if least else most}: {called} {amounts}."
        )
        claims.append(Claim("Answer", text, tuple(line.fact for line in lines)))
    return claims


def price_section(prices: Prices, facts: Mapping[str, Fact], company: Callable[[str], str]) -> list[Section]:
    """Return the section on prices, or none."""
    if not prices.lines:
        return []
    claims = [replace(claim, section=_TITLE) for claim in _yearly(prices, facts, company)]
    claims = claims or _returns(prices, facts, company, _TITLE)
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
        side=_side(fact),
    )
    return Claim(section, f"{text}.", (line.fact,), instrument=line.ticker)


def _side(fact: Fact) -> str:
    return "at" if fact.value == 0 else "above" if fact.value > 0 else "below"


def _when(method: str) -> str:
    """Return the days that a method names in brackets, for drawdowns and extreme days."""
    opening = max(method.find("(from "), method.find("(on "))
    if opening < 0:
        return ""
    return f", {method[opening + 1 : method.index(')', opening)]}"
