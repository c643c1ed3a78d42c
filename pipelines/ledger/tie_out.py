"""Ties out a draft: every number of every claim gets its source, or is shown as open or contradicted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pipelines.ledger.draft import Passage, passages_of
from pipelines.ledger.draft_scales import UNSCALED, as_percent, per_share, scale_of, scaled
from pipelines.ledger.match import CONTRADICTED, OPEN, TIED, Judge, Verdict, number_of
from pipelines.ledger.match_book import Entity, SourceBook
from pipelines.ledger.match_companies import Place, owners
from pipelines.ledger.match_names import named_spans
from pipelines.ledger.match_periods import main_periods
from pipelines.ledger.match_prose import Prose
from pipelines.ledger.match_scope import Scope, Sentence, read_scopes
from pipelines.ledger.numbers import NumberMention, find_numbers
from pipelines.ledger.periods import periods_in, yearless_periods
from tieout.errors import InvalidInput
from tieout.model import Claim, Draft, Fact, Ledger, Number, Period, Section, Source, Span

_PLACEHOLDER = re.compile(r"\{fact:([^{}\s]*)\}")
_ASIDES = re.compile(  # they lead nowhere, and their commas cut a subject from its verb
    r",\s*(?:on the other hand|by contrast|in contrast|meanwhile|however|in turn|for its part|though|too|of course|"
    r"for example|for instance|in fact|in total|in all|at the same time|once again|as expected)\s*,",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"^(?:it|its|the company|the company's|they|their|this|that|the firm|the group)\b", re.IGNORECASE)


def tie_out(draft: Draft, facts: Sequence[Fact], book: SourceBook, spans: Sequence[Span] = ()) -> tuple[Draft, Ledger]:
    """Return the draft with placeholders filled and numbers set, and its ledger.

    `spans` are those that claims may cite by id, besides the ones that the book makes. Raises InvalidInput for
    a placeholder or citation whose id is unknown.
    """
    worker = TieOut(book, facts, spans)
    done = [worker.claim(passage) for passage in passages_of(draft)]
    return _rebuilt(draft, done), worker.ledger(done)


def open_numbers(ledger: Ledger) -> list[str]:
    """Return one sentence for each number that is not tied, for the writer to act on."""
    errors = []
    for claim in ledger.claims:
        for number in claim.numbers:
            if number.status is OPEN:
                errors.append(
                    f"In “{claim.text}” the number {number.text} is not sourced ({number.reason}): cite a span that "
                    "states it, use a {fact:ID} placeholder, or leave it out."
                )
            elif number.status is CONTRADICTED:
                errors.append(
                    f"In “{claim.text}” the number {number.text} is wrong: {number.reason}. Correct it or leave it out."
                )
    return errors


class PriceJudge(Protocol):
    """Judges what a text says about prices, by computing it; None when a number is not about prices."""

    facts: list[Fact]

    def judge(
        self, mention: NumberMention, scope: Scope, sentence: Sentence, ticker: str | None, passage: Passage
    ) -> Verdict | None:
        """Return the verdict, or None to let the documents decide."""
        ...


class TieOut:
    """One tying out: the book's judges are made once, claim after claim is settled by them."""

    def __init__(
        self,
        book: SourceBook,
        facts: Sequence[Fact] = (),
        spans: Sequence[Span] = (),
        *,
        own: bool = True,
        prices: PriceJudge | None = None,
    ) -> None:
        """Prepare. `own` says that the draft is our writer's, whose placeholders are filled."""
        self.book, self.own, self.prices = book, own, prices
        self.facts = {fact.id: fact for fact in facts}
        self.spans = {span.id: span for span in spans}
        self._prose: dict[str, Prose] = {}
        self._names = [(name, entity) for entity in book.entities for name in entity.names]
        self._names.sort(key=lambda pair: len(pair[0]), reverse=True)
        self._last: Entity | None = None
        self._main: tuple[tuple[str, ...], str, Period] | None = None  # what the sentences of a section were about last
        self._sentence = ""

    def claim(self, passage: Passage) -> Claim:
        """Return the claim with its placeholders filled and its numbers settled."""
        claim, filled = self._fill(passage.claim)
        if claim.kind == "quote":
            return replace(claim, numbers=())
        numbers = list(filled)
        sentence, scopes, entity, foreign = self._read(claim, passage)
        several = self._owners(claim, sentence)
        if entity is not None:
            self._remember(passage, entity, sentence)
        for index, mention in enumerate(sentence.mentions):
            if any(n.start < mention.end and mention.start < n.end for n in filled):
                continue
            verdict = self._of_each(
                claim, passage, sentence, index, scopes, several[index] if several else (), entity, foreign
            )
            numbers.append(number_of(mention, verdict))
        return replace(claim, numbers=tuple(sorted(numbers, key=lambda n: n.start)))

    def _owners(self, claim: Claim, sentence: Sentence) -> list[tuple[Entity, ...]]:
        """Return the companies of each number when the sentence names more than one, else nothing."""
        if claim.kind == "cell" or claim.instrument or not sentence.mentions:
            return []
        places = self._places(sentence.text)
        if len({place[2].key for place in places}) < 2:
            return []
        return owners(sentence.text, sentence.mentions, places)

    def _of_each(
        self, claim: Claim, passage: Passage, sentence: Sentence, index: int, scopes: Sequence[Scope],
        several: tuple[Entity, ...], entity: Entity | None, foreign: bool,
    ) -> Verdict:  # fmt: skip
        """Settle a number for each company that it is said of: it is tied when it is true of all."""
        verdict = Verdict(OPEN)
        for one in several or (entity,):
            mine, read = sentence, scopes
            if one is not None and entity is not None and one.key != entity.key:
                mine, read = self.parse(claim.text, one, self._year(passage, one))
            verdict = self._settle(claim, passage, mine, index, read[index], one, foreign)
            if verdict.status is not TIED:
                break
        return verdict

    def ledger(self, claims: Sequence[Claim]) -> Ledger:
        """Return the ledger of the claims, with the facts and spans that they rest on."""
        used = {n.source.id for c in claims for n in c.numbers if n.source} | {
            i for c in claims for i in (*c.facts, *c.spans)
        }
        spans = {**self.book.spans_used(), **self.spans}
        facts = tuple(f for i, f in self.facts.items() if i in used)
        return Ledger(tuple(claims), facts, tuple(s for i, s in spans.items() if i in used))

    # ------------------------------------------------------------ placeholders

    def _fill(self, claim: Claim) -> tuple[Claim, list[Number]]:
        if not self.own:
            return claim, []
        numbers: list[Number] = []
        pieces: list[str] = []
        used: list[str] = list(claim.facts)
        at = length = 0
        for match in _PLACEHOLDER.finditer(claim.text):
            fact = self.facts.get(match[1])
            if fact is None:
                raise InvalidInput(
                    f"The draft names the fact {match[1]!r}, which was not computed. Use one of the facts given.",
                    fact=match[1],
                )
            before = claim.text[at : match.start()]
            pieces += [before, fact.display]
            length += len(before)
            numbers.append(
                Number(fact.display, fact.value, fact.unit, TIED, fact_source(fact), length, length + len(fact.display))
            )
            length += len(fact.display)
            at = match.end()
            if fact.id not in used:
                used.append(fact.id)
        pieces.append(claim.text[at:])
        return replace(claim, text="".join(pieces), facts=tuple(used)), numbers

    # ------------------------------------------------------------ reading

    def _read(self, claim: Claim, passage: Passage) -> tuple[Sentence, list[Scope], Entity | None, bool]:
        entity, foreign = self._entity(claim, passage)
        known = entity or (self.book.entities[0] if self.book.entities else None)
        if known is None:
            mentions = find_numbers(claim.text, cell=claim.kind == "cell")
            return Sentence(claim.text, mentions, (), ()), [Scope("level")] * len(mentions), None, foreign
        if claim.kind == "cell":
            return (*self._cell(claim, passage, known), entity, foreign)
        sentence, scopes = self.parse(claim.text, known, self._year(passage, known))
        return sentence, scopes, entity, foreign

    def parse(self, text: str, entity: Entity, year: int | None = None) -> tuple[Sentence, list[Scope]]:
        """Read a sentence as one about `entity`; `year` is the fiscal year of a quarter that names none."""
        flat = _ASIDES.sub(lambda match: " " * len(match[0]), text.replace("\n", " "))
        mentions = find_numbers(flat)
        scale = scale_of(flat)
        if scale > 1:
            mentions = [scaled(m, scale) for m in mentions]
        sentence = Sentence(
            flat, mentions, named_spans(flat), self._times(flat, entity, year), self._hidden(flat),
            self._joined(flat, entity),
        )  # fmt: skip
        return sentence, read_scopes(sentence)

    def _times(self, text: str, entity: Entity, year: int | None) -> list[tuple[int, int, Period]]:
        """Return the periods of a sentence, those of quarters without a year among them."""
        found = periods_in(text, self.book.calendars[entity.key])
        if year is None:
            return found
        for start, end, period in yearless_periods(text, year):
            if any(s < end and start < e and p.kind != "year" for s, e, p in found):
                continue
            inside = [(s, e, p) for s, e, p in found if p.kind == "year" and (start <= s < end or _of(text[end:s]))]
            if inside:
                period = replace(period, fiscal_year=inside[0][2].fiscal_year)
                end = max(end, inside[0][1])
                found.remove(inside[0])
            found.append((start, end, period))
        return sorted(found, key=lambda item: item[0])

    def _year(self, passage: Passage, entity: Entity) -> int | None:
        """Return the fiscal year that a sentence's surroundings speak of, else the newest document's."""
        years = [p.fiscal_year for p in self._periods(passage, entity) if p.fiscal_year]
        newest = max((d.fiscal_year or 0 for d in entity.documents), default=0)
        return years[0] if years else newest or None

    def _cell(self, claim: Claim, passage: Passage, entity: Entity) -> tuple[Sentence, list[Scope]]:
        """Read a table's cell: the row's label and the column's heading say what it is."""
        mentions = find_numbers(claim.text, cell=True)
        if not passage.row and not passage.column:
            return Sentence(claim.text, mentions, (), ()), [Scope("level")] * len(mentions)
        words = f"{passage.row} ; {passage.column}"
        scale = scale_of(passage.column) if scale_of(passage.column) > 1 else max(scale_of(passage.row), 1)
        if scale == 1:
            scale = next((s for t in (passage.caption, *reversed(passage.headings)) if (s := scale_of(t)) > 1), 1)
        if re.search(r"\bper\b[\w\s]*\bshare\b|\bEPS\b|\(\$\)", passage.row, re.I):
            mentions = [per_share(m) for m in mentions]
        elif not UNSCALED.search(passage.row):
            mentions = [scaled(m, scale) for m in mentions]
        percent = bool(re.search(r"%|percent", passage.column)) or bool(re.search(r"\(%\)|, %", passage.row))
        changing = re.search(r"\b(?:change|growth|increase|yoy|y/y|year over year|Δ)\b|chg", passage.column, re.I)
        if percent or changing:
            mentions = [as_percent(m) if percent else m for m in mentions]
        head = Sentence(
            words, [], named_spans(words), periods_in(words, self.book.calendars[entity.key]),
            self._hidden(words), self._joined(words, entity),
        )  # fmt: skip
        phrase = head.phrase(0, len(words))
        kind = "level"
        period = head.periods[-1][2] if head.periods else None
        base = None
        if changing:
            kind = "growth"
            if len(head.periods) == 2:
                years = sorted((p for _, _, p in head.periods), key=lambda p: p.fiscal_year or 0)
                base, period = years[0], years[1]
        scopes = []
        for mention in mentions:
            mine = {"fraction": kind, "points": "points"}.get(mention.unit, "change" if changing else "level")
            if (
                mention.unit == "fraction"
                and not changing
                and (share := re.search(r"(?:share|percent(?:age)?|%) of (.*)", words, re.I))
            ):
                at = share.start(1)
                scopes.append(
                    Scope("share", 0, False, (head.phrase(0, share.start()),), head.phrase(at, len(words)), period)
                )
            else:
                scopes.append(Scope(mine, 0, False, (phrase,), None, period, 0, base))
        return Sentence(claim.text, mentions, (), ()), scopes

    def _hidden(self, text: str) -> list[tuple[int, int]]:
        found = []
        for name, _ in self._names:
            found += [(m.start(), m.end()) for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
        return found

    def _joined(self, text: str, entity: Entity) -> list[tuple[int, int]]:
        low = text.lower()
        found = []
        for label in self.book.joined_labels[entity.key]:
            at = low.find(label)
            while at >= 0:
                found.append((at, at + len(label)))
                at = low.find(label, at + 1)
        return found

    # ------------------------------------------------------------ whose number

    def _entity(self, claim: Claim, passage: Passage) -> tuple[Entity | None, bool]:
        """Return the company a claim is about, and whether it names one that no source is of."""
        if claim.instrument:
            wanted = claim.instrument.upper()
            for entity in self.book.entities:
                if entity.key == wanted or any(d.ticker == wanted for d in entity.documents):
                    self._last = entity
                    return entity, False
        context = [claim.text, passage.row, passage.column]
        for text in context:
            named = self._named(text)
            if named:
                self._last = named[0]
                return named[0], False
            if self._foreign(text):
                return None, True
        for text in (*reversed(passage.before[-3:]), passage.caption, *reversed(passage.headings)):
            named = self._named(text)
            if named:
                return named[-1] if len({e.key for e in named}) == 1 or text in passage.headings else named[0], False
            if self._foreign(text):
                return None, True
        if len(self.book.entities) == 1:
            return self.book.entities[0], False
        return self._last, False

    def _named(self, text: str) -> list[Entity]:
        return _unique([entity for _, _, entity in self._places(text)])

    def _places(self, text: str) -> list[Place]:
        """Return where a text names companies of the book, in order."""
        found: list[Place] = []
        for name, entity in self._names:
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                if not any(start < match.end() and match.start() < end for start, end, _ in found):
                    found.append((match.start(), match.end(), entity))
        return sorted(found, key=lambda place: place[0])

    def _foreign(self, text: str) -> bool:
        """Say whether the text names a company that is not of the book."""
        if self.book.mentioned is None or not text:
            return False
        keys = {e.key for e in self.book.entities} | {d.instrument_id for d in self.book.documents}
        others = [i for i in self.book.mentioned(text) if (i.ticker or i.id).upper() not in keys and i.id not in keys]
        return any(_is_subject(text, (one.name, *one.names)) for one in others)

    # ------------------------------------------------------------ settling

    def _settle(
        self,
        claim: Claim,
        passage: Passage,
        sentence: Sentence,
        index: int,
        scope: Scope,
        entity: Entity | None,
        foreign: bool,
    ) -> Verdict:
        mention = sentence.mentions[index]
        by_fact = self._by_fact(claim, mention, scope)
        if by_fact is not None:
            return by_fact
        if self.prices is not None:
            priced = self.prices.judge(mention, scope, sentence, entity.key if entity else None, passage)
            if priced is not None:
                self.facts.update({fact.id: fact for fact in self.prices.facts})
                return priced
        if foreign:
            return Verdict(OPEN, reason="it is of a company that no source is about")
        if entity is None:
            return Verdict(OPEN, reason="the text does not say of which company it is")
        cited = self._cited(claim)
        fallbacks = self._periods(passage, entity)
        verdict = Judge(self.book, entity, cited).judge(mention, scope, fallbacks)
        if verdict.status is OPEN and claim.kind != "cell":
            prose = self._prose.setdefault(entity.key, Prose(self.book, entity, self.parse))
            periods = [scope.period] if scope.period is not None else fallbacks
            spoken = prose.judge(sentence, index, scope, periods, cited)
            if spoken.status is TIED and cited:
                # a cited sentence may itself be false (or planted): what the statements print decides
                printed = Judge(self.book, entity).judge(mention, scope, fallbacks)
                if printed.status is CONTRADICTED:
                    return printed
            if spoken.status is not OPEN:
                return spoken
        return verdict

    def _cited(self, claim: Claim) -> list[Span]:
        spans = {**self.book.spans_used(), **self.spans}
        missing = [i for i in claim.spans if i not in spans]
        if missing:
            raise InvalidInput(
                f"The draft cites the span {missing[0]!r}, which is not among its sources.", span=missing[0]
            )
        return [spans[i] for i in claim.spans]

    def _by_fact(self, claim: Claim, mention: NumberMention, scope: Scope) -> Verdict | None:
        """Tie a typed number to a fact that the claim lists, when measure and value are the fact's."""
        for identifier in claim.facts:
            fact = self.facts.get(identifier)
            if fact is None or not _unit_of_fact(mention, fact):
                continue
            said = {name for phrase in scope.phrases for name in phrase.concepts}
            words = set(fact.measure.split("_"))
            inside = {w for phrase in scope.phrases for w in phrase.inside}
            if fact.measure not in said and not words <= inside:
                continue
            if (
                fact.period is not None
                and scope.period is not None
                and fact.period.fiscal_year != scope.period.fiscal_year
            ):
                continue
            value = fact.value * scope.direction if scope.direction else fact.value
            if mention.allows(value):
                return Verdict(TIED, fact_source(fact))
        return None

    def _remember(self, passage: Passage, entity: Entity, sentence: Sentence) -> None:
        """Keep the latest period that this sentence speaks of: the next one, naming none, speaks of it too."""
        if passage.claim.kind == "cell" or self._sentence == passage.claim.text:
            return
        named = main_periods(sentence)
        if named:
            latest = max(named, key=lambda p: (p.fiscal_year or 0, p.fiscal_quarter or 0))
            self._main = (passage.headings, entity.key, latest)
            self._sentence = passage.claim.text

    def _periods(self, passage: Passage, entity: Entity) -> list[Period]:
        """Return the periods that the surroundings give, nearest first: last sentence, caption, headings."""
        calendar = self.book.calendars[entity.key]
        found: list[Period] = []
        if self._main is not None and self._main[0] == passage.headings and passage.claim.kind != "cell":
            found.append(self._main[2])
        for text in (passage.caption, *reversed(passage.headings)):
            named = [p for _, _, p in periods_in(text, calendar)]
            if named and passage.claim.kind == "cell" and text == passage.caption:
                found += [p for p in named[:1] if p.kind == "months" and p not in found]
            if named:
                found.append(max(named, key=lambda p: (p.fiscal_year or 0, p.fiscal_quarter or 0)))
                break
        # A balance date that was spoken of stands for its year too.
        for period in list(found):
            if period.kind == "instant" and period.fiscal_year and calendar.end_of(period.fiscal_year) == period.end:
                found.append(calendar.year(period.fiscal_year))
        return found


def _is_subject(text: str, names: Sequence[str]) -> bool:
    """Say whether a company is what a text speaks of, not what somebody paid for or held: "$6.1 billion for MGM"."""
    words = {name for full in names for name in (full, full.split()[0])}
    places = [m for name in words for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
    if not places:
        return True
    named = re.compile(r"\b(?:at|of|by|and|than|,)\s*$")
    return any(
        m.start() < 25 or re.match(r"[’']s?\b", text[m.end() :]) or named.search(text[: m.start()]) for m in places
    )


def fact_source(fact: Fact) -> Source:
    """Return the ledger's source for a computed fact."""
    return Source("fact", fact.id, sql=fact.sql, snapshot=fact.snapshot)


def _unit_of_fact(mention: NumberMention, fact: Fact) -> bool:
    return mention.unit in (fact.unit, "number") or (mention.unit == "points" and fact.unit in ("points", "fraction"))


def _of(gap: str) -> bool:
    """Say whether a year that follows a quarter after these words is the quarter's."""
    return bool(re.fullmatch(r"\s*(?:of|in|for)?\s*(?:the\s+)?", gap, re.IGNORECASE))


def _unique(entities: Sequence[Entity]) -> list[Entity]:
    seen: dict[str, Entity] = {}
    for entity in entities:
        seen.setdefault(entity.key, entity)
    return list(seen.values())


def _rebuilt(draft: Draft, claims: Sequence[Claim]) -> Draft:
    """Put the settled claims back where they were."""
    stream = iter(claims)
    answer = tuple(next(stream) for _ in draft.answer)
    sections: list[Section] = []
    for section in draft.sections:
        sentences = tuple(next(stream) for _ in section.claims)
        tables = tuple(
            replace(table, rows=tuple(tuple(next(stream) for _ in row) for row in table.rows))
            for table in section.tables
        )
        sections.append(replace(section, claims=sentences, tables=tables))
    return replace(draft, answer=answer, sections=tuple(sections))


__all__ = ["TieOut", "fact_source", "open_numbers", "tie_out"]
