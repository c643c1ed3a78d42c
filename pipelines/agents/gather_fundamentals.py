"""Gathers reported figures and what follows from them, per topic and company."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from pipelines.agents.evidence import Fundamental, Line, Part, Scope
from pipelines.agents.gather_market import prices_instead
from pipelines.agents.lookup import looked_up
from pipelines.agents.parts import WORD, choose_group, figures_of_part, parts_named
from pipelines.agents.passages import find_reason
from pipelines.agents.queries import as_reported, growth_between, mean_of, share_of
from pipelines.agents.question import Reading
from pipelines.agents.topics import Topic
from pipelines.agents.wording import label_of
from pipelines.ledger.concepts import concept as entry_of
from pipelines.ledger.concepts import normal_label
from pipelines.tools.fundamentals import Fundamentals, Missing
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.model import Document, Fact, Figure, Hit, Instrument, Period, Span
from tieout.ports import FactQuery, SearchFilter, StepContext

_QUOTED_TOPICS = ("revenue", "margins", "cash_flow")
_GROUPS = ("segments", "cash_flow", "margins")  # names that stand for a topic, not one measure


def gather_fundamentals(context: StepContext, scope: Scope, reading: Reading) -> Fundamental:
    """Return the lines of every topic and measure that the question names, for every company.

    A figure or measure that the filings do not give is named in `missing` with the reason.
    """
    if scope.declined or not reading.wants_filings or prices_instead(scope, reading):
        return Fundamental()
    return _Gathering(context, scope, reading).run()


@dataclass
class _Query:
    """A computation whose fact a line waits for."""

    query: FactQuery
    fact: Fact | None = None


@dataclass
class _Slot:
    """A line in the making: the queries stand where fact ids will."""

    line: Line
    now: _Query | None = None
    before: _Query | None = None
    change: _Query | None = None
    level: _Query | None = None
    share: _Query | None = None


@dataclass
class _Gathering:
    context: StepContext
    scope: Scope
    reading: Reading
    missing: list[str] = field(default_factory=list)
    queries: list[_Query] = field(default_factory=list)

    def run(self) -> Fundamental:
        library, principal = self.context.parts.library, self.context.principal
        documents = [d for d in library.documents(principal) if d.id in self.scope.document_ids]
        self.figures = {d.id: library.figures(principal, d.id) for d in documents}
        self.documents = {d.id: d for d in documents}
        self.source = Fundamentals(self.figures, documents)
        self.quarter = self._quarter(documents)
        slots = self._rows()
        slots += [(title, key, self._slots(key, levels, measures)) for title, key, levels, measures in self._wanted(slots)]
        self._compute()
        parts = tuple(
            Part(key, title, tuple(_finished(slot) for slot in found if _usable(slot)), self._quotes(key, found))
            for title, key, found in slots
        )
        return self._gathered([part for part in parts if part.lines or part.quotes])

    def _quarter(self, documents: Sequence[Document]) -> int | None:
        """Return the quarter asked for: by its number, as the latest, or by the date on which it ended."""
        if self.reading.quarter or self.reading.months:
            return self.reading.quarter
        quarterly = [d for d in documents if d.fiscal_quarter not in (None, 4)]
        if self.reading.latest_quarter and quarterly:
            return max(quarterly, key=lambda d: d.period_end or date.min).fiscal_quarter
        ended = [d for d in quarterly if d.period_end in self.reading.ends]
        return ended[0].fiscal_quarter if ended and not self.reading.wants_prices else None

    # ---------------------------------------------------------------- what is wanted

    def _rows(self) -> list[tuple[str, str, list[_Slot]]]:
        """Return the parts of a whole and the rows outside the catalogue that the question names itself."""
        slots: list[_Slot] = []
        for instrument in self.scope.instruments:
            year = self.scope.fiscal_year(instrument.ticker or "")
            if year is not None:
                slots += self._named_parts(instrument, year) or self._named_row(instrument, year)
        return [("Figures", "rows", slots)] if slots else []

    def _wanted(self, rows: Sequence[object]) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
        """Return (title, key, levels, measures) of each part; a measure named outright comes before whole topics.

        When the question names measures and no topic in the plural sense, the topics that only contain them
        would bury the answer, so only what was named is shown. Rows and parts named are answer enough.
        """
        named = tuple(name for name in self.reading.measures if name not in _GROUPS)
        topics: Sequence[Topic] = self.reading.topics
        wanted: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        if rows or (self.reading.by_segment and not self.reading.comparing):
            named, topics = tuple(n for n in named if n not in _OF_PARTS), ()
        if self.reading.narrow or not topics:
            levels = tuple(n for n in named if _is_level(n))
            measures = tuple(n for n in named if n not in levels)
            if named and self._span():
                wanted.append(("Over the years", "span", levels, measures))
            wanted.append(("Figures", "named", levels, measures))
        else:
            wanted += [(topic.title, topic.key, topic.levels, topic.measures) for topic in topics]
            covered = {name for topic in topics for name in (*topic.levels, *topic.measures)}
            rest = [name for name in named if name not in covered]
            levels = tuple(n for n in rest if _is_level(n))
            if rest:
                wanted.append(("Further figures", "named", levels, tuple(n for n in rest if n not in levels)))
        if self.reading.by_segment and not rows:
            wanted.append(("Segments", "segments", (), ()))
        return wanted

    def _slots(self, key: str, levels: tuple[str, ...], measures: tuple[str, ...]) -> list[_Slot]:
        slots: list[_Slot] = []
        for instrument in self.scope.instruments:
            ticker = instrument.ticker or ""
            year = self.scope.fiscal_year(ticker)
            if year is None or not any(d.instrument_id == instrument.id for d in self.documents.values()):
                self._miss(f"the library holds no filing of {instrument.name}")
                continue
            if key == "span":
                slots += self._over_years(instrument, (*levels, *measures))
                continue
            for each in self._years(year):
                if key == "segments":
                    slots += self._segments(instrument, each)
                    continue
                found = [self._level(instrument, name, each, optional=key != "named") for name in levels]
                found += [self._measure(instrument, name, each, optional=key != "named") for name in measures]
                slots += [slot for slot in found if slot is not None]
        return slots

    def _years(self, year: int) -> list[int]:
        """Return the years that get a line of their own; each line also shows the year before."""
        named = sorted(self.reading.fiscal_years, reverse=True) or [year]
        kept: list[int] = []
        for each in named:
            if each + 1 not in kept or self.reading.trend:
                kept.append(each)
        return kept[:6]

    # ---------------------------------------------------------------- lines

    def _level(self, instrument: Instrument, name: str, year: int, *, optional: bool) -> _Slot | None:
        ticker, quarter, as_of = instrument.ticker or "", self.quarter, self.scope.as_of
        if self.reading.months:
            return self._year_to_date(instrument, name)
        now = self.source.reported(ticker, name, year, quarter, as_of=as_of)
        if now is None:
            derived = self._measure(instrument, name, year, optional=True) if name in FORMULAS else None
            if derived is None and not (optional and name in _OFTEN_ABSENT):
                self._miss(
                    f"{label_of(name)} of {instrument.name} for {self._when(year)} is not in the filings at hand"
                )
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
        held = [self._query(query) for query in amounts]
        if now.value < 0 and "income" in name:  # a loss is worded as an amount, so it is typed and tied to its row
            return _Slot(line, change=self._query(change, signed=True), level=held[0])
        return _Slot(line, held[0], held[1] if before else None, self._query(change, signed=True), held[0])

    def _year_to_date(self, instrument: Instrument, name: str) -> _Slot | None:
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
            self._miss(f"{label_of(name)} of {instrument.name} for these {months} months is not in the filings at hand")
            return None
        before = next((f for f in own if f.row_start == now.row_start and f.page == now.page and f is not now), None)
        return self._row_slot(ticker, name, label_of(name, now), now, before, as_of)

    def _over_years(self, instrument: Instrument, names: Sequence[str]) -> list[_Slot]:
        """Return each measure from the first year named to the last: its growth, its yearly rate or its mean."""
        first, last = self._span() or (0, 0)
        ticker, as_of = instrument.ticker or "", self.scope.as_of
        years = Period("year", label=f"the years from fiscal {first} to fiscal {last}")
        slots: list[_Slot] = []
        for name in names:
            now, before = (self.source.reported(ticker, name, year, as_of=as_of) for year in (last, first))
            label = label_of(name, now) if now else FORMULAS[name].label if name in FORMULAS else label_of(name)
            if self.reading.intent.average:
                queries = [self._yearly(ticker, name, year) for year in range(first, last + 1)]
                found = [query for query in queries if isinstance(query, FactQuery)]
                if len(found) == len(queries):
                    slots.append(_Slot(Line(ticker, name, f"average {label}", years), self._query(mean_of(found, label))))
                continue
            if self.reading.intent.cagr:
                rate = self.source.cagr(ticker, name, last, last - first, as_of=as_of)
                slots.append(_Slot(Line(ticker, name, f"compound annual growth rate of {label}", years), self._query(rate)))
                if isinstance(rate, Missing):
                    self._miss(rate.reason)
                continue
            if now is not None and before is not None:
                slots.append(self._row_slot(ticker, name, label, now, before, as_of))
                continue
            pair = self._yearly(ticker, name, last), self._yearly(ticker, name, first)
            if isinstance(pair[0], FactQuery) and isinstance(pair[1], FactQuery):
                line = Line(ticker, name, label, _period_of(pair[0], last, None), before_period=_period_of(pair[1], first, None))
                slots.append(_Slot(line, self._query(pair[0]), self._query(pair[1])))
        return slots

    def _yearly(self, ticker: str, name: str, year: int) -> FactQuery | Missing:
        figure = self.source.reported(ticker, name, year, as_of=self.scope.as_of)
        if figure is not None:
            return as_reported(ticker, label_of(name), figure, self.scope.as_of)
        return self.source.measure(ticker, name, year, as_of=self.scope.as_of)

    def _span(self) -> tuple[int, int] | None:
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

    def _named_parts(self, instrument: Instrument, year: int) -> list[_Slot]:
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
                slot.share = self._query(share_of(ticker, f"{part} {label_of(concept)}", figure, whole, as_of))
            slots.append(slot)
        return slots

    def _named_row(self, instrument: Instrument, year: int) -> list[_Slot]:
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

    def _row_slot(
        self, ticker: str, name: str, label: str, now: Figure, before: Figure | None, as_of: date
    ) -> _Slot:
        """Return the line of one row of a table, its amounts as facts that read the figure."""
        entry = entry_of(now.concept or "")
        outflow = bool(entry and entry.outflow)
        line = Line(
            ticker, name, label, now.period or Period("year"), now, before, outflow=outflow,
            before_period=before.period if before else None,
        )  # fmt: skip
        change = growth_between(ticker, label, now, before, as_of) if before and now.unit != "fraction" else None
        return _Slot(
            line,
            now=self._query(as_reported(ticker, label, now, as_of, outflow=outflow)),
            before=self._query(as_reported(ticker, label, before, as_of, outflow=outflow)) if before else None,
            change=self._query(change, signed=True) if change else None,
        )

    def _part_slot(self, ticker: str, part: Figure, group: str) -> _Slot:
        growth = self.source.segment_growth(ticker, part, as_of=self.scope.as_of)
        before = growth.figures[1] if isinstance(growth, FactQuery) else None
        name = part.dimension or ""
        plain = re.search(r"\b(?:fees|sales|revenues?|income)$", name, re.I) is not None
        label = name if plain else f"{name} {label_of(part.concept or 'revenue')}"
        slot = self._row_slot(ticker, f"segment_{part.concept}", label, part, before, self.scope.as_of)
        slot.line = replace(slot.line, group=group)
        return slot

    def _measure(self, instrument: Instrument, name: str, year: int, *, optional: bool) -> _Slot | None:
        ticker, quarter, as_of = instrument.ticker or "", self.quarter, self.scope.as_of
        formula = FORMULAS.get(name)
        found = self.source.measure(ticker, name, year, as_of=as_of, quarter=quarter)
        if formula is None or isinstance(found, Missing):
            if not optional:
                self._miss(found.reason if isinstance(found, Missing) else f"{name} is not known")
            return None
        before = self.source.measure(ticker, name, year - 1, as_of=as_of, quarter=quarter)
        change = self.source.measure_change(ticker, name, year, as_of=as_of, quarter=quarter)
        period = _period_of(found, year, quarter)
        line = Line(ticker, name, formula.label, period, before_period=_before(period))
        return _Slot(line, self._query(found), self._query(before), self._query(change, signed=True))

    def _segments(self, instrument: Instrument, year: int) -> list[_Slot]:
        """Return the lines of the parts of revenue and operating income that fit the question best."""
        ticker, as_of = instrument.ticker or "", self.scope.as_of
        own = [d for d in self.documents.values() if d.instrument_id == instrument.id]
        asked = [name for name in self.reading.measures if name in ("revenue", "net_sales", "operating_income")]
        slots: list[_Slot] = []
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
                    slot.share = self._query(share_of(ticker, f"{part.dimension} {label_of(concept)}", part, whole, as_of))
                slots.append(slot)
            if not group.complete and concept == "revenue":
                self._miss(f"not every {WORD[group.kind]} of {instrument.name} could be read with certainty")
        if not slots:
            self._miss(f"no segment table of {instrument.name} for {self._when(year)} could be read with certainty")
        return slots

    # ---------------------------------------------------------------- facts

    def _query(self, query: FactQuery | Missing, *, signed: bool = False) -> _Query | None:
        if isinstance(query, Missing):
            return None
        if signed:
            query = replace(query, display=_signed(query))
        held = _Query(query)
        self.queries.append(held)
        return held

    def _compute(self) -> None:
        facts = self.context.parts.lake.compute(self.context.principal, [held.query for held in self.queries])
        by_key = {_key(fact): fact for fact in facts}
        for held in self.queries:
            held.fact = by_key.get(_key(held.query))

    # ---------------------------------------------------------------- words and the whole

    def _quotes(self, key: str, slots: Sequence[_Slot]) -> tuple[Hit, ...]:
        """Return what management says about the leading measure of a topic, one quotation per company."""
        if key not in _QUOTED_TOPICS and not (self.reading.intent.why and key == "named"):
            return ()
        if not self.reading.intent.why and self.context.run.request.agent != "research":
            return ()
        quotes: list[Hit] = []
        for ticker in dict.fromkeys(slot.line.ticker for slot in slots):
            slot = next(s for s in slots if s.line.ticker == ticker)
            figure = slot.line.now
            if figure is None or figure.period is None or figure.period.fiscal_year is None:
                continue
            year = figure.period.fiscal_year
            found = find_reason(
                self.context.parts.library,
                self.context.principal,
                slot.line.label,
                (year, year - 1),
                where=SearchFilter(document_ids=(figure.document_id,)),
            )
            quotes += [found] if found else []
        return tuple(quotes)

    def _gathered(self, parts: list[Part]) -> Fundamental:
        facts = {held.fact.id: held.fact for held in self.queries if held.fact}
        used = {f for part in parts for line in part.lines for f in _facts_of(line)}
        lines = [line for part in parts for line in part.lines]
        figures: dict[str, Figure] = {f.id: f for line in lines for f in (line.now, line.before) if f}
        for held in self.queries:
            if held.fact and held.fact.id in used:
                figures |= {f.id: f for f in held.query.figures}
        spans: dict[str, Span] = {}
        places: list[tuple[str, str]] = []
        for figure in figures.values():
            span = self.context.parts.library.span(
                self.context.principal, figure.document_id, figure.page, figure.row_start, figure.row_end
            )
            spans[span.id] = span
            places.append((figure.id, span.id))
        of = dict(places)
        kept = tuple(
            replace(fact, spans=tuple(dict.fromkeys(of[f] for f in fact.figures)))
            for fact in facts.values()
            if fact.id in used
        )
        return Fundamental(
            tuple(parts), tuple(figures.values()), tuple(spans.values()), tuple(places), kept,
            notes=tuple(self._conventions(lines)), missing=tuple(dict.fromkeys(self.missing)),
        )  # fmt: skip

    def _conventions(self, lines: Sequence[Line]) -> list[str]:
        notes = []
        for document in self.documents.values():
            if document.fiscal_year in {y for _, y in self.scope.fiscal_years} and document.period_end:
                name = document.company or document.title
                if any(line.ticker == document.ticker for line in lines) and document.fiscal_quarter in (None, 4):
                    notes.append(f"{name}'s fiscal {document.fiscal_year} ended on {document.period_end:%-d %B %Y}.")
        return notes

    def _miss(self, what: str) -> None:
        self.missing.append(what)

    def _when(self, year: int) -> str:
        return f"Q{self.quarter} of fiscal {year}" if self.quarter else f"fiscal {year}"


# Companies print these or not; a topic that lists them is answered without.
_OFTEN_ABSENT = frozenset(
    "gross_profit cost_of_revenue r_and_d sg_and_a dividends_paid buybacks long_term_debt total_liabilities eps_basic "
    "short_term_debt operating_income capex".split()
)


_OF_PARTS = ("revenue", "net_sales", "operating_income", "cost_of_revenue", "net_income")
_YEARS_LONG = re.compile(r"\b(\d|two|three|four|five)[- ]years?\b", re.I)
_COUNTS = {"two": 2, "three": 3, "four": 4, "five": 5}


def _facts_of(line: Line) -> list[str]:
    return [f for f in (line.now_fact, line.before_fact, line.change, line.level_fact, line.share) if f]


def _is_level(name: str) -> bool:
    """Whether a measure is looked for as a reported figure first."""
    return entry_of(name) is not None or name not in FORMULAS


def _key(item: Fact | FactQuery) -> tuple[str, str, tuple[tuple[str, object], ...]]:
    return item.name, item.sql, tuple(sorted(item.parameters.items()))


def _signed(query: FactQuery) -> Callable[[Decimal], str]:
    """Return the query's own way to print, with a plus before what grew."""
    plain = query.display or str
    return lambda value: text if (text := plain(value)).startswith(("+", "-")) or value <= 0 else f"+{text}"


def _usable(slot: _Slot) -> bool:
    return slot.line.is_level or (slot.now is not None and slot.now.fact is not None)


def _finished(slot: _Slot) -> Line:
    def id_of(held: _Query | None) -> str | None:
        return held.fact.id if held and held.fact else None

    before = id_of(slot.before)
    return replace(
        slot.line,
        now_fact=id_of(slot.now),
        before_fact=before,
        change=id_of(slot.change) if slot.line.before or before else None,
        level_fact=id_of(slot.level) or (id_of(slot.now) if slot.line.is_level else None),
        share=id_of(slot.share),
        before_period=slot.line.before_period if slot.line.before or before else None,
    )


def _period_of(query: FactQuery, year: int, quarter: int | None) -> Period:
    return query.period or Period("quarter" if quarter else "year", year, quarter)


def _before(period: Period) -> Period | None:
    if period.fiscal_year is None:
        return None
    return Period(period.kind, period.fiscal_year - 1, period.fiscal_quarter, period.months)
