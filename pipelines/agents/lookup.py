"""Looks a figure up by the words of its row, for what filings print and no catalogue of measures knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.agents.passages import telling_words
from tieout.model import Figure

_PAYLOAD = telling_words("net total other number amount cash costs cost expense expenses sales revenue revenues income per share year period")
_HELPING = telling_words(
    "much many total what share percentage percent spend spent cost costs expense expenses revenue revenues sales income "
    "increase decrease change changed amount number value growth grow grew rate billion million thousand report reported "
    "quarter annual months ended ending period december september june january august give list there full make made have "
    "average from per usd dollars compare compared incur incurred pay paid owe owed end net year-end"
)
_ASKS_FOR_FIGURE = re.compile(r"\b(?:how (?:much|many|big|large|high)|what|whats|number of|amount of)\b", re.I)


def looked_up(
    figures: Mapping[str, Sequence[Figure]],
    question: str,
    names: Sequence[str],
    year: int,
    quarter: int | None,
    *,
    measured: bool,
) -> list[Figure]:
    """Return the figures of the one row whose label the question holds, the newest first; empty when in doubt.

    Every word of the label must stand in the question, and the question's own words must be in the label or the
    headings above it, beside those that only help to ask. With `measured`, the question names a measure of
    the catalogue: then only a label with a word beyond it counts.
    """
    if not _ASKS_FOR_FIGURE.search(question):
        return []
    asked = telling_words(question) - telling_words(" ".join(names))
    telling = asked - _HELPING
    if not telling:
        return []
    best: tuple[tuple[float, ...], Figure] | None = None
    for each in figures.values():
        for figure in each:
            rank = _rank(figure, asked, telling, year, quarter)
            if rank is not None and (best is None or rank < best[0]):
                best = rank, figure
    if best is None or (measured and best[1].concept is not None and best[1].dimension is None and not _sharper(best[1])):
        return []
    return [best[1], *_comparatives(figures, best[1], year)]


def _sharper(figure: Figure) -> bool:
    """Whether a catalogued row says more than the measure that stands for it ("Marketing" against all costs)."""
    return figure.concept in ("sales_and_marketing", "general_and_administrative", "technology_expense")


def _rank(
    figure: Figure, asked: set[str], telling: set[str], year: int, quarter: int | None
) -> tuple[float, ...] | None:
    period = figure.period
    if period is None or period.fiscal_year != year or period.kind == "months":
        return None
    if (period.fiscal_quarter if period.kind != "year" else None) not in ((quarter, None) if quarter is None else (quarter,)):
        return None
    label = telling_words(f"{figure.row} {figure.dimension or ''}") - _HELPING
    if not label or not label <= asked or not telling <= label | telling_words(" ".join(figure.path)):
        return None
    whole_label = telling_words(figure.row)
    statement = re.search(r"statement|balance sheet", figure.table, re.I) is not None
    return (len(whole_label - asked), not statement, figure.unit == "fraction", figure.page, figure.start)


def _comparatives(figures: Mapping[str, Sequence[Figure]], chosen: Figure, year: int) -> list[Figure]:
    """Return the same row's figure of the year before."""
    return [
        figure
        for figure in figures.get(chosen.document_id, ())
        if (figure.page, figure.row_start) == (chosen.page, chosen.row_start)
        and figure.period is not None
        and chosen.period is not None
        and figure.period.fiscal_year == year - 1
        and figure.period.kind == chosen.period.kind
        and figure.unit == chosen.unit
    ][:1]
