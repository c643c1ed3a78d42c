"""Gathers reported figures and what follows from them, per topic and company."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pipelines.agents.evidence import Fundamental, Line, Part, Scope
from pipelines.agents.gather_market import prices_instead
from pipelines.agents.passages import find_reason
from pipelines.agents.question import Reading
from pipelines.agents.topics import Topic
from pipelines.agents.wording import label_of
from pipelines.ledger.concepts import concept as entry_of
from pipelines.tools.fundamentals import Fundamentals, Missing
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.model import Fact, Figure, Hit, Instrument, Period, Span
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
        figures = {d.id: library.figures(principal, d.id) for d in documents}
        self.documents = {d.id: d for d in documents}
        self.source = Fundamentals(figures, documents)
        slots = [(title, key, self._slots(key, levels, measures)) for title, key, levels, measures in self._wanted()]
        self._compute()
        parts = tuple(
            Part(key, title, tuple(_finished(slot) for slot in found if _usable(slot)), self._quotes(key, found))
            for title, key, found in slots
        )
        return self._gathered([part for part in parts if part.lines or part.quotes])

    # ---------------------------------------------------------------- what is wanted

    def _wanted(self) -> list[tuple[str, str, tuple[str, ...], tuple[str, ...]]]:
        """Return (title, key, levels, measures) of each part; a measure named outright comes before whole topics.

        When the question names measures and no topic in the plural sense, the topics that only contain them
        would bury the answer, so only what was named is shown.
        """
        named = tuple(name for name in self.reading.measures if name not in _GROUPS)
        topics: Sequence[Topic] = self.reading.topics
        wanted: list[tuple[str, str, tuple[str, ...], tuple[str, ...]]] = []
        if self.reading.narrow:
            levels = tuple(n for n in named if _is_level(n))
            wanted.append(("Figures", "named", levels, tuple(n for n in named if n not in levels)))
        else:
            wanted += [(topic.title, topic.key, topic.levels, topic.measures) for topic in topics]
            covered = {name for topic in topics for name in (*topic.levels, *topic.measures)}
            rest = [name for name in named if name not in covered]
            levels = tuple(n for n in rest if _is_level(n))
            if rest:
                wanted.append(("Further figures", "named", levels, tuple(n for n in rest if n not in levels)))
        if self.reading.by_segment:
            wanted.append(("Segments", "segments", (), ()))
        return wanted

    def _slots(self, key: str, levels: tuple[str, ...], measures: tuple[str, ...]) -> list[_Slot]:
        slots: list[_Slot] = []
        for instrument in self.scope.instruments:
            ticker = instrument.ticker or ""
            year = self.scope.fiscal_year(ticker)
            if year is None:
                self._miss(f"the library holds no filing of {instrument.name}")
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
        ticker, quarter, as_of = instrument.ticker or "", self.reading.quarter, self.scope.as_of
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
        return _Slot(line, change=self._query(change, signed=True))

    def _measure(self, instrument: Instrument, name: str, year: int, *, optional: bool) -> _Slot | None:
        ticker, quarter, as_of = instrument.ticker or "", self.reading.quarter, self.scope.as_of
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
        ticker, quarter, as_of = instrument.ticker or "", self.reading.quarter, self.scope.as_of
        slots: list[_Slot] = []
        for concept in ("revenue", "operating_income"):
            for part in self.source.segments(ticker, year, concept, quarter, as_of=as_of):
                growth = self.source.segment_growth(ticker, part, as_of=as_of)
                before = growth.figures[1] if isinstance(growth, FactQuery) else None
                label = f"{part.dimension} {label_of(concept, None)}"
                line = Line(
                    ticker, f"segment_{concept}", label, part.period or Period("year", year), part, before,
                    before_period=before.period if before else None,
                )  # fmt: skip
                slots.append(_Slot(line, change=self._query(growth, signed=True)))
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
        if key not in _QUOTED_TOPICS or self.context.run.request.agent != "research":
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
        used = {f for part in parts for line in part.lines for f in (line.now_fact, line.before_fact, line.change) if f}
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
        return f"Q{self.reading.quarter} of fiscal {year}" if self.reading.quarter else f"fiscal {year}"


# Companies print these or not; a topic that lists them is answered without.
_OFTEN_ABSENT = frozenset(
    "gross_profit cost_of_revenue r_and_d sg_and_a dividends_paid buybacks long_term_debt total_liabilities eps_basic "
    "short_term_debt operating_income capex".split()
)


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
        before_period=slot.line.before_period if slot.line.before or before else None,
    )


def _period_of(query: FactQuery, year: int, quarter: int | None) -> Period:
    return query.period or Period("quarter" if quarter else "year", year, quarter)


def _before(period: Period) -> Period | None:
    if period.fiscal_year is None:
        return None
    return Period(period.kind, period.fiscal_year - 1, period.fiscal_quarter, period.months)
