"""Builds the lines of a report: one measure, part or row of one company, its amounts and changes queried as facts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from pipelines.agents.evidence import Line, Scope
from pipelines.agents.lookup import looked_up
from pipelines.agents.parts import WORD, choose_group, figures_of_part, parts_named
from pipelines.agents.queries import as_reported, growth_between, mean_of, share_of
from pipelines.agents.question import Reading
from pipelines.agents.wording import label_of
from pipelines.ledger.concepts import concept as entry_of
from pipelines.ledger.concepts import normal_label
from pipelines.tools.fundamentals import Fundamentals, Missing
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.model import Document, Fact, Figure, Instrument, Period
from tieout.ports import FactQuery


@dataclass
class Query:
    """A computation whose fact a line waits for."""

    query: FactQuery
    fact: Fact | None = None


@dataclass
class Slot:
    """A line in the making: the queries stand where fact ids will."""

    line: Line
    now: Query | None = None
    before: Query | None = None
    change: Query | None = None
    level: Query | None = None
    share: Query | None = None


@dataclass
class Lines:
    """Builds lines over the figures of the documents in scope; what it cannot build it names in `missing`."""

    scope: Scope
    reading: Reading
    documents: dict[str, Document]
    figures: dict[str, list[Figure]]
    source: Fundamentals
    quarter: int | None
    missing: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)

    # ---------------------------------------------------------------- lines

    def level(self, instrument: Instrument, name: str, year: int, *, optional: bool) -> Slot | None:
        """Return the line of a reported figure, else of the measure that stands for it, None when there is neither."""
        ticker, quarter, as_of = instrument.ticker or "", self.quarter, self.scope.as_of
        if self.reading.months:
            return self._year_to_date(instrument, name)
        now = self.source.reported(ticker, name, year, quarter, as_of=as_of)
        if now is None:
            derived = self.measure(instrument, name, year, optional=True) if name in FORMULAS else None
            if derived is None and not (optional and name in _OFTEN_ABSENT):
                self.miss(f"{label_of(name)} of {instrument.name} for {self._when(year)} is not in the filings at hand")
            return derived
        pair = self.source.change(ticker, name, year, as_of=as_of, quarter=quarter)
        before = pair.figures[1] if isinstance(pair, FactQuery) else None
        entry = entry_of(name)
        line = Line(
            ticker, name, label_of(name, now), now.period or Period("year", year), now, before,
            outflow=bool(entry and entry.outflow), before_period=before.period if before else None,
        )  # fmt: skip
        change = self.source.growth(ticker, name, year, as_of=as_of, quarter=quarter)
        amounts = [as_reported(ticker, line.label, one, as_of, outflow=line.outflow) for one in (now, before) if one]
        held = [self.query(query) for query in amounts]
        if now.value < 0 and "income" in name:  # a loss is worded as an amount, so it is typed and tied to its row
            return Slot(line, change=self.query(change, signed=True), level=held[0])
        return Slot(line, held[0], held[1] if before else None, self.query(change, signed=True), held[0])

    def _year_to_date(self, instrument: Instrument, name: str) -> Slot | None:
        """Return a measure over the six or nine months that end on the date named, beside the same a year before."""
        ticker, as_of, months = instrument.ticker or "", self.scope.as_of, self.reading.months
        own = [
            f
            for document in self.documents.values()
            if document.instrument_id == instrument.id
            for f in self.figures[document.id]
            if f.concept == name and f.dimension is None and f.period and f.period.months == months
        ]
        now = next((f for f in own if f.period and f.period.end in self.reading.ends), None)
        if now is None:
            self.miss(f"{label_of(name)} of {instrument.name} for these {months} months is not in the filings at hand")
            return None
        before = next((f for f in own if f.row_start == now.row_start and f.page == now.page and f is not now), None)
        return self._row_slot(ticker, name, label_of(name, now), now, before, as_of)

    def over_years(self, instrument: Instrument, names: Sequence[str]) -> list[Slot]:
        """Return each measure from the first year named to the last: its growth, its yearly rate or its mean."""
        first, last = self.span() or (0, 0)
        ticker, as_of = instrument.ticker or "", self.scope.as_of
        years = Period("year", label=f"the years from fiscal {first} to fiscal {last}")
        slots: list[Slot] = []
        for name in names:
            now, before = (self.source.reported(ticker, name, year, as_of=as_of) for year in (last, first))
            label = label_of(name, now) if now else FORMULAS[name].label if name in FORMULAS else label_of(name)
            if self.reading.intent.average:
                queries = [self._yearly(ticker, name, year) for year in range(first, last + 1)]
                found = [query for query in queries if isinstance(query, FactQuery)]
                if len(found) == len(queries):
                    slots.append(Slot(Line(ticker, name, f"average {label}", years), self.query(mean_of(found, label))))
                continue
            if self.reading.intent.cagr:
                rate = self.source.cagr(ticker, name, last, last - first, as_of=as_of)
                slots.append(
                    Slot(Line(ticker, name, f"compound annual growth rate of {label}", years), self.query(rate))
                )
                if isinstance(rate, Missing):
                    self.miss(rate.reason)
                continue
            if now is not None and before is not None:
                slots.append(self._row_slot(ticker, name, label, now, before, as_of))
                continue
            pair = self._yearly(ticker, name, last), self._yearly(ticker, name, first)
            if isinstance(pair[0], FactQuery) and isinstance(pair[1], FactQuery):
                line = Line(
                    ticker, name, label, _period_of(pair[0], last, None), before_period=_period_of(pair[1], first, None)
                )
                slots.append(Slot(line, self.query(pair[0]), self.query(pair[1])))
        return slots

    def _yearly(self, ticker: str, name: str, year: int) -> FactQuery | Missing:
        figure = self.source.reported(ticker, name, year, as_of=self.scope.as_of)
        if figure is not None:
            return as_reported(ticker, label_of(name), figure, self.scope.as_of)
        return self.source.measure(ticker, name, year, as_of=self.scope.as_of)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last fiscal year that one answer spans; neighbours need no line of their own."""
        intent, named = self.reading.intent, self.reading.fiscal_years
        if len(named) > 1 and (intent.average or intent.cagr or named[-1] - named[0] > 1):
            return (named[0], named[-1]) if self.reading.trend or len(named) == 2 or intent.average else None
        match = _YEARS_LONG.search(self.reading.text)
        last = max((year for _, year in self.scope.fiscal_years), default=None)
        if match and last and (intent.average or intent.cagr):
            count = _COUNTS.get(match[1].lower()) or int(match[1])
            return last - count + (1 if intent.average else 0), last
        return None

    # ---------------------------------------------------------------- parts and rows

    def named_parts(self, instrument: Instrument, year: int) -> list[Slot]:
        """Return a line for each segment, product or region that the question names."""
        ticker, as_of = instrument.ticker or "", self.scope.as_of
        own = self._own(instrument)
        names = (instrument.name, *instrument.names)
        concept = "operating_income" if "operating_income" in self.reading.measures else "revenue"
        slots = []
        for part in parts_named(own, year, self.quarter, self.reading.text, names):
            figure = figures_of_part(own, part, concept, year, self.quarter)
            if figure is None:
                continue
            slot = self._part_slot(ticker, figure, "named")
            whole = self.source.reported(ticker, concept, year, self.quarter, as_of=as_of)
            if whole is not None:
                slot.share = self.query(share_of(ticker, f"{part} {label_of(concept)}", figure, whole, as_of))
            slots.append(slot)
        return slots

    def named_row(self, instrument: Instrument, year: int) -> list[Slot]:
        """Return the row whose label the question holds, for what no measure of the catalogue covers."""
        names = (instrument.name, *instrument.names)
        found = looked_up(self._own(instrument), self.reading.text, names, year, self.quarter)
        if not found:
            return []
        now, before = found[0], found[1] if len(found) > 1 else None
        label = " ".join(normal_label(now.row).split())
        return [self._row_slot(instrument.ticker or "", "row", label, now, before, self.scope.as_of)]

    def _own(self, instrument: Instrument) -> dict[str, list[Figure]]:
        return {d.id: list(self.figures[d.id]) for d in self.documents.values() if d.instrument_id == instrument.id}

    def _row_slot(self, ticker: str, name: str, label: str, now: Figure, before: Figure | None, as_of: date) -> Slot:
        """Return the line of one row of a table, its amounts as facts that read the figure."""
        entry = entry_of(now.concept or "")
        outflow = bool(entry and entry.outflow)
        line = Line(
            ticker, name, label, now.period or Period("year"), now, before, outflow=outflow,
            before_period=before.period if before else None,
        )  # fmt: skip
        change = growth_between(ticker, label, now, before, as_of) if before and now.unit != "fraction" else None
        return Slot(
            line,
            now=self.query(as_reported(ticker, label, now, as_of, outflow=outflow)),
            before=self.query(as_reported(ticker, label, before, as_of, outflow=outflow)) if before else None,
            change=self.query(change, signed=True) if change else None,
        )

    def _part_slot(self, ticker: str, part: Figure, group: str) -> Slot:
        growth = self.source.segment_growth(ticker, part, as_of=self.scope.as_of)
        before = growth.figures[1] if isinstance(growth, FactQuery) else None
        name = part.dimension or ""
        plain = re.search(r"\b(?:fees|sales|revenues?|income)$", name, re.I) is not None
        label = name if plain else f"{name} {label_of(part.concept or 'revenue')}"
        slot = self._row_slot(ticker, f"segment_{part.concept}", label, part, before, self.scope.as_of)
        slot.line = replace(slot.line, group=group)
        return slot

    def measure(self, instrument: Instrument, name: str, year: int, *, optional: bool) -> Slot | None:
        """Return the line of a derived measure, None when what it needs is missing."""
        ticker, quarter, as_of = instrument.ticker or "", self.quarter, self.scope.as_of
        formula = FORMULAS.get(name)
        found = self.source.measure(ticker, name, year, as_of=as_of, quarter=quarter)
        if formula is None or isinstance(found, Missing):
            if not optional:
                self.miss(found.reason if isinstance(found, Missing) else f"{name} is not known")
            return None
        before = self.source.measure(ticker, name, year - 1, as_of=as_of, quarter=quarter)
        change = self.source.measure_change(ticker, name, year, as_of=as_of, quarter=quarter)
        period = _period_of(found, year, quarter)
        line = Line(ticker, name, formula.label, period, before_period=_before(period))
        return Slot(line, self.query(found), self.query(before), self.query(change, signed=True))

    def segments(self, instrument: Instrument, year: int) -> list[Slot]:
        """Return the lines of the parts of revenue and operating income that fit the question best."""
        ticker, as_of = instrument.ticker or "", self.scope.as_of
        own = [d for d in self.documents.values() if d.instrument_id == instrument.id]
        asked = [name for name in self.reading.measures if name in ("revenue", "net_sales", "operating_income")]
        slots: list[Slot] = []
        for concept in ("revenue", "operating_income"):
            if asked and concept not in (name.replace("net_sales", "revenue") for name in asked):
                continue
            whole = self.source.reported(ticker, concept, year, self.quarter, as_of=as_of)
            group = choose_group(self.figures, own, concept, year, self.quarter, whole, self.reading.text)
            if group is None or (concept == "operating_income" and slots and group.kind != slots[0].line.group):
                continue
            for part in group.parts:
                slot = self._part_slot(ticker, part, group.kind if group.complete else f"some {group.kind}")
                if whole is not None and group.complete:
                    slot.share = self.query(
                        share_of(ticker, f"{part.dimension} {label_of(concept)}", part, whole, as_of)
                    )
                slots.append(slot)
            if not group.complete and concept == "revenue":
                self.miss(f"not every {WORD[group.kind]} of {instrument.name} could be read with certainty")
        if not slots:
            self.miss(f"no segment table of {instrument.name} for {self._when(year)} could be read with certainty")
        return slots

    def query(self, query: FactQuery | Missing, *, signed: bool = False) -> Query | None:
        """Hold a computation until all are computed at once; a missing one is None."""
        if isinstance(query, Missing):
            return None
        if signed:
            query = replace(query, display=_signed(query))
        held = Query(query)
        self.queries.append(held)
        return held

    def miss(self, what: str) -> None:
        """Name what could not be found."""
        self.missing.append(what)

    def _when(self, year: int) -> str:
        return f"Q{self.quarter} of fiscal {year}" if self.quarter else f"fiscal {year}"


# Companies print these or not; a topic that lists them is answered without.
_OFTEN_ABSENT = frozenset(
    "gross_profit cost_of_revenue r_and_d sg_and_a dividends_paid buybacks long_term_debt total_liabilities eps_basic "
    "short_term_debt operating_income capex".split()
)


_YEARS_LONG = re.compile(r"\b(\d|two|three|four|five)[- ]years?\b", re.I)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}


def _signed(query: FactQuery) -> Callable[[Decimal], str]:
    """Return the query's own way to print, with a plus before what grew."""
    plain = query.display or str
    return lambda value: text if (text := plain(value)).startswith(("+", "-")) or value <= 0 else f"+{text}"


def _period_of(query: FactQuery, year: int, quarter: int | None) -> Period:
    return query.period or Period("quarter" if quarter else "year", year, quarter)


def _before(period: Period) -> Period | None:
    if period.fiscal_year is None:
        return None
    return Period(period.kind, period.fiscal_year - 1, period.fiscal_quarter, period.months)
