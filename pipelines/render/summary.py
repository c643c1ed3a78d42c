"""Says what stands at the top of every form of a report: how its numbers stand, what it is about, where from."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.render.segments import draft_claims
from pipelines.render.sources import Citation, Sources
from pipelines.render.text import long_date
from tieout.model import NumberStatus, Report


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
    names = [claim.instrument for claim in draft_claims(report.draft)]
    names += [fact.instrument for fact in report.ledger.facts]
    return tuple(dict.fromkeys(name for name in names if name))


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
    """Return the computed numbers of the answer, then of the report, as tiles; each fact once."""
    tiles: dict[str, KeyFigure] = {}
    answer = [number for claim in report.draft.answer for number in claim.numbers]
    rest = [number for claim in draft_claims(report.draft) for number in claim.numbers]
    for number in answer + (rest if len(answer) < 3 else []):
        citation = sources.of(number)
        tied = number.status is NumberStatus.TIED
        if tied and citation is not None and citation.fact is not None and citation.fact.id not in tiles:
            tiles[citation.fact.id] = KeyFigure(citation.fact.name, citation.fact.display or number.text, citation)
    return list(tiles.values())[:limit]
