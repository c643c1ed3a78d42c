"""Derives ratios, growth, changes and shares from the best reported figures, each as one self-contained SELECT."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from pipelines.ledger.concepts import concept as entry_of
from pipelines.tools.fundamentals_formulas import FORMULAS, Formula
from pipelines.tools.fundamentals_reported import Missing, Reported, covers
from pipelines.tools.fundamentals_words import display_of, percent, when, words
from tieout.model import Figure
from tieout.ports import FactQuery

__all__ = ["FORMULAS", "Fundamentals", "Missing", "display_of", "percent"]
_LEAF = re.compile(r"\{([~#]?)(\w+)\}")


@dataclass
class _Inputs:
    """The figures that an expression reads, by parameter name, and what had to be said about them."""

    figures: dict[str, Figure] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, name: str, figure: Figure) -> str:
        self.figures[name] = figure
        return f"(SELECT CAST(value AS DOUBLE) FROM figures WHERE id = ${name})"


class Fundamentals(Reported):
    """Reported figures of companies, chosen strictly, and measures derived from them.

    Every derived measure is one self-contained SELECT over the table `figures` (columns `id` and `value`).
    Percentages, margins and their changes are fractions: 0.0153 is 1.53 percentage points (unit 'points').
    """

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
                return Missing(
                    measure, f"{formula.label} of {ticker} has no meaning: what it divides by is not positive"
                )
            said = "; ".join([method, *inputs.notes])
            return self._query(ticker, formula, sql, said, inputs, as_of)
        names = ", ".join(dict.fromkeys(lacking))
        return Missing(
            measure,
            f"{formula.label} needs {names}, which the filings of {ticker} do not show"
            f" for {when(fiscal_year, quarter)}",
        )

    def growth(
        self, ticker: str, concept: str, fiscal_year: int, *, as_of: date, quarter: int | None = None
    ) -> FactQuery | Missing:
        """Return the growth of a reported measure over the same period a year earlier, as a fraction."""
        pair = self._pair(ticker, concept, fiscal_year, quarter, as_of, f"{concept}_growth")
        if isinstance(pair, Missing):
            return pair
        now, before = pair
        if before.value == 0 or (before.value < 0) != (now.value < 0) or (before.value < 0 and not _outflow(now)):
            return Missing(
                f"{concept}_growth", f"growth of {words(concept)} has no meaning: it was {before.text} a year earlier"
            )
        return _two(
            ticker,
            f"{concept}_growth",
            f"growth of {words(concept)}",
            "fraction",
            "{now} / {before} - 1",
            f"{words(concept)} / {words(concept)} a year earlier - 1",
            now,
            before,
            as_of,
            percent,
        )

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
            ticker,
            f"{concept}_change",
            f"change of {words(concept)}",
            unit,
            expression,
            f"{words(concept)} - {words(concept)} a year earlier",
            now,
            before,
            as_of,
            display_of(unit),
        )

    def cagr(self, ticker: str, concept: str, fiscal_year: int, years: int, *, as_of: date) -> FactQuery | Missing:
        """Return the compound annual growth rate of a measure over `years` fiscal years up to `fiscal_year`."""
        name = f"{concept}_cagr_{years}y"
        if years < 1:
            return Missing(name, f"a growth rate over {years} years has no meaning")
        now = self.reported(ticker, concept, fiscal_year, as_of=as_of)
        before = self.reported(ticker, concept, fiscal_year - years, as_of=as_of)
        if now is None or before is None:
            year = fiscal_year if now is None else fiscal_year - years
            return Missing(name, f"the filings of {ticker} do not show {words(concept)} for fiscal {year}")
        if now.value <= 0 or before.value <= 0:
            return Missing(name, f"a growth rate of {words(concept)} needs positive values at both ends")
        return _two(
            ticker,
            name,
            f"{years}-year compound growth of {words(concept)}",
            "fraction",
            f"POWER({{now}} / {{before}}, 1.0 / {years}) - 1",
            f"({words(concept)} in fiscal {fiscal_year} / in fiscal {fiscal_year - years}) ^ (1/{years}) - 1",
            now,
            before,
            as_of,
            percent,
        )

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
                ticker,
                period.fiscal_year - 1,
                part.concept or "revenue",
                period.fiscal_quarter if period.kind == "quarter" else None,
                as_of=as_of,
            )
            if other.dimension == part.dimension
        ]
        same = [
            f
            for f in self._parts.get(ticker.upper(), ())
            if f.document_id == part.document_id
            and (f.row_start, f.page, f.dimension, f.concept)
            == (part.row_start, part.page, part.dimension, part.concept)
            and covers(f.period, period.fiscal_year - 1, period.fiscal_quarter if period.kind == "quarter" else None)
        ]
        earlier = next(iter(same or before), None)
        if earlier is None:
            return Missing(
                name, f"the filings of {ticker} do not show {part.dimension} for fiscal {period.fiscal_year - 1}"
            )
        if earlier.value <= 0 or part.value <= 0:
            return Missing(name, f"growth of {part.dimension} has no meaning: it was {earlier.text} a year earlier")
        return _two(
            ticker,
            name,
            f"growth of {part.dimension} {words(part.concept or 'revenue')}",
            "fraction",
            "{now} / {before} - 1",
            f"{part.dimension} / {part.dimension} a year earlier - 1",
            part,
            earlier,
            as_of,
            percent,
        )

    def segment_share(self, ticker: str, part: Figure, *, as_of: date) -> FactQuery | Missing:
        """Return a part's share of the company's whole measure in the same period, as a fraction."""
        concept, period = part.concept or "revenue", part.period
        name = f"segment_{concept}_share"
        if period is None or period.fiscal_year is None:
            return Missing(name, f"{part.dimension} has no certain period")
        quarter = period.fiscal_quarter if period.kind == "quarter" else None
        whole = self.reported(ticker, concept, period.fiscal_year, quarter, as_of=as_of)
        if whole is None or whole.value <= 0:
            return Missing(
                name, f"the filings of {ticker} do not show {words(concept)} for {when(period.fiscal_year, quarter)}"
            )
        return _two(
            ticker,
            name,
            f"share of {part.dimension} in {words(concept)}",
            "fraction",
            "{now} / {before}",
            f"{part.dimension} {words(concept)} / total {words(concept)}",
            part,
            whole,
            as_of,
            percent,
        )

    # ------------------------------------------------------------ inside

    def _pair(
        self, ticker: str, concept: str, fiscal_year: int, quarter: int | None, as_of: date, name: str
    ) -> tuple[Figure, Figure] | Missing:
        now = self.reported(ticker, concept, fiscal_year, quarter, as_of=as_of)
        if now is None:
            return Missing(
                name, f"the filings of {ticker} do not show {words(concept)} for {when(fiscal_year, quarter)}"
            )
        before = self._comparative(now, ticker, concept, fiscal_year - 1, quarter, as_of)
        if before is None:
            return Missing(
                name, f"the filings of {ticker} do not show {words(concept)} for {when(fiscal_year - 1, quarter)}"
            )
        return now, before

    def _comparative(
        self, now: Figure, ticker: str, concept: str, fiscal_year: int, quarter: int | None, as_of: date
    ) -> Figure | None:
        """Return last year's figure, from the same row when it shows it: both sides then follow the same rules."""
        row = [
            figure
            for figure in self._by_key.get((ticker.upper(), now.concept or concept), ())
            if (figure.document_id, figure.page, figure.row_start) == (now.document_id, now.page, now.row_start)
            and covers(figure.period, fiscal_year, quarter)
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
                lacking.append(words(name))
                return ""
            own = inputs.add(name, figure)
            if name == "income_tax" and self._tax_is_benefit(figure, ticker, fiscal_year, quarter, as_of):
                inputs.notes.append("the statement prints a provision as a negative amount")
                return f"-{own}"
            if mark != "~" or quarter is not None:
                return own
            before = self._comparative(figure, ticker, name, fiscal_year - 1, None, as_of)
            if before is None:
                inputs.notes.append(f"the year-end balance of {words(name)}, the opening balance not being at hand")
                return own
            return f"(({own} + {inputs.add(f'{name}_before', before)}) / 2)"

        sql = _LEAF.sub(leaf, expression)
        return None if failed else f"SELECT {sql} AS value"

    def _tax_is_benefit(self, tax: Figure, ticker: str, fiscal_year: int, quarter: int | None, as_of: date) -> bool:
        """Whether the statement prints a provision with a minus, judged by which sign leads to net income."""
        pretax = self.reported(ticker, "pretax_income", fiscal_year, quarter, as_of=as_of)
        net = self.reported(ticker, "net_income_consolidated", fiscal_year, quarter, as_of=as_of)
        if pretax is None or net is None:
            return False
        return abs(pretax.value + tax.value - net.value) < abs(pretax.value - tax.value - net.value)

    def _query(self, ticker: str, formula: Formula, sql: str, method: str, inputs: _Inputs, as_of: date) -> FactQuery:
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


def _outflow(figure: Figure) -> bool:
    entry = entry_of(figure.concept or "")
    return entry is not None and (
        entry.outflow or figure.concept in ("interest_expense", "income_tax", "net_income_noncontrolling")
    )
