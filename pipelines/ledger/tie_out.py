"""Ties out a draft: every number of every claim gets its source, or is shown as open or contradicted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pipelines.ledger.draft import Passage, passages_of, rebuilt
from pipelines.ledger.match import Judge
from pipelines.ledger.match_book import Entity, SourceBook
from pipelines.ledger.match_companies import owners
from pipelines.ledger.match_entities import Companies
from pipelines.ledger.match_periods import main_periods
from pipelines.ledger.match_prose import Prose
from pipelines.ledger.match_scope import LOST, Phrase, Scope, Sentence, implied
from pipelines.ledger.match_values import readings
from pipelines.ledger.match_verdicts import CONTRADICTED, OPEN, TIED, Verdict, number_of
from pipelines.ledger.numbers import NumberMention, find_numbers
from pipelines.ledger.periods import periods_in
from pipelines.ledger.readings import fact_source
from pipelines.ledger.tie_out_cells import read_cell
from pipelines.ledger.tie_out_sentences import Reader
from tieout.errors import InvalidInput
from tieout.model import Claim, Draft, Fact, Ledger, Number, Period, Span

_PLACEHOLDER = re.compile(r"\{fact:([^{}\s]*)\}")


def tie_out(draft: Draft, facts: Sequence[Fact], book: SourceBook, spans: Sequence[Span] = ()) -> tuple[Draft, Ledger]:
    """Return the draft with placeholders filled and numbers set, and its ledger.

    `spans` are those that claims may cite by id, besides the ones that the book makes. Raises InvalidInput for
    a placeholder or citation whose id is unknown.
    """
    worker = TieOut(book, facts, spans)
    done = [worker.claim(passage) for passage in passages_of(draft)]
    return rebuilt(draft, done), worker.ledger(done)


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
        self.companies = Companies(book)
        self.reader = Reader(book, self.companies)
        self._main: tuple[tuple[str, ...], str, Period] | None = None  # what the sentences of a section were about last
        self._sentence = ""
        self._topic: tuple[tuple[str, ...], Phrase] | None = None  # what the last sentence was a number of

    def claim(self, passage: Passage) -> Claim:
        """Return the claim with its placeholders filled and its numbers settled."""
        claim, filled = self._fill(passage.claim)
        if claim.kind == "quote":
            return replace(claim, numbers=())
        numbers = list(filled)
        sentence, scopes, entity, foreign = self._read(claim, passage)
        several = self._owners(claim, sentence)
        scopes = self._implied(passage, sentence, scopes)
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
        places = self.companies.places(sentence.text)
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
                mine, read = self.reader.parse(claim.text, one, self._year(passage, one))
                read = self._implied(passage, mine, read)
            verdict = self._settle(claim, passage, mine, index, read, one, foreign)
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
            source = fact_source(fact, self.spans)
            numbers.append(
                Number(fact.display, fact.value, fact.unit, TIED, source, length, length + len(fact.display))
            )
            length += len(fact.display)
            at = match.end()
            if fact.id not in used:
                used.append(fact.id)
        pieces.append(claim.text[at:])
        return replace(claim, text="".join(pieces), facts=tuple(used)), numbers

    # ------------------------------------------------------------ reading

    def _read(self, claim: Claim, passage: Passage) -> tuple[Sentence, list[Scope], Entity | None, bool]:
        entity, foreign = self.companies.of(claim, passage)
        known = entity or (self.book.entities[0] if self.book.entities else None)
        if known is None:
            mentions = find_numbers(claim.text, cell=claim.kind == "cell")
            return Sentence(claim.text, mentions, (), ()), [Scope("level")] * len(mentions), None, foreign
        if claim.kind == "cell":
            return (*read_cell(claim.text, passage, lambda words: self.reader.words(words, known)), entity, foreign)
        sentence, scopes = self.reader.parse(claim.text, known, self._year(passage, known))
        return sentence, scopes, entity, foreign

    def _year(self, passage: Passage, entity: Entity) -> int | None:
        """Return the fiscal year that a sentence's surroundings speak of, else the newest document's."""
        years = [p.fiscal_year for p in self._periods(passage, entity) if p.fiscal_year]
        newest = max((d.fiscal_year or 0 for d in entity.documents), default=0)
        return years[0] if years else newest or None

    # ------------------------------------------------------------ settling

    def _settle(
        self,
        claim: Claim,
        passage: Passage,
        sentence: Sentence,
        index: int,
        scopes: Sequence[Scope],
        entity: Entity | None,
        foreign: bool,
    ) -> Verdict:
        mention, scope = sentence.mentions[index], scopes[index]
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
        judge = Judge(self.book, entity, cited)
        verdict = judge.judge(mention, scope, fallbacks)
        if verdict.status is not TIED and claim.kind != "cell":
            verdict = self._again(judge, verdict, sentence, index, scopes, fallbacks)
        if verdict.status is OPEN and claim.kind != "cell":
            prose = self._prose.setdefault(entity.key, Prose(self.book, entity, self.reader.parse))
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

    def _again(
        self, judge: Judge, first: Verdict, sentence: Sentence, index: int, scopes: Sequence[Scope],
        fallbacks: Sequence[Period],
    ) -> Verdict:  # fmt: skip
        """Judge a number by all that its sentence says: the part it speaks of, and the row that its value leaves."""
        mention, scope = sentence.mentions[index], scopes[index]
        subject = judge.rows.subject(sentence, _clause_start(sentence, mention.start), mention.start)
        if scope.phrases and subject.words and not subject.inside <= scope.phrases[0].inside:
            wider = replace(scope, phrases=(subject | scope.phrases[0],))
            verdict = judge.judge(mention, wider, fallbacks)
            if verdict.status is TIED:
                return verdict
            first = verdict  # without its subject the number was read as one of the whole company
        found = judge.alone(mention, scope, readings(scope, scopes[:index], subject), fallbacks)
        return first if found is None or first.status is CONTRADICTED else found

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
                return Verdict(TIED, fact_source(fact, self.spans))
        return None

    def _implied(self, passage: Passage, sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
        """Give numbers that name no measure the one that is implied: what was earned, or what was spoken of last."""
        if passage.claim.kind == "cell":
            return scopes
        last = self._topic[1] if self._topic is not None and self._topic[0] == passage.headings else None
        result: list[Scope] = []
        for scope in scopes:
            if not scope.phrases and (phrase := implied(sentence.text, scope, result, last)) is not None:
                scope = replace(scope, phrases=(phrase,), loss=scope.loss or bool(LOST.search(scope.left)))
            result.append(scope)
        named = [scope.phrases[0] for scope in scopes if scope.phrases and scope.phrases[0].concepts]
        if named:
            self._topic = (passage.headings, named[0])
        return result

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
        last = self._main
        if last is not None and last[:2] == (passage.headings, entity.key) and passage.claim.kind != "cell":
            found.append(last[2])
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


_NEW_CLAUSE = re.compile(r"[;.](?=\s)|\b(?:while|whereas|but)\b", re.IGNORECASE)


def _clause_start(sentence: Sentence, before: int) -> int:
    """Return where the part of a sentence begins whose subject a number may have."""
    cuts = [m.end() for m in _NEW_CLAUSE.finditer(sentence.masked, 0, before) if not sentence.protected(m.start())]
    return cuts[-1] if cuts else 0


def _unit_of_fact(mention: NumberMention, fact: Fact) -> bool:
    return mention.unit in (fact.unit, "number") or (mention.unit == "points" and fact.unit in ("points", "fraction"))


__all__ = ["TieOut", "open_numbers", "tie_out"]
