"""Finds the one best reported figure of a measure and period, and derives ratios and changes from such figures as SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pipelines.ledger.concepts import concept as entry_of
from pipelines.tools.fundamentals_formulas import FORMULAS, Formula
from tieout.model import Document, Figure, Period
from tieout.ports import FactQuery

_LEAF = re.compile(r"\{([~#]?)(\w+)\}")
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


@dataclass
class _Inputs:
    """The figures that an expression reads, by parameter name, and what had to be said about them."""

    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, figure: Figure) -> str:
        self.figures[name] = figure
        return f"(SELECT CAST(value AS DOUBLE) FROM figures WHERE id = ${name})"


class Fundamentals:
    """Reported figures of companies, chosen strictly, and measures derived from them.

    Every derived measure is one self-contained SELECT over the table `figures` (columns `id` and `value`).
    Percentages, margins and their changes are fractions: 0.0153 is 1.53 percentage points (unit 'points').
    """

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
                if _covers(figure.period, fiscal_year, quarter) and not _later(figure, as_of)
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
            if figure.concept == concept
            and _covers(figure.period, fiscal_year, quarter)
            and not _later(figure, as_of)
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
        own = document.fiscal_year == fiscal_year and (annual if quarter in (None, 4) else document.fiscal_quarter == quarter)
        distance = (document.fiscal_year or 0) - fiscal_year
        place = 0 if own else (1 + 2 * distance if distance >= 0 else 100 - distance)
        if not own and annual != (quarter is None):
            place += 1
        statement = re.search(r"statement|balance sheet", figure.table, re.IGNORECASE)
        return (place, 0 if statement else 1, 0)

    # ------------------------------------------------------------ derived measures

    def measure(
        self, ticker: str, measure: str, fiscal_year: int, *, as_of: date, quarter: int | None = None
    ) -> FactQuery | Missing:
        """Return the computation of a measure of FORMULAS, or Missing with the reason.

        Averages are of the balances at the start and the end of the year; where only the end is known the
        method says so. Unit is 'fraction', 'multiple', 'days' or a currency.
        """
        formula = FORMULAS.get(measure)
        if formula is None:
            return Missing(measure, f"{measure} is not a measure that tieout derives; it knows {', '.join(FORMULAS)}")
        if formula.days and quarter is not None:
            return Missing(measure, f"{formula.label} is computed for whole fiscal years only")
        lacking: list[str] = []
        for expression, method in formula.expressions:
            inputs = _Inputs()
            sql = self._expand(expression, inputs, ticker, fiscal_year, quarter, as_of, lacking)
            if sql is None:
                continue
            if not _denominators_positive(expression, inputs):
                return Missing(measure, f"{formula.label} of {ticker} has no meaning: what it divides by is not positive")
            words = "; ".join([method, *inputs.notes])
            return self._query(ticker, formula, sql, words, inputs, as_of)
        names = ", ".join(dict.fromkeys(lacking))
        return Missing(measure, f"{formula.label} needs {names}, which the filings of {ticker} do not show for {_when(fiscal_year, quarter)}")

    def growth(
        self, ticker: str, concept: str, fiscal_year: int, *, as_of: date, quarter: int | None = None
    ) -> FactQuery | Missing:
        """Return the growth of a reported measure over the same period a year earlier, as a fraction."""
        pair = self._pair(ticker, concept, fiscal_year, quarter, as_of, f"{concept}_growth")
        if isinstance(pair, Missing):
            return pair
        now, before = pair
        if before.value == 0 or (before.value < 0) != (now.value < 0) or (before.value < 0 and not _outflow(now)):
            return Missing(f"{concept}_growth", f"growth of {_words(concept)} has no meaning: it was {before.text} a year earlier")
        return _two(
            ticker, f"{concept}_growth", f"growth of {_words(concept)}", "fraction", "{now} / {before} - 1",
            f"{_words(concept)} / {_words(concept)} a year earlier - 1", now, before, as_of, percent,
        )  # fmt: skip

    def change(
        self, ticker: str, concept: str, fiscal_year: int, *, as_of: date, quarter: int | None = None
    ) -> FactQuery | Missing:
        """Return the change of a reported measure over a year, in its own unit; outflows as amounts spent."""
        pair = self._pair(ticker, concept, fiscal_year, quarter, as_of, f"{concept}_change")
        if isinstance(pair, Missing):
            return pair
        now, before = pair
        expression = "ABS({now}) - ABS({before})" if _outflow(now) else "{now} - {before}"
        unit = now.unit
        return _two(
            ticker, f"{concept}_change", f"change of {_words(concept)}", unit, expression,
            f"{_words(concept)} - {_words(concept)} a year earlier", now, before, as_of, display_of(unit),
        )  # fmt: skip

    def cagr(self, ticker: str, concept: str, fiscal_year: int, years: int, *, as_of: date) -> FactQuery | Missing:
        """Return the compound annual growth rate of a measure over `years` fiscal years up to `fiscal_year`."""
        name = f"{concept}_cagr_{years}y"
        if years < 1:
            return Missing(name, f"a growth rate over {years} years has no meaning")
        now = self.reported(ticker, concept, fiscal_year, as_of=as_of)
        before = self.reported(ticker, concept, fiscal_year - years, as_of=as_of)
        if now is None or before is None:
            year = fiscal_year if now is None else fiscal_year - years
            return Missing(name, f"the filings of {ticker} do not show {_words(concept)} for fiscal {year}")
        if now.value <= 0 or before.value <= 0:
            return Missing(name, f"a growth rate of {_words(concept)} needs positive values at both ends")
        return _two(
            ticker, name, f"{years}-year compound growth of {_words(concept)}", "fraction",
            f"POWER({{now}} / {{before}}, 1.0 / {years}) - 1",
            f"({_words(concept)} in fiscal {fiscal_year} / in fiscal {fiscal_year - years}) ^ (1/{years}) - 1",
            now, before, as_of, percent,
        )  # fmt: skip

    def measure_change(
        self, ticker: str, measure: str, fiscal_year: int, *, as_of: date, quarter: int | None = None
    ) -> FactQuery | Missing:
        """Return a derived measure's change over a year; of a fraction in points (0.0153 = 1.53 percentage points)."""
        now = self.measure(ticker, measure, fiscal_year, as_of=as_of, quarter=quarter)
        before = self.measure(ticker, measure, fiscal_year - 1, as_of=as_of, quarter=quarter)
        if isinstance(now, Missing):
            return now
        if isinstance(before, Missing):
            return before
        parameters = {f"now_{key}": value for key, value in now.parameters.items()}
        parameters |= {f"before_{key}": value for key, value in before.parameters.items()}
        unit = "points" if now.unit == "fraction" else now.unit
        sql = f"SELECT {_prefixed(now.sql, 'now_')} - {_prefixed(before.sql, 'before_')} AS value"
        return FactQuery(
            name=f"{ticker} change of {FORMULAS[measure].label}",
            measure=f"{measure}_change",
            unit=unit,
            method=f"{FORMULAS[measure].label} - the same a year earlier; {now.method}"
            + ("; a difference of fractions, in percentage points" if unit == "points" else ""),
            sql=sql,
            parameters=parameters,
            as_of=as_of,
            figures=tuple(dict.fromkeys((*now.figures, *before.figures))),
            instrument=ticker,
            currency=now.currency,
            period=now.period,
            display=display_of(unit),
        )

    def segment_growth(self, ticker: str, part: Figure, *, as_of: date) -> FactQuery | Missing:
        """Return the growth of a segment's, product's or region's figure over the year before, as a fraction."""
        name = f"segment_{part.concept}_growth"
        period = part.period
        if period is None or period.fiscal_year is None:
            return Missing(name, f"{part.dimension} has no certain period")
        before = [
            other
            for other in self.segments(
                ticker, period.fiscal_year - 1, part.concept or "revenue", period.fiscal_quarter if period.kind == "quarter" else None,
                as_of=as_of,
            )
            if other.dimension == part.dimension
        ]  # fmt: skip
        same = [f for f in self._parts.get(ticker.upper(), ()) if f.document_id == part.document_id
                and (f.row_start, f.page, f.dimension, f.concept) == (part.row_start, part.page, part.dimension, part.concept)
                and _covers(f.period, period.fiscal_year - 1, period.fiscal_quarter if period.kind == "quarter" else None)]  # fmt: skip
        earlier = (same or before or [None])[0]
        if earlier is None:
            return Missing(name, f"the filings of {ticker} do not show {part.dimension} for fiscal {period.fiscal_year - 1}")
        if earlier.value <= 0 or part.value <= 0:
            return Missing(name, f"growth of {part.dimension} has no meaning: it was {earlier.text} a year earlier")
        return _two(
            ticker, name, f"growth of {part.dimension} {_words(part.concept or 'revenue')}", "fraction",
            "{now} / {before} - 1", f"{part.dimension} / {part.dimension} a year earlier - 1", part, earlier, as_of, percent,
        )  # fmt: skip

    def segment_share(self, ticker: str, part: Figure, *, as_of: date) -> FactQuery | Missing:
        """Return a part's share of the company's whole measure in the same period, as a fraction."""
        concept, period = part.concept or "revenue", part.period
        name = f"segment_{concept}_share"
        if period is None or period.fiscal_year is None:
            return Missing(name, f"{part.dimension} has no certain period")
        quarter = period.fiscal_quarter if period.kind == "quarter" else None
        whole = self.reported(ticker, concept, period.fiscal_year, quarter, as_of=as_of)
        if whole is None or whole.value <= 0:
            return Missing(name, f"the filings of {ticker} do not show {_words(concept)} for {_when(period.fiscal_year, quarter)}")
        return _two(
            ticker, name, f"share of {part.dimension} in {_words(concept)}", "fraction", "{now} / {before}",
            f"{part.dimension} {_words(concept)} / total {_words(concept)}", part, whole, as_of, percent,
        )  # fmt: skip

    # ------------------------------------------------------------ inside

    def _pair(
        self, ticker: str, concept: str, fiscal_year: int, quarter: int | None, as_of: date, name: str
    ) -> tuple[Figure, Figure] | Missing:
        now = self.reported(ticker, concept, fiscal_year, quarter, as_of=as_of)
        if now is None:
            return Missing(name, f"the filings of {ticker} do not show {_words(concept)} for {_when(fiscal_year, quarter)}")
        before = self._comparative(now, ticker, concept, fiscal_year - 1, quarter, as_of)
        if before is None:
            return Missing(name, f"the filings of {ticker} do not show {_words(concept)} for {_when(fiscal_year - 1, quarter)}")
        return now, before

    def _comparative(
        self, now: Figure, ticker: str, concept: str, fiscal_year: int, quarter: int | None, as_of: date
    ) -> Figure | None:
        """Return last year's figure, from the same row when it shows it: both sides then follow the same rules."""
        row = [
            figure
            for figure in self._by_key.get((ticker.upper(), now.concept or concept), ())
            if (figure.document_id, figure.page, figure.row_start) == (now.document_id, now.page, now.row_start)
            and _covers(figure.period, fiscal_year, quarter)
        ]
        return row[0] if len(row) == 1 else self.reported(ticker, concept, fiscal_year, quarter, as_of=as_of)

    def _expand(
        self,
        expression: str,
        inputs: _Inputs,
        ticker: str,
        fiscal_year: int,
        quarter: int | None,
        as_of: date,
        lacking: list[str],
    ) -> str | None:
        """Put subqueries in place of the names; None when a figure is missing (then `lacking` names it)."""
        failed = False

        def leaf(match: re.Match[str]) -> str:
            nonlocal failed
            mark, name = match.groups()
            figure = self.reported(ticker, name, fiscal_year, quarter, as_of=as_of)
            if figure is None:
                if mark == "#":
                    return "0"
                failed = True
                lacking.append(_words(name))
                return ""
            own = inputs.add(name, figure)
            if name == "income_tax" and self._tax_is_benefit(figure, ticker, fiscal_year, quarter, as_of):
                inputs.notes.append("the statement prints a provision as a negative amount")
                return f"-{own}"
            if mark != "~" or quarter is not None:
                return own
            before = self._comparative(figure, ticker, name, fiscal_year - 1, None, as_of)
            if before is None:
                inputs.notes.append(f"the year-end balance of {_words(name)}, the opening balance not being at hand")
                return own
            return f"(({own} + {inputs.add(f'{name}_before', before)}) / 2)"

        sql = _LEAF.sub(leaf, expression)
        return None if failed else f"SELECT {sql} AS value"

    def _tax_is_benefit(
        self, tax: Figure, ticker: str, fiscal_year: int, quarter: int | None, as_of: date
    ) -> bool:
        """Whether the statement prints a provision with a minus, judged by which sign leads to net income."""
        pretax = self.reported(ticker, "pretax_income", fiscal_year, quarter, as_of=as_of)
        net = self.reported(ticker, "net_income_consolidated", fiscal_year, quarter, as_of=as_of)
        if pretax is None or net is None:
            return False
        return abs(pretax.value + tax.value - net.value) < abs(pretax.value - tax.value - net.value)

    def _query(
        self, ticker: str, formula: Formula, sql: str, method: str, inputs: _Inputs, as_of: date
    ) -> FactQuery:
        figures = tuple(dict.fromkeys(inputs.figures.values()))
        currency = next((figure.unit for figure in figures if len(figure.unit) == 3), None)
        unit = (currency or "USD") if formula.unit == "money" else formula.unit
        flows = [figure for figure in figures if figure.period and figure.period.kind != "instant"]
        return FactQuery(
            name=f"{ticker} {formula.label}",
            measure=formula.measure,
            unit=unit,
            method=method,
            sql=sql,
            parameters={name: figure.id for name, figure in inputs.figures.items()},
            as_of=as_of,
            figures=figures,
            instrument=ticker,
            currency=currency if formula.unit == "money" else None,
            period=(flows or list(figures))[0].period,
            display=display_of(unit),
        )


def percent(value: Decimal) -> str:
    """Return a fraction as a percentage with one decimal: 0.0779 → "7.8%"."""
    return f"{value * 100:.1f}%"


def display_of(unit: str) -> Callable[[Decimal], str]:
    """Return how a report prints a value of the unit."""
    if unit == "fraction":
        return percent
    if unit == "points":
        return lambda value: f"{value * 100:+.1f} percentage points"
    if unit == "multiple":
        return lambda value: f"{value:.2f}x"
    if unit == "days":
        return lambda value: f"{value:.1f} days"
    if unit.endswith("/share"):
        return lambda value: _dollars(value, 2)
    if len(unit) == 3:
        return _money
    return lambda value: f"{value:,.0f}"


def _money(value: Decimal) -> str:
    size = abs(value)
    if size >= 1_000_000:
        return f"{_dollars(value / 1_000_000, 0)} million"
    return _dollars(value, 0)


def _dollars(value: Decimal, decimals: int) -> str:
    return f"{'-' if value < 0 else ''}${abs(value):,.{decimals}f}"


def _two(
    ticker: str,
    measure: str,
    label: str,
    unit: str,
    expression: str,
    method: str,
    now: Figure,
    before: Figure,
    as_of: date,
    display: Callable[[Decimal], str],
) -> FactQuery:
    """Make a computation over two figures."""
    exact = "/" not in expression
    leaf = "(SELECT {} FROM figures WHERE id = ${})"
    value = "value" if exact else "CAST(value AS DOUBLE)"
    sql = expression.replace("{now}", leaf.format(value, "now")).replace("{before}", leaf.format(value, "before"))
    return FactQuery(
        name=f"{ticker} {label}",
        measure=measure,
        unit=unit,
        method=method,
        sql=f"SELECT {sql} AS value",
        parameters={"now": now.id, "before": before.id},
        as_of=as_of,
        figures=(now, before),
        instrument=ticker,
        currency=unit if len(unit) == 3 else None,
        period=now.period,
        display=display,
    )


def _prefixed(sql: str, prefix: str) -> str:
    inner = sql.removeprefix("SELECT ").removesuffix(" AS value")
    return "(" + re.sub(r"\$(\w+)", rf"${prefix}\1", inner) + ")"


def _denominators_positive(expression: str, inputs: _Inputs) -> bool:
    """Whether every single figure that the expression divides by is positive (or an amount taken by ABS)."""
    for mark, name in re.findall(r"/ \{([~#]?)(\w+)\}", expression):
        if inputs.figures[name].value <= 0 and name != "pretax_income":
            return False
        if mark == "~" and f"{name}_before" in inputs.figures and inputs.figures[f"{name}_before"].value <= 0:
            return False
    return all(inputs.figures[name].value != 0 for name in re.findall(r"/ (?:ABS\()?\{[~#]?(\w+)\}", expression))


def _covers(period: Period | None, fiscal_year: int, quarter: int | None) -> bool:
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


def _outflow(figure: Figure) -> bool:
    entry = entry_of(figure.concept or "")
    return entry is not None and (entry.outflow or figure.concept in ("interest_expense", "income_tax", "net_income_noncontrolling"))


def _words(concept: str) -> str:
    """Return a measure's name for people: "r_and_d" → "research and development"."""
    special = {
        "r_and_d": "research and development", "sg_and_a": "selling, general and administrative expenses",
        "d_and_a": "depreciation and amortization", "eps_basic": "basic earnings per share",
        "eps_diluted": "diluted earnings per share", "ppe_net": "net property and equipment",
        "capex": "capital expenditures", "buybacks": "share repurchases", "equity": "shareholders' equity",
        "pretax_income": "income before taxes", "current_long_term_debt": "the current portion of long-term debt",
    }  # fmt: skip
    return special.get(concept, concept.replace("_", " "))


def _when(fiscal_year: int, quarter: int | None) -> str:
    return f"fiscal {fiscal_year}" if quarter is None else f"quarter {quarter} of fiscal {fiscal_year}"
