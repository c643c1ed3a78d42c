"""Looks a figure up by the words of its row, for what filings print and no catalogue of measures knows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipelines.agents.telling import telling_words
from pipelines.ledger.concept_phrases import PHRASES
from tieout.model import Figure

_HELPING = telling_words(
    "much many total what share percentage percent spend spent cost costs expense expenses revenue revenues"
    " sales income "
    "increase decrease change changed amount number value growth grow grew rate billion million thousand report"
    " reported "
    "quarter annual months ended ending period december september june january august give list there full make"
    " made have "
    "average from per usd dollars compare compared incur incurred pay paid owe owed end net year-end"
)
_ASKS_FOR_FIGURE = re.compile(r"\b(?:how (?:much|many|big|large|high)|what|whats|number of|amount of)\b", re.I)


def looked_up(
    figures: Mapping[str, Sequence[Figure]], question: str, names: Sequence[str], year: int, quarter: int | None
) -> list[Figure]:
    """Return the figures of the one row whose label the question holds, the newest first; empty when in doubt.

    Only words beside those of the catalogue's measures and those that help to ask count: there must be one. All of
    the label's must stand in the question; else all of the question's in the label of one row only.
    """
    if not _ASKS_FOR_FIGURE.search(question):
        return []
    asked = telling_words(question) - telling_words(" ".join(names))
    telling = asked - _HELPING - measure_words(question)
    if not telling:
        return []
    rows = [f for each in figures.values() for f in each if f.concept in (None, *_SHARPER) and _of(f, year, quarter)]
    chosen = _whole_label(rows, asked, telling) or _only_label(rows, telling)
    return [chosen, *_comparatives(figures, chosen, year)] if chosen else []


_SHARPER = ("sales_and_marketing", "general_and_administrative", "technology_expense")


def beside_helping(question: str, names: str) -> set[str]:
    """Return the words of a question that neither help to ask nor name a measure or the company."""
    return telling_words(question) - telling_words(names) - _HELPING - measure_words(question)


def measure_words(question: str) -> set[str]:
    """Return the words of a question with which it names measures of the catalogue."""
    low = question.casefold().replace("’", "'")
    return {
        word
        for phrase, _ in PHRASES
        for match in re.finditer(rf"(?<![\w-])(?:{phrase})(?![\w-])", low)
        for word in telling_words(match[0])
    }


def _whole_label(rows: Sequence[Figure], asked: set[str], telling: set[str]) -> Figure | None:
    """Return the best row whose label stands in the question and holds all that it tells."""
    fitting = []
    for figure in rows:
        label = telling_words(figure.row) - _HELPING
        if label and label <= asked and telling <= label | telling_words(" ".join(figure.path)):
            fitting.append(figure)
    return min(fitting, key=_order, default=None)


def _only_label(rows: Sequence[Figure], telling: set[str]) -> Figure | None:
    """Return the figure of the only row whose label holds all that the question tells; amounts of money only."""
    fitting = [figure for figure in rows if telling <= telling_words(figure.row) and len(figure.unit) == 3]
    return min(fitting, key=_order) if fitting and len({abs(f.value) for f in fitting}) == 1 else None


def _order(figure: Figure) -> tuple[int, bool, int, int]:
    statement = re.search(r"statement|balance sheet", figure.table, re.I) is not None
    return len(telling_words(figure.row)), not statement, figure.page, figure.start


def _of(figure: Figure, year: int, quarter: int | None) -> bool:
    period = figure.period
    if period is None or period.fiscal_year != year or period.kind == "months":
        return False
    own = None if period.kind == "year" or period.fiscal_quarter == 4 else period.fiscal_quarter
    return own == (None if quarter == 4 else quarter)


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
