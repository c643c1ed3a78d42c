"""Says what stands at the top of every form of a report: how its numbers stand, what it is about, where from."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.render.segments import draft_claims
from pipelines.render.sources import Citation, Sources
from pipelines.render.text import long_date
from tieout.model import NumberStatus, Period, Report


@dataclass(frozen=True)
class KeyFigure:
    """A number of the answer as a tile: its name, how it is printed, and its citation."""

    name: str
    display: str
    citation: Citation


def badge(report: Report) -> str:
    """Return `42 of 42 numbers tied`."""
    counts = report.ledger.counts
    return f"{counts.tied} of {counts.numbers} numbers tied"


def warning(report: Report) -> str:
    """Return the head line of a report that may not be published; empty when every number is tied."""
    counts = report.ledger.counts
    parts = []
    if counts.open:
        parts.append(f"{counts.open} {_noun(counts.open)} no source (marked [open])")
    if counts.contradicted:
        parts.append(
            f"{counts.contradicted} {_noun(counts.contradicted)} a source that says otherwise ([contradicted])"
        )
    if not parts:
        return ""
    return f"Needs review, not for publication: {' and '.join(parts)}."


def _noun(count: int) -> str:
    return "number has" if count == 1 else "numbers have"


def status_mark(status: NumberStatus) -> str:
    """Return the words that stand after a number that is not tied."""
    return "" if status is NumberStatus.TIED else f"[{status.value}]"


def companies(report: Report) -> tuple[str, ...]:
    """Return the tickers that the report is about, in order of first mention."""
    named = [claim.instrument for claim in draft_claims(report.draft) if claim.instrument]
    computed = [fact.instrument for fact in report.ledger.facts if fact.instrument]
    return tuple(dict.fromkeys(named or computed))


def snapshots(report: Report) -> tuple[str, ...]:
    """Return the versions of the lake's tables that the facts were computed from."""
    found = {part.strip() for fact in report.ledger.facts for part in fact.snapshot.split(",")}
    return tuple(sorted(found - {""}))


def documents(report: Report) -> tuple[str, ...]:
    """Return the titles of the documents quoted, in order."""
    return tuple(dict.fromkeys(span.document for span in report.ledger.spans))


def facts_line(report: Report) -> list[tuple[str, str]]:
    """Return the label and value pairs of the line under the title."""
    pairs = [("Companies", ", ".join(companies(report))), ("As of", long_date(report.as_of)), ("Run", report.run_id)]
    pairs += [("Written by", f"{report.draft.writer} writer"), ("Data", ", ".join(snapshots(report)))]
    if report.usage.calls:
        tokens = report.usage.tokens_in + report.usage.tokens_out
        pairs.append(("Model", f"{report.usage.calls} calls, {tokens:,} tokens, {report.usage.cost:f} spent"))
    return [(label, value) for label, value in pairs if value]


def key_figures(report: Report, sources: Sources, *, limit: int = 8) -> list[KeyFigure]:
    """Return the numbers of the answer as tiles, each measure of a company once (its first), in reading order.

    Computed numbers are kept before reported ones when there are more than `limit`.
    """
    tiles: dict[tuple[str | None, str], KeyFigure] = {}
    for number in (number for claim in report.draft.answer for number in claim.numbers):
        citation = sources.of(number)
        if number.status is not NumberStatus.TIED or citation is None:
            continue
        fact = citation.fact
        if fact is not None:
            name = _dated(fact.name, fact.period)
            tiles.setdefault((fact.instrument, fact.measure or fact.name), KeyFigure(name, fact.display, citation))
        elif (figure := sources.figure_of(number)) is not None:
            name = _dated(figure.row, figure.period)
            tiles.setdefault((figure.document_id, figure.row), KeyFigure(name, number.text, citation))
    ranked = sorted(tiles.values(), key=lambda tile: tile.citation.fact is None)[:limit]
    return [tile for tile in tiles.values() if tile in ranked]


def _dated(name: str, period: Period | None) -> str:
    """Return the name with its fiscal year, when it has one and does not say so itself."""
    year = period.fiscal_year if period else None
    if year is None or str(year) in name:
        return name
    quarter = f" Q{period.fiscal_quarter}" if period and period.fiscal_quarter else ""
    return f"{name}, fiscal {year}{quarter}"
