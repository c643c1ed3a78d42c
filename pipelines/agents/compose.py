"""Composes a draft from evidence in complete sentences, without a model: it words what was found, nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipelines.agents import phrases
from pipelines.agents.compose_answers import comparison, parts_answer, verdict
from pipelines.agents.compose_prices import against_benchmark, price_answer, price_section
from pipelines.agents.evidence import Fundamental, Line, Part, Passages, Prices, Scope
from pipelines.agents.intent import Intent, read_intent
from pipelines.agents.wording import amount, called, figure_amount, listed, period_words, possessive, were
from tieout.model import Claim, Draft, Fact, Section, Table

_RATIO_VERBS = ("widened", "narrowed")
_DIRECTIONS: Mapping[str, tuple[str, ...]] = {  # the measures that say which way a topic went
    "revenue": ("revenue",),
    "margins": ("gross_margin", "operating_margin", "net_margin"),
    "cash_flow": ("operating_cash_flow", "free_cash_flow"),
    "balance_sheet": ("total_assets", "equity"),
    "per_share": ("eps_diluted",),
}
_BALANCE_WORDS = (  # which measures of a balance sheet a word asks for
    (r"liquid|solven", ("current_ratio", "quick_ratio")),
    (r"debt|leverag|indebted", ("total_debt", "debt_to_equity")),
    (r"liabilit", ("total_liabilities", "total_assets")),
    (r"assets", ("total_assets",)),
)
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

    @property
    def intent(self) -> Intent:
        """In which form the answer is wanted."""
        return read_intent(self.question)

    # ---------------------------------------------------------------- answer

    def _answer(self, missing: tuple[str, ...]) -> tuple[Claim, ...]:
        if self.scope.declined:
            return (Claim("Answer", self.scope.declined),)
        claims = [*self._of_filings(), *price_answer(self.prices, self.facts, self._company, self.intent)]
        quotes = [hit for part in self.fundamental.parts for hit in part.quotes] if self.intent.why else []
        if self.passages.leads:  # the sentence that holds the question's own words comes before that on its measure
            quotes = []
        claims += [phrases.quote_claim(hit, "Answer") for hit in quotes[:1]]
        answered = not self.intent.why and any(part.key == "rows" for part in self.fundamental.parts)
        if not claims or (self.passages.leads and not quotes and not answered):
            said = [phrases.quote_claim(hit, "Answer") for hit in self.passages.hits[: 1 if claims else 2]]
            claims = [*claims, *said] if self.intent.why else [*said, *claims]
        claims = self._overview(claims)
        if missing:
            claims += [Claim("Answer", f"Not found: {what}.".replace("..", ".")) for what in dict.fromkeys(missing)]
        return tuple(claims) if claims else (Claim("Answer", _NOT_FOUND),)

    def _of_filings(self) -> list[Claim]:
        """Return the sentences that answer from the filings; the first says yes or no where that was asked."""
        claims: list[Claim] = []
        told: set[Line] = set()
        covered: set[tuple[str, str]] = set()
        verdicts = ""
        for part in self.fundamental.parts:
            lines = [line for line in self._leading(part) if (line.ticker, line.measure) not in covered]
            covered |= {(line.ticker, line.measure) for line in lines if part.key == "span"}
            verdicts = verdicts or verdict(self.question, lines, self.facts, self.intent)
            if part.key == "segments" or (part.key == "rows" and self.intent.extreme and len(lines) > 1):
                claims += parts_answer(lines, self.facts, self._company, self.intent)
                continue
            if len(self.scope.instruments) > 1:
                compared, told = comparison(lines, self.facts, self._company, self.intent)
                claims += compared
            claims += self._sentences([line for line in lines if line not in told], "Answer", brief=True)
        return [replace(claims[0], text=f"{verdicts}{claims[0].text}"), *claims[1:]] if claims else []

    def _overview(self, claims: list[Claim]) -> list[Claim]:
        """Put a sentence on the directions before the others, for a report on one company with several topics."""
        if self.intent.yes_no or self.passages.leads:
            return claims
        return [*self._directions(), *claims]

    def _directions(self) -> list[Claim]:
        topics = [part for part in self.fundamental.parts if part.key in _DIRECTIONS]
        if len(self.scope.instruments) != 1 or len(topics) < 2:
            return []
        lines = [line for part in topics for line in part.lines if line.measure in _DIRECTIONS[part.key]]
        moved = {line: self._direction(line) for line in lines}
        said = []
        for words, group in phrases.directed(moved).items():
            said.append(f"{listed([line.label for line in group])} {words}")
        if not said:
            return []
        ticker = self.scope.instruments[0].ticker or ""
        when = period_words(lines[0].period)
        text = f"In {when}, {possessive(self._company(ticker))} {phrases.joined(said)}"
        used = [fact for line in lines for fact in (line.now_fact, line.before_fact) if fact]
        spans = [self.figure_spans[figure.id] for line in lines for figure in (line.now, line.before) if figure]
        since = re.search(r"\b(?:since|afterwards|thereafter)\b", self.question, re.I)
        against = against_benchmark(self.prices, self.facts) if since else None
        tail = f"; since then its stock has {against[0]}." if against else "."
        if against:
            used.append(against[1])
        return [Claim("Answer", text + tail, tuple(used), tuple(dict.fromkeys(spans)), instrument=ticker)]

    def _direction(self, line: Line) -> int:
        if line.now is not None and line.before is not None:
            now, before = phrases.sized(line.now.value, line.outflow), phrases.sized(line.before.value, line.outflow)
        elif line.now_fact and line.before_fact:
            now, before = self.facts[line.now_fact].value, self.facts[line.before_fact].value
        else:
            return 0
        return (now > before) - (now < before)

    def _shown_direction(self, line: Line) -> int:
        """Return the direction as the printed digits show it: 3.4% after 3.4% is no change."""
        now, before = self.facts[line.now_fact or ""], self.facts[line.before_fact or ""]
        return 0 if now.display == before.display else self._direction(line)

    def _leading(self, part: Part) -> list[Line]:
        """Return the lines that answer for the part; margins stand for profit, cash flow for what it left."""
        chosen: list[Line] = []
        for ticker in dict.fromkeys(line.ticker for line in part.lines):
            lines = phrases.newest([line for line in part.lines if line.ticker == ticker])
            if part.key == "margins":
                ratios = [line for line in lines if line.measure.endswith("_margin")] or lines
                chosen += ratios[: 3 if len(self.scope.instruments) == 1 else 2]
            elif part.key == "cash_flow":
                main = ("operating_cash_flow", "free_cash_flow")
                chosen += [line for line in lines if line.measure in main] or lines[:1]
            elif part.key == "balance_sheet":
                chosen += self._of_balance(lines)
            elif part.key in ("named", "segments", "rows", "span"):
                chosen += lines
            else:
                chosen += lines[:1]
        return chosen

    def _of_balance(self, lines: list[Line]) -> list[Line]:
        for pattern, measures in _BALANCE_WORDS:
            if re.search(pattern, self.question, re.I):
                found = [line for name in measures for line in lines if line.measure == name]
                return found or lines[:1]
        return [line for line in lines if line.measure in ("total_assets", "equity", "current_ratio")] or lines[:1]

    # ---------------------------------------------------------------- sections

    def _section(self, part: Part) -> Section:
        claims = self._sentences(part.lines, part.title)
        claims += [phrases.quote_claim(hit, part.title) for hit in part.quotes]
        charts = tuple(chart for chart in self.fundamental.charts if chart.id.startswith(part.key))
        return Section(part.title, tuple(claims), charts=charts)

    def _sentences(self, lines: Sequence[Line], section: str, *, brief: bool = False) -> list[Claim]:
        """Return a sentence for each level and one for all ratios of a company and period.

        The first sentence about a company names it and both periods; those that follow are shorter.
        """
        claims: list[Claim] = []
        for ticker in dict.fromkeys(line.ticker for line in lines):
            own = [line for line in lines if line.ticker == ticker]
            for line in own:
                if line.is_level:
                    claims.append(self._level(line, section, first=line is own[0]))
            for period in dict.fromkeys(period_words(line.period) for line in own if not line.is_level):
                group = [line for line in own if not line.is_level and period_words(line.period) == period]
                claims.append(self._ratios(group, section, brief=brief))
        return claims

    def _level(self, line: Line, section: str, *, first: bool) -> Claim:
        assert line.now is not None
        spans = [self.figure_spans[line.now.id]]
        now = f"{{fact:{line.now_fact}}}" if line.now_fact else figure_amount(line.now, positive=line.outflow)
        instant = line.now.period is not None and line.now.period.kind == "instant"
        at = "at" if instant else "in"
        when = f"{at} {period_words(line.now.period if instant else line.period)}"
        subject = self._subject(line) if first or len(self.scope.instruments) > 1 else phrases.capital(line.label)
        if line.now.value < 0 and "income" in line.measure:
            return self._loss(line, section, when, spans)
        if line.before is None:
            text = f"{subject} {were(line.label)} {now} {when}."
        else:
            spans.append(self.figure_spans[line.before.id])
            before = (
                f"{{fact:{line.before_fact}}}"
                if line.before_fact
                else figure_amount(line.before, positive=line.outflow)
            )
            earlier = (
                f"{at} {period_words(line.before.period)}" if first or not phrases.follows(line) else "a year earlier"
            )
            verb = phrases.verb(
                phrases.sized(line.now.value, line.outflow), phrases.sized(line.before.value, line.outflow)
            )
            change = f" ({{fact:{line.change}}})" if line.change else ""
            text = f"{subject} {verb} {now} {when} from {before} {earlier}{change}."
        if line.share:
            text = f"{text[:-1]}, which was {{fact:{line.share}}} of the total."
        return self._claim(section, text, [line], spans)

    def _loss(self, line: Line, section: str, when: str, spans: list[str]) -> Claim:
        """Return the sentence on a measure of income that is a loss: its amount is said without the minus."""
        assert line.now is not None
        if line.now_fact:
            return self._claim(section, f"{self._subject(line)} was {{fact:{line.now_fact}}} {when}.", [line], spans)
        loss = line.label.replace("income", "loss")
        text = f"{self._subject(replace(line, label=loss))} was {amount(-line.now.value, line.now.unit)} {when}"
        if line.before is not None:
            spans.append(self.figure_spans[line.before.id])
            was = line.label if line.before.value >= 0 else loss
            before = amount(abs(line.before.value), line.before.unit)
            text += f", against {phrases.article(was)} of {before} in {period_words(line.before.period)}"
        return self._claim(section, f"{text}.", [line], spans)

    def _ratios(self, lines: list[Line], section: str, *, brief: bool) -> Claim:
        """Return one sentence on several ratios of one company and period."""
        pieces = []
        for line in lines:
            subject = self._subject(line) if line is lines[0] else f"its {line.label}"
            at = "at" if line.period.kind == "instant" else "in"
            when = f" {at} {period_words(line.period)}" if line is lines[0] else ""
            now = f"{{fact:{line.now_fact}}}"
            if line.before_fact is None:
                pieces.append(f"{subject} {were(line.label)} {now}{when}")
                continue
            grew, shrank = _RATIO_VERBS if "margin" in line.label else ("rose", "fell")
            direction = self._shown_direction(line)
            verb = f"{grew} to" if direction > 0 else f"{shrank} to" if direction < 0 else "stayed at"
            earlier = self._earlier(line) if line is lines[0] else ""
            change = f" ({{fact:{line.change}}})" if line.change and not brief and direction else ""
            pieces.append(f"{subject} {verb} {now}{when} from {{fact:{line.before_fact}}}{earlier}{change}")
        return self._claim(section, f"{phrases.joined(pieces)}.", lines, [])

    def _earlier(self, line: Line) -> str:
        before, now = line.before_period, line.period
        if before is None or (before.fiscal_year or 0) + 1 == now.fiscal_year:
            return " a year earlier"
        return f" {'at' if before.kind == 'instant' else 'in'} {period_words(before)}"

    def _claim(self, section: str, text: str, lines: Sequence[Line], spans: list[str]) -> Claim:
        ids = [fact for line in lines for fact in (line.now_fact, line.before_fact, line.change, line.share) if fact]
        named = tuple(dict.fromkeys(fact for fact in ids if f"{{fact:{fact}}}" in text))
        return Claim(section, text, named, tuple(dict.fromkeys(spans)), instrument=lines[0].ticker)

    def _subject(self, line: Line) -> str:
        company = self._company(line.ticker)
        return line.label if line.label.startswith(company) else f"{possessive(company)} {line.label}"

    # ---------------------------------------------------------------- key figures

    def _key_figures(self) -> list[Section]:
        lines = [line for part in self.fundamental.parts for line in part.lines]
        if len(lines) < 3:
            return []
        if len({line.ticker for line in lines}) > 1:
            return [Section("Key figures", tables=(self._compared(lines),))]
        tables = []
        for ticker in dict.fromkeys(line.ticker for line in lines):
            own = [line for line in lines if line.ticker == ticker]
            tables.append(self._table(ticker, own))
        return [Section("Key figures", tables=tuple(tables))]

    def _compared(self, lines: list[Line]) -> Table:
        """Return one table with a column for each company, of the newest period of each measure."""
        tickers = list(dict.fromkeys(line.ticker for line in lines))
        newest: dict[tuple[str, str], Line] = {}
        for line in lines:
            newest.setdefault((line.measure if line.now is None or not line.group else line.label, line.ticker), line)
        rows = []
        for measure in dict.fromkeys(measure for measure, _ in newest):
            own = [newest.get((measure, ticker)) for ticker in tickers]
            first = next(line for line in own if line)
            cells = [
                self._cell(line) if line else phrases.empty(ticker) for line, ticker in zip(own, tickers, strict=True)
            ]
            rows.append((Claim("Key figures", phrases.capital(first.label), kind="label"), *cells))
        years = list(dict.fromkeys(period_words(line.period) for line in newest.values() if line.period.kind == "year"))
        title = phrases.capital(years[0]) if len(years) == 1 else "The companies compared"
        return Table(title, ("Measure", *(self._company(ticker) for ticker in tickers)), tuple(rows))

    def _table(self, ticker: str, lines: list[Line]) -> Table:
        first = next((line for line in lines if line.before_period), lines[0])
        now = phrases.heading(first)
        before = phrases.heading(first, before=True)
        rows = []
        for line in dict.fromkeys(lines):
            label = Claim("Key figures", phrases.capital(line.label), instrument=ticker, kind="label")
            rows.append((label, self._cell(line), self._cell(line, before=True), self._change_cell(line)))
        return Table(self._company(ticker), ("Measure", now, before, "Change"), tuple(rows))

    def _cell(self, line: Line, *, before: bool = False) -> Claim:
        figure = line.before if before else line.now
        fact = line.before_fact if before else line.now_fact
        if figure is not None and fact is None:
            text = figure_amount(figure, positive=line.outflow)
            return Claim("Key figures", text, (), (self.figure_spans[figure.id],), instrument=line.ticker, kind="cell")
        if fact is not None:
            return Claim("Key figures", f"{{fact:{fact}}}", (fact,), (), instrument=line.ticker, kind="cell")
        return phrases.empty(line.ticker)

    def _change_cell(self, line: Line) -> Claim:
        if line.change is None:
            return phrases.empty(line.ticker)
        return Claim("Key figures", f"{{fact:{line.change}}}", (line.change,), instrument=line.ticker, kind="cell")

    # ---------------------------------------------------------------- passages, names

    def _passage_section(self) -> list[Section]:
        if not self.passages.hits:
            return []
        return [
            Section(
                "What the filings say",
                tuple(phrases.quote_claim(hit, "What the filings say") for hit in self.passages.hits),
            )
        ]

    def _company(self, ticker: str) -> str:
        for instrument in self.scope.instruments:
            if instrument.ticker == ticker:
                return called(instrument)
        return ticker

    def _title(self) -> str:
        names = listed([called(instrument) for instrument in self.scope.instruments]) or "The library"
        years = sorted({year for _, year in self.scope.fiscal_years})
        about = [part.title.lower() for part in self.fundamental.parts if part.key != "named"]
        about += ["the stock"] if self.prices.lines else []
        year = f", fiscal {years[-1]}" if years and self.fundamental.parts else ""
        topic = f": {listed(about)}" if about else ""
        return f"{names}{year}{topic}"
