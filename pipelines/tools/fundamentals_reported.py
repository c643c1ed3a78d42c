"""Finds the one best reported figure of a company's measure and period among the figures of its filings."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from tieout.model import Document, Figure, Period

# Where a filing does not part what belongs to the company from what belongs to others, or sales from other revenue.
_INSTEAD: Mapping[str, tuple[str, ...]] = {
    "equity": ("equity", "total_equity"),
    "net_sales": ("net_sales", "revenue"),
    "net_income_consolidated": ("net_income_consolidated", "net_income"),
}


@dataclass(frozen=True)
class Missing:
    """Why a measure cannot be given; false in conditions. `reason` is a sentence for people."""

    measure: str
    reason: str

    def __bool__(self) -> bool:
        """Return False: there is no value."""
        return False


class Reported:
    """Reported figures of companies, chosen strictly: a doubt is None, never a guess."""

    def __init__(self, figures_by_document: Mapping[str, Sequence[Figure]], documents: Sequence[Document]) -> None:
        self._documents = {document.id: document for document in documents}
        self._by_key: dict[tuple[str, str], list[Figure]] = {}
        self._parts: dict[str, list[Figure]] = {}
        for document in documents:
            ticker = (document.ticker or "").upper()
            for figure in figures_by_document.get(document.id, ()):
                if figure.concept is None or figure.period is None:
                    continue
                if figure.dimension is None:
                    self._by_key.setdefault((ticker, figure.concept), []).append(figure)
                else:
                    self._parts.setdefault(ticker, []).append(figure)

    # ------------------------------------------------------------ reported figures

    def reported(
        self, ticker: str, concept: str, fiscal_year: int, quarter: int | None = None, *, as_of: date | None = None
    ) -> Figure | None:
        """Return the reported figure of a measure, None when there is none or the filing leaves a doubt.

        The filing of that very year (or quarter) comes first, then the next later one that still shows it, then
        earlier ones. A later filing may restate (a stock split changes earlier earnings per share): `document_of`
        says which filing it is. None filed after `as_of` is used.
        """
        for name in _INSTEAD.get(concept, (concept,)):
            candidates = [
                figure
                for figure in self._by_key.get((ticker.upper(), name), ())
                if covers(figure.period, fiscal_year, quarter) and not _later(figure, as_of)
            ]
            best = self._best(candidates, fiscal_year, quarter)
            if best is not None or candidates:
                return best
        return None

    def document_of(self, figure: Figure) -> Document:
        """Return the filing that a figure stands in."""
        return self._documents[figure.document_id]

    def fiscal_years(self, ticker: str, *, as_of: date | None = None) -> list[int]:
        """Return the fiscal years with an annual filing of their own, oldest first; None filed after `as_of`."""
        return sorted(
            {
                document.fiscal_year
                for document in self._documents.values()
                if (document.ticker or "").upper() == ticker.upper()
                and document.fiscal_year is not None
                and document.fiscal_quarter in (None, 4)
                and not (as_of and document.filed_on and document.filed_on > as_of)
            }
        )

    def segments(
        self,
        ticker: str,
        fiscal_year: int,
        concept: str = "revenue",
        quarter: int | None = None,
        *,
        as_of: date | None = None,
    ) -> list[Figure]:
        """Return the parts (segments, products, regions) of a measure, each once, in the filing's order.

        Parts of one kind add up, parts of different kinds (products, regions) do not: `table` says which table.
        """
        found = [
            figure
            for figure in self._parts.get(ticker.upper(), ())
            if figure.concept == concept and covers(figure.period, fiscal_year, quarter) and not _later(figure, as_of)
        ]
        found.sort(key=lambda figure: (*self._rank(figure, fiscal_year, quarter), figure.page, figure.start))
        chosen: dict[str, Figure] = {}
        doubtful: set[str] = set()
        for figure in found:
            key = (figure.dimension or "").casefold()
            known = chosen.setdefault(key, figure)
            if known.value != figure.value and known.document_id == figure.document_id:
                doubtful.add(key)
        return [figure for key, figure in chosen.items() if key not in doubtful]

    def _best(self, candidates: Sequence[Figure], fiscal_year: int, quarter: int | None) -> Figure | None:
        if not candidates:
            return None
        first = min(self._rank(figure, fiscal_year, quarter) for figure in candidates)
        best = [figure for figure in candidates if self._rank(figure, fiscal_year, quarter) == first]
        if len({abs(figure.value) for figure in best}) > 1:
            return None
        return min(best, key=lambda figure: (figure.page, figure.start))

    def _rank(self, figure: Figure, fiscal_year: int, quarter: int | None) -> tuple[int, int, int]:
        """Order filings: that very period's own, later ones by distance, earlier ones; statements before notes."""
        document = self._documents[figure.document_id]
        annual = document.fiscal_quarter in (None, 4)
        own = document.fiscal_year == fiscal_year and (
            annual if quarter in (None, 4) else document.fiscal_quarter == quarter
        )
        distance = (document.fiscal_year or 0) - fiscal_year
        place = 0 if own else (1 + 2 * distance if distance >= 0 else 100 - distance)
        if not own and annual != (quarter is None):
            place += 1
        statement = re.search(r"statement|balance sheet", figure.table, re.IGNORECASE)
        return (place, 0 if statement else 1, 0)


def covers(period: Period | None, fiscal_year: int, quarter: int | None) -> bool:
    """Whether a figure's period is the fiscal year or quarter asked for, or the balance at its end."""
    if period is None or period.fiscal_year != fiscal_year:
        return False
    if period.kind == "instant":
        return period.fiscal_quarter in (None, 4) if quarter in (None, 4) else period.fiscal_quarter == quarter
    if quarter is None:
        return period.kind == "year"
    return period.kind == "quarter" and period.fiscal_quarter == quarter


def _later(figure: Figure, as_of: date | None) -> bool:
    return as_of is not None and figure.known_on is not None and figure.known_on > as_of
