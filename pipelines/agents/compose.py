"""Composes a draft from evidence in complete sentences, without a model: it words what was found, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pipelines.agents.compose_prices import price_answer, price_section
from pipelines.agents.evidence import Fundamental, Line, Part, Passages, Prices, Scope
from pipelines.agents.wording import figure_amount, listed, period_words, possessive
from tieout.model import Claim, Draft, Fact, Hit, Section, Table

_RATIO_VERBS = {"margin": ("widened", "narrowed")}
_NOT_FOUND = "Nothing in the library answers this question."


@dataclass(frozen=True)
class Composer:
    """Words evidence. One instance per draft; `facts` by id, `figure_spans` from figure id to span id."""

    question: str
    scope: Scope
    fundamental: Fundamental
    prices: Prices
    passages: Passages
    facts: Mapping[str, Fact]
    figure_spans: Mapping[str, str]

    def draft(self) -> Draft:
        """Return the whole draft: answer, key figures, a section per topic, prices, passages, notes."""
        sections = [
            *self._key_figures(),
            *(self._section(part) for part in self.fundamental.parts if part.lines or part.quotes),
            *price_section(self.prices, self.facts, self._company),
            *self._passage_section(),
        ]
        missing = (*self.fundamental.missing, *self.prices.missing, *self.passages.missing)
        notes = (*self.scope.notes, *self.fundamental.notes, *self.prices.notes)
        return Draft(
            title=self._title(),
            answer=self._answer(missing),
            sections=tuple(sections),
            notes=(*dict.fromkeys(notes), *(f"Not found: {what}" for what in dict.fromkeys(missing))),
        )

    # ---------------------------------------------------------------- answer

    def _answer(self, missing: tuple[str, ...]) -> tuple[Claim, ...]:
        claims = []
        for part in self.fundamental.parts:
            claims += [self._sentence(line, "Answer", brief=True) for line in self._leading(part)]
        claims += price_answer(self.prices, self.facts, self._company)
        if not claims:
            claims += [quote_claim(hit, "Answer") for hit in self.passages.hits[:2]]
        if missing:
            claims += [Claim("Answer", f"Not found: {what}") for what in dict.fromkeys(missing)]
        return tuple(claims) or (Claim("Answer", _NOT_FOUND),)

    def _leading(self, part: Part) -> list[Line]:
        """Return the line per company that answers for the part, and its main ratio when margins are asked."""
        chosen: list[Line] = []
        for ticker in dict.fromkeys(line.ticker for line in part.lines):
            lines = [line for line in part.lines if line.ticker == ticker]
            if part.key == "margins":
                lines = [line for line in lines if not line.is_level] or lines
                chosen += lines[:3] if len(self.scope.instruments) == 1 else lines[:2]
            elif part.key == "cash_flow":
                chosen += [
                    line for line in lines if line.measure in ("operating_cash_flow", "free_cash_flow")
                ] or lines[:1]
            elif part.key == "named":
                chosen += lines
            else:
                chosen += lines[:1]
        return chosen

    # ---------------------------------------------------------------- sections

    def _section(self, part: Part) -> Section:
        claims = [self._sentence(line, part.title) for line in part.lines]
        claims += [quote_claim(hit, part.title) for hit in part.quotes]
        charts = tuple(chart for chart in self.fundamental.charts if chart.id.startswith(part.key))
        return Section(part.title, tuple(claims), charts=charts)

    def _sentence(self, line: Line, section: str, *, brief: bool = False) -> Claim:
        owner = possessive(self._company(line.ticker))
        if line.is_level:
            return self._level(line, section, owner)
        return self._ratio(line, section, owner, brief=brief)

    def _level(self, line: Line, section: str, owner: str) -> Claim:
        assert line.now is not None
        spans = [self.figure_spans[line.now.id]]
        now = figure_amount(line.now, positive=line.outflow)
        when = period_words(line.period)
        at = "at" if line.now.period and line.now.period.kind == "instant" else "in"
        if line.now.period and line.now.period.kind == "instant":
            when = period_words(line.now.period)
        if line.before is None:
            text = f"{owner} {line.label} {_were(line.label)} {now} {at} {when}."
        else:
            spans.append(self.figure_spans[line.before.id])
            before = figure_amount(line.before, positive=line.outflow)
            earlier = period_words(line.before.period if at == "at" else line.before_period)
            verb = _verb(_sized(line.now.value, line.outflow), _sized(line.before.value, line.outflow))
            change = f" ({{fact:{line.change}}})" if line.change else ""
            text = f"{owner} {line.label} {verb} {now} {at} {when} from {before} {at} {earlier}{change}."
        return self._claim(section, text, line, spans)

    def _ratio(self, line: Line, section: str, owner: str, *, brief: bool) -> Claim:
        when = period_words(line.period)
        now = f"{{fact:{line.now_fact}}}"
        if line.before_fact is None:
            text = f"{owner} {line.label} {_were(line.label)} {now} in {when}."
        else:
            current, earlier = self.facts[line.now_fact or ""].value, self.facts[line.before_fact].value
            grew, shrank = _RATIO_VERBS["margin"] if "margin" in line.label else ("rose", "fell")
            verb = f"{grew} to" if current > earlier else f"{shrank} to" if current < earlier else "stayed at"
            change = f" ({{fact:{line.change}}})" if line.change and not brief else ""
            text = (
                f"{owner} {line.label} {verb} {now} in {when} "
                f"from {{fact:{line.before_fact}}} in {period_words(line.before_period)}{change}."
            )
        return self._claim(section, text, line, [])

    def _claim(self, section: str, text: str, line: Line, spans: list[str], kind: str = "sentence") -> Claim:
        named = [f for f in (line.now_fact, line.before_fact, line.change) if f and f"{{fact:{f}}}" in text]
        return Claim(section, text, tuple(named), tuple(dict.fromkeys(spans)), instrument=line.ticker, kind=kind)

    # ---------------------------------------------------------------- key figures

    def _key_figures(self) -> list[Section]:
        lines = [line for part in self.fundamental.parts for line in part.lines]
        if len(lines) < 3:
            return []
        tables = []
        for ticker in dict.fromkeys(line.ticker for line in lines):
            own = [line for line in lines if line.ticker == ticker]
            tables.append(self._table(ticker, own))
        return [Section("Key figures", tables=tuple(tables))]

    def _table(self, ticker: str, lines: list[Line]) -> Table:
        first = next((line for line in lines if line.before_period), lines[0])
        now = _heading(first)
        before = _heading(first, before=True)
        rows = []
        for line in dict.fromkeys(lines):
            label = Claim("Key figures", line.label[:1].upper() + line.label[1:], instrument=ticker, kind="label")
            rows.append((label, self._cell(line), self._cell(line, before=True), self._change_cell(line)))
        return Table(self._company(ticker), ("Measure", now, before, "Change"), tuple(rows))

    def _cell(self, line: Line, *, before: bool = False) -> Claim:
        figure = line.before if before else line.now
        fact = line.before_fact if before else line.now_fact
        if figure is not None:
            text = figure_amount(figure, positive=line.outflow)
            return Claim("Key figures", text, (), (self.figure_spans[figure.id],), instrument=line.ticker, kind="cell")
        if fact is not None:
            return Claim("Key figures", f"{{fact:{fact}}}", (fact,), (), instrument=line.ticker, kind="cell")
        return Claim("Key figures", "–", instrument=line.ticker, kind="cell")

    def _change_cell(self, line: Line) -> Claim:
        if line.change is None:
            return Claim("Key figures", "–", instrument=line.ticker, kind="cell")
        return Claim("Key figures", f"{{fact:{line.change}}}", (line.change,), instrument=line.ticker, kind="cell")

    # ---------------------------------------------------------------- passages, names

    def _passage_section(self) -> list[Section]:
        if not self.passages.hits:
            return []
        return [
            Section(
                "What the filings say", tuple(quote_claim(hit, "What the filings say") for hit in self.passages.hits)
            )
        ]

    def _company(self, ticker: str) -> str:
        for instrument in self.scope.instruments:
            if instrument.ticker == ticker:
                return short_name(instrument.name)
        return ticker

    def _title(self) -> str:
        names = listed([short_name(instrument.name) for instrument in self.scope.instruments]) or "The library"
        years = sorted({year for _, year in self.scope.fiscal_years})
        about = [part.title.lower() for part in self.fundamental.parts if part.key != "named"]
        about += ["the stock"] if self.prices.lines else []
        year = f", fiscal {years[-1]}" if years and self.fundamental.parts else ""
        topic = f": {listed(about)}" if about else ""
        return f"{names}{year}{topic}"


def quote_claim(hit: Hit, section: str) -> Claim:
    """Return the claim that quotes a hit word for word and says where it stands."""
    span = hit.span
    quote = " ".join(span.quote.split())
    return Claim(section, f"{span.document}, page {span.page}: “{quote}”", (), (span.id,), kind="quote")


_SUFFIX = ("inc.", "inc", "corp.", "corp", "corporation", "co.", "company", "plc", "ltd.", "ltd", "n.v.", "s.a.")


def short_name(name: str) -> str:
    """Return a company's name as people say it: "Apple", "Best Buy", "Costco Wholesale"."""
    words = name.replace(",", " ").split()
    while len(words) > 1 and words[-1].lower() in _SUFFIX:
        words.pop()
    return " ".join(words).removesuffix(".com").title() if name.isupper() else " ".join(words).removesuffix(".com")


def _were(label: str) -> str:
    last = label.split()[-1] if label else ""
    plural = last.endswith("s") and not last.endswith("ss")
    return "were" if plural else "was"


def _verb(now: Decimal, before: Decimal) -> str:
    return "rose to" if now > before else "fell to" if now < before else "stayed at"


def _sized(value: Decimal, outflow: bool) -> Decimal:
    return abs(value) if outflow else value


def _heading(line: Line, *, before: bool = False) -> str:
    period = line.before_period if before else line.period
    if period is None:
        return "Year before"
    words = period_words(period)
    return words[:1].upper() + words[1:]
