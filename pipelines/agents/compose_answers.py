"""Words the answers that choose: which company, which part of a whole, yes or no."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pipelines.agents.evidence import Line
from pipelines.agents.intent import Intent
from pipelines.agents.parts import WORD
from pipelines.agents.wording import listed, period_words, possessive, were
from tieout.model import Claim, Fact

Facts = Mapping[str, Fact]
_LIQUIDITY = re.compile(r"\b(?:liquid\w*|solven\w*|short[- ]term obligations|healthy|strong|sound|safe)\b", re.I)


def comparison(
    lines: Sequence[Line], facts: Facts, company: Callable[[str], str], intent: Intent
) -> tuple[list[Claim], set[Line]]:
    """Return a sentence for each measure that several companies have, the first of the order named, and its lines."""
    claims: list[Claim] = []
    told: set[Line] = set()
    for measure in dict.fromkeys(line.measure for line in lines):
        newest: dict[str, Line] = {}
        for line in lines:
            if line.measure == measure and _fact_of(line, intent):
                newest.setdefault(line.ticker, line)
        if len(newest) > 1:
            claims.append(_compared(list(newest.values()), facts, company, intent))
            told |= {line for line in lines if line.measure == measure and line.ticker in newest}
    return claims, told


def _compared(lines: list[Line], facts: Facts, company: Callable[[str], str], intent: Intent) -> Claim:
    least = intent.extreme < 0
    value: Callable[[Line], Fact] = lambda line: facts[_fact_of(line, intent) or ""]  # noqa: E731
    order = sorted(lines, key=lambda line: value(line).value, reverse=not least)
    first, periods = order[0], {period_words(line.period) for line in lines}
    label = "growth of " + first.label if _grown(first, intent) else first.label
    degree = ("lower" if least else "higher") if len(lines) == 2 else ("lowest" if least else "highest")
    amounts = [f"{{fact:{value(line).id}}}" + _when(line, periods) for line in order]
    others = [f"{text} for {company(line.ticker)}" for text, line in zip(amounts[1:], order[1:], strict=True)]
    opening = f"In {period_words(first.period)}, " if len(periods) == 1 and first.period.kind != "instant" else ""
    if len(periods) == 1 and first.period.kind == "instant":
        opening = f"On {period_words(first.period)}, "
    subject = f"{possessive(company(first.ticker))} {label} {were(label)} the {degree}"
    if value(order[0]).display == value(order[1]).display and len(order) == 2:
        subject = f"{possessive(company(first.ticker))} {label} {were(label)} about as high"
    text = f"{opening}{subject}: {amounts[0]}, against {listed(others)}."
    return Claim("Answer", text, tuple(value(line).id for line in order))


def _when(line: Line, periods: set[str]) -> str:
    if len(periods) == 1:
        return ""
    return f" {'at' if line.period.kind == 'instant' else 'in'} {period_words(line.period)}"


def _grown(line: Line, intent: Intent) -> bool:
    return bool(intent.by_growth and line.change and line.is_level)


def _fact_of(line: Line, intent: Intent) -> str | None:
    if _grown(line, intent):
        return line.change
    return line.level_fact if line.is_level else line.now_fact


def parts_answer(lines: Sequence[Line], facts: Facts, company: Callable[[str], str], intent: Intent) -> list[Claim]:
    """Return which part is the largest or grew fastest, else one sentence that lists the parts of each measure."""
    claims: list[Claim] = []
    for measure in dict.fromkeys((line.ticker, line.measure) for line in lines):
        own = [line for line in lines if (line.ticker, line.measure) == measure and line.now_fact]
        newest = [line for line in own if line.period == own[0].period]
        complete = not newest[0].group.startswith("some ")
        if intent.extreme and complete and len(newest) > 1:
            claims.append(_extreme_part(newest, facts, company, intent))
        else:
            claims.append(_list_of_parts(newest, company))
    return claims[:1] if intent.extreme else claims


def _extreme_part(lines: list[Line], facts: Facts, company: Callable[[str], str], intent: Intent) -> Claim:
    growing = intent.by_growth and any(line.change for line in lines)
    ranked = [line for line in lines if line.change] if growing else lines
    order = sorted(ranked, key=lambda line: _ranked_by(line, facts, growing), reverse=intent.extreme > 0)
    first, second = order[0], order[1] if len(order) > 1 else None
    word, measured = WORD[first.group], _measured(first)
    opening = f"{_part(first)} was {possessive(company(first.ticker))}"
    when = f"{word} by {measured} in {period_words(first.period)}"
    used = [first.now_fact or ""]
    if growing:
        degree = "fastest-growing" if intent.extreme > 0 else "slowest-growing"
        text = f"{opening} {degree} {when}: {{fact:{first.change}}}, to {{fact:{first.now_fact}}}"
        used.append(first.change or "")
        if second:
            text += f", ahead of {_part(second)} ({{fact:{second.change}}})" if intent.extreme > 0 else ""
            used.append(second.change or "")
    else:
        degree = "largest" if intent.extreme > 0 else "smallest"
        text = f"{opening} {degree} {when}: {{fact:{first.now_fact}}}"
        if first.share:
            text += f", or {{fact:{first.share}}} of the total"
            used.append(first.share)
        if second and intent.extreme > 0:
            text += f", ahead of {_part(second)} with {{fact:{second.now_fact}}}"
            used.append(second.now_fact or "")
    return Claim("Answer", f"{text}.", tuple(used), instrument=first.ticker)


def _ranked_by(line: Line, facts: Facts, growing: bool) -> float:
    return float(facts[(line.change if growing else line.now_fact) or ""].value)


def _list_of_parts(lines: list[Line], company: Callable[[str], str]) -> Claim:
    group = lines[0].group.removeprefix("some ")
    by = f" by {WORD[group]}" if group in WORD else ""
    pieces, used = [], []
    for line in lines:
        change = f" ({{fact:{line.change}}})" if line.change else ""
        pieces.append(f"{{fact:{line.now_fact}}} in {_part(line)}{change}")
        used += [fact for fact in (line.now_fact, line.change) if fact]
    subject = f"{possessive(company(lines[0].ticker))} {_measured(lines[0])}{by}"
    text = f"{subject} in {period_words(lines[0].period)} was {listed(pieces)}."
    return Claim("Answer", text, tuple(used), instrument=lines[0].ticker)


def _part(line: Line) -> str:
    return (line.now.dimension if line.now else None) or line.label


def _measured(line: Line) -> str:
    return "operating income" if line.measure.endswith("operating_income") else "revenue"


def verdict(question: str, lines: Sequence[Line], facts: Facts, intent: Intent) -> str:
    """Return "Yes. " or "No. " when the leading line decides a question of yes or no, with the yardstick named."""
    if not intent.yes_no or not lines:
        return ""
    line = lines[0]
    fact = facts.get(line.now_fact or "")
    now = line.now.value if line.now is not None else fact.value if fact else None
    if now is None:
        return ""
    if line.measure == "current_ratio" and _LIQUIDITY.search(question):
        holds = now > 1
        found = "cover" if holds else "do not cover"
        return f"{'Yes' if holds else 'No'}, by the current ratio: current assets {found} current liabilities. "
    if intent.sign:
        return "Yes. " if now * intent.sign > 0 else "No. "
    before = line.before.value if line.before is not None else None
    if before is None and line.before_fact in facts:
        before = facts[line.before_fact or ""].value
    if before is None or not intent.direction:
        return ""
    moved = (abs(now) - abs(before) if line.outflow else now - before) * intent.direction
    return "Yes. " if moved > 0 else "No. "
