"""Small pieces of sentences and tables that a draft is composed from."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pipelines.agents.evidence import Line
from pipelines.agents.wording import period_words
from tieout.model import Claim, Hit


def newest(lines: list[Line]) -> list[Line]:
    """Return, of lines that repeat a measure over several years, those of the first year shown: the newest."""
    kept: dict[tuple[str, str], Line] = {}
    for line in lines:
        kept.setdefault((line.measure, line.label), line)
    return list(kept.values())


def quote_claim(hit: Hit, section: str) -> Claim:
    """Return the claim that quotes a hit word for word and says where it stands."""
    span = hit.span
    quote = " ".join(span.quote.split())
    return Claim(section, f"{span.document}, page {span.page}: “{quote}”", (), (span.id,), kind="quote")


def verb(now: Decimal, before: Decimal) -> str:
    """Return the verb for a move from one value to another."""
    return "rose to" if now > before else "fell to" if now < before else "stayed at"


def sized(value: Decimal, outflow: bool) -> Decimal:
    """Return the amount spent for an outflow, else the value."""
    return abs(value) if outflow else value


def empty(ticker: str) -> Claim:
    """Return the cell of a table that has nothing to show."""
    return Claim("Key figures", "–", instrument=ticker, kind="cell")


def article(label: str) -> str:
    """Return a label with its article: "an operating loss", "net income"."""
    return label if label.startswith("net") else f"{'an' if label[:1] in 'aeiou' else 'a'} {label}"


def follows(line: Line) -> bool:
    """Whether the period before is the same one a year earlier."""
    now, before = line.period, line.before.period if line.before else None
    if before is None or now.fiscal_year is None or before.fiscal_year is None:
        return False
    return before.fiscal_year == now.fiscal_year - 1


def directed(moved: Mapping[Line, int]) -> dict[str, list[Line]]:
    """Group lines by what they did: amounts grow and shrink, margins widen and narrow."""
    groups: dict[str, list[Line]] = {}
    for line, direction in moved.items():
        verbs = ("widened", "narrowed") if "margin" in line.measure else ("grew", "shrank")
        if direction:
            groups.setdefault(verbs[direction < 0], []).append(line)
    return groups


def joined(pieces: list[str]) -> str:
    """Join clauses: "a", "a and b", "a, b, and c"."""
    if len(pieces) < 3:
        return " and ".join(pieces)
    return f"{', '.join(pieces[:-1])}, and {pieces[-1]}"


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def heading(line: Line, *, before: bool = False) -> str:
    """Return the heading of a column: the period of a line, or the one before."""
    period = line.before_period if before else line.period
    if period is None:
        return "Year before"
    return capital(period_words(period))
