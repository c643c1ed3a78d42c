"""Gathers reported figures and what follows from them, per topic and company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from pipelines.agents.evidence import Fundamental, Line, Part, Scope
from pipelines.agents.gather_market import prices_instead
from pipelines.agents.lines import Lines, Query, Slot
from pipelines.agents.passages import find_reason
from pipelines.agents.question import Reading
from pipelines.agents.topics import Topic
from pipelines.ledger.concepts import concept as entry_of
from pipelines.tools.fundamentals import Fundamentals
from pipelines.tools.fundamentals_formulas import FORMULAS
from tieout.model import Document, Fact, Figure, Hit, Span
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
class _Gathering:
    context: StepContext
    scope: Scope
    reading: Reading

    def run(self) -> Fundamental:
        library, principal = self.context.parts.library, self.context.principal
        documents = [d for d in library.documents(principal) if d.id in self.scope.document_ids]
        self.figures = {d.id: library.figures(principal, d.id) for d in documents}
        self.documents = {d.id: d for d in documents}
        source = Fundamentals(self.figures, documents)
        self.lines = Lines(self.scope, self.reading, self.documents, self.figures, source, self._quarter(documents))
        slots = self._rows()
        slots += [
            (title, key, self._slots(key, levels, measures)) for title, key, levels, measures in self._wanted(slots)
        ]
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

    def _rows(self) -> list[tuple[str, str, list[Slot]]]:
        """Return the parts of a whole and the rows outside the catalogue that the question names itself."""
        slots: list[Slot] = []
        for instrument in self.scope.instruments:
            year = self.scope.fiscal_year(instrument.ticker or "")
            if year is not None:
                slots += self.lines.named_parts(instrument, year) or self.lines.named_row(instrument, year)
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
            if named and self.lines.span():
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

    def _slots(self, key: str, levels: tuple[str, ...], measures: tuple[str, ...]) -> list[Slot]:
        slots: list[Slot] = []
        for instrument in self.scope.instruments:
            ticker = instrument.ticker or ""
            year = self.scope.fiscal_year(ticker)
            if year is None or not any(d.instrument_id == instrument.id for d in self.documents.values()):
                self.lines.miss(f"the library holds no filing of {instrument.name}")
                continue
            if key == "span":
                slots += self.lines.over_years(instrument, (*levels, *measures))
                continue
            for each in self._years(year):
                if key == "segments":
                    slots += self.lines.segments(instrument, each)
                    continue
                found = [self.lines.level(instrument, name, each, optional=key != "named") for name in levels]
                found += [self.lines.measure(instrument, name, each, optional=key != "named") for name in measures]
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

    # ---------------------------------------------------------------- facts

    def _compute(self) -> None:
        facts = self.context.parts.lake.compute(self.context.principal, [held.query for held in self.lines.queries])
        by_key = {_key(fact): fact for fact in facts}
        for held in self.lines.queries:
            held.fact = by_key.get(_key(held.query))

    # ---------------------------------------------------------------- words and the whole

    def _quotes(self, key: str, slots: Sequence[Slot]) -> tuple[Hit, ...]:
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
        facts = {held.fact.id: held.fact for held in self.lines.queries if held.fact}
        used = {f for part in parts for line in part.lines for f in _facts_of(line)}
        lines = [line for part in parts for line in part.lines]
        figures: dict[str, Figure] = {f.id: f for line in lines for f in (line.now, line.before) if f}
        for held in self.lines.queries:
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
            notes=tuple(self._conventions(lines)), missing=tuple(dict.fromkeys(self.lines.missing)),
        )  # fmt: skip

    def _conventions(self, lines: Sequence[Line]) -> list[str]:
        notes = []
        for document in self.documents.values():
            if document.fiscal_year in {y for _, y in self.scope.fiscal_years} and document.period_end:
                name = document.company or document.title
                if any(line.ticker == document.ticker for line in lines) and document.fiscal_quarter in (None, 4):
                    notes.append(f"{name}'s fiscal {document.fiscal_year} ended on {document.period_end:%-d %B %Y}.")
        return notes


_OF_PARTS = ("revenue", "net_sales", "operating_income", "cost_of_revenue", "net_income")


def _facts_of(line: Line) -> list[str]:
    return [f for f in (line.now_fact, line.before_fact, line.change, line.level_fact, line.share) if f]


def _is_level(name: str) -> bool:
    """Whether a measure is looked for as a reported figure first."""
    return entry_of(name) is not None or name not in FORMULAS


def _key(item: Fact | FactQuery) -> tuple[str, str, tuple[tuple[str, object], ...]]:
    return item.name, item.sql, tuple(sorted(item.parameters.items()))


def _usable(slot: Slot) -> bool:
    return slot.line.is_level or (slot.now is not None and slot.now.fact is not None)


def _finished(slot: Slot) -> Line:
    def id_of(held: Query | None) -> str | None:
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
