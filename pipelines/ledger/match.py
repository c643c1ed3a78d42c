"""Decides for each number of a claim: tied to a figure or a quoted sentence, contradicted by one, or open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from pipelines.ledger import derive
from pipelines.ledger.derive import Derived
from pipelines.ledger.match_book import Entity, Entry, SourceBook, amount, fits, outflow
from pipelines.ledger.match_figures import Measures, at_period, default_period, preferred, shifted
from pipelines.ledger.match_scope import Phrase, Scope, direction_to
from pipelines.ledger.match_values import Rows
from pipelines.ledger.match_verdicts import CONTRADICTED, OPEN, TIED, Comparison, Verdict
from pipelines.ledger.match_words import is_qualifier
from pipelines.ledger.numbers import NumberMention
from tieout.model import Period, Span


class Judge(Comparison):
    """Judges the numbers of one company's sentences against its figures."""

    def __init__(self, book: SourceBook, entity: Entity, cited: Sequence[Span] = ()) -> None:
        if ("measures", entity.key) not in book.read:
            book.read["measures", entity.key] = Measures(book, entity)
            book.read["rows", entity.key] = Rows(book, book.read["measures", entity.key])
        super().__init__(book, book.read["measures", entity.key], cited)
        self.entity = entity
        self.rows: Rows = book.read["rows", entity.key]
        self.calendar = book.calendars[entity.key]

    def judge(self, mention: NumberMention, scope: Scope, fallbacks: Sequence[Period]) -> Verdict:
        """Return the verdict by figures: reported ones first, then recomputed ones.

        `fallbacks` are the periods that the surroundings allow when the sentence names none, the nearest first.
        """
        periods = self._periods(scope, fallbacks)
        if not periods:
            return Verdict(OPEN, reason="no period is said and no document gives one")
        verdicts = [self._judge(mention, scope, period) for period in periods]
        for verdict in verdicts:
            if verdict.status is TIED:
                return verdict
        for verdict in verdicts:
            if verdict.status is CONTRADICTED:
                if scope.period is None and self._other_time(mention, scope):
                    return Verdict(OPEN, reason="the text does not say for which period")
                return verdict
        return verdicts[0]

    def _other_time(self, mention: NumberMention, scope: Scope) -> bool:
        """Say whether the number is the measure's in a period that the text may mean without naming it."""
        if scope.kind != "level":
            return False
        entries = self.measures.any_time(scope.phrases[0])
        return any(self.agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in entries)

    def alone(
        self, mention: NumberMention, scope: Scope, phrases: Iterable[Phrase], fallbacks: Sequence[Period]
    ) -> Verdict | None:
        """Return the verdict by the one row that the phrases leave for this value, None when none or several do."""

        def keep(entry: Entry) -> bool:
            if scope.kind == "growth":
                return entry.change and entry.figure.unit == "fraction"
            return not entry.change and self._states(mention, entry)

        def agrees(entry: Entry) -> bool:
            return self.agrees(mention, scope, entry.figure.value, outflow(entry.figure))

        if scope.kind not in ("level", "growth"):
            return None
        for phrase in phrases:
            for period in self._periods(scope, fallbacks):
                entry = self.rows.alone(phrase, period, keep, agrees)
                if entry is not None and self.allowed([entry]):
                    return Verdict(TIED, self.source(entry), unit=entry.figure.unit)
        return None

    def _periods(self, scope: Scope, fallbacks: Sequence[Period]) -> list[Period]:
        """Return the periods that a number may be of: the one said, else those of the surroundings, else the newest."""
        periods = [scope.period] if scope.period is not None else list(fallbacks)
        if not periods and (last := default_period(self.entity)) is not None:
            periods = [last]
        return [shifted(period, scope.prior) for period in periods]

    def _states(self, mention: NumberMention, entry: Entry) -> bool:
        """Say whether a figure's unit may be stated so; millions are no amount per share."""
        return fits(mention.unit, entry.figure) and not (mention.scale > 1 and entry.figure.unit.endswith("/share"))

    def _judge(self, mention: NumberMention, scope: Scope, period: Period) -> Verdict:
        if not scope.phrases:
            return Verdict(OPEN, reason="nothing says what this is a number of")
        against: Verdict | None = None
        for phrase in scope.phrases:
            verdict = self._by_kind(mention, scope, phrase, period)
            if verdict.status is TIED:
                return verdict
            if verdict.status is CONTRADICTED and against is None:
                if not phrase.concepts and any(later.concepts for later in scope.phrases):
                    continue  # "… and in Europe $35.2 billion": what was spoken of before may be meant
                rest = [t for t in scope.phrases[0].words if t.stem not in phrase.inside]
                if any(self._narrows(t.stem, t.capital, head=False) for t in rest):
                    break  # words that were left out may say that it is of something else
                against = verdict
                break
        if against is not None and scope.part:
            return Verdict(OPEN, reason="the source does not say this of that part")
        return against or Verdict(OPEN, reason="no source gives this measure for this period")

    # ------------------------------------------------------------ kinds

    def _by_kind(self, mention: NumberMention, scope: Scope, phrase: Phrase, period: Period) -> Verdict:
        if scope.kind == "level":
            return self._level(mention, scope, phrase, period)
        if scope.kind == "share":
            return self._share(mention, scope, phrase, period)
        return self._change(mention, scope, phrase, period)

    def _level(self, mention: NumberMention, scope: Scope, phrase: Phrase, period: Period) -> Verdict:
        if mention.unit == "fraction" or mention.unit == "multiple":
            return self._ratio_level(mention, scope, phrase, period)

        def keep(entry: Entry) -> bool:
            return not entry.change and self._states(mention, entry)

        found = self.measures.named_by(phrase, period, keep)
        verdict = self.printed(mention, scope, phrase, found, period)
        if verdict is not None and verdict.status is TIED:
            if not phrase.concepts and self._ambiguous(mention, scope, found):
                return Verdict(OPEN, reason="several rows have this name; say which table or part is meant")
            return self._with_direction(verdict, scope, phrase, period, found, keep)
        if verdict is not None and verdict.status is CONTRADICTED:
            others = [e for e in self.measures.all_named_by(phrase, period, keep) if not e.figure.concept]
            if not phrase.concepts and any(
                self.agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in others
            ):
                return Verdict(OPEN, reason="several rows have this name; say which table or part is meant")
        if verdict is not None:
            return verdict
        computed = [d for c in sorted(phrase.concepts) for d in self._computed(c, phrase, period)]
        return self.recomputed(mention, scope, computed)

    def _ambiguous(self, mention: NumberMention, scope: Scope, found: Sequence[Entry]) -> bool:
        """Say whether rows of one document have this name in different tables, and not all agree."""
        if len({e.document.id for e in found}) == 0:
            return False
        newest = preferred(found, None)[0].document.id
        mine = [e for e in found if e.document.id == newest]
        agreeing = [self.agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in mine]
        if any(ok and e.figure.concept == "revenue" for ok, e in zip(agreeing, mine, strict=True)):
            return False  # a product's or region's name by itself speaks of its sales
        return any(agreeing) and not all(agreeing)

    def _with_direction(
        self, verdict: Verdict, scope: Scope, phrase: Phrase, period: Period, found: Sequence[Entry],
        keep: Callable[[Entry], bool],
    ) -> Verdict:  # fmt: skip
        """Contradict "fell to $6.0 billion" when every figure of the year before is smaller."""
        way = direction_to(scope.left)
        before = [amount(e.figure) for e in self.measures.named_by(phrase, shifted(period, 1), keep)]
        now = [amount(e.figure) for e in found]
        if not way or not before or not now or scope.prior:
            return verdict
        if (way > 0 and max(now) < min(before)) or (way < 0 and min(now) > max(before)):
            return Verdict(CONTRADICTED, verdict.source, "it moved the other way from the year before")
        return verdict

    def _ratio_level(self, mention: NumberMention, scope: Scope, phrase: Phrase, period: Period) -> Verdict:
        found = self.measures.named_by(
            phrase, period, lambda e: not e.change and e.figure.unit in ("fraction", "multiple")
        )
        verdict = self.printed(mention, scope, phrase, found, period)
        if verdict is not None and verdict.status is TIED:
            return verdict
        computed: list[Derived] = []
        for concept in sorted(phrase.concepts):
            computed += self._computed(concept, phrase, period)
            if "margin" in phrase.inside and concept in derive.MARGIN_OF and not phrase.words:
                computed += self._computed(derive.MARGIN_OF[concept], phrase, period)
        if ("margin" in phrase.inside or phrase.concepts & derive.MARGINS) and phrase.words:
            computed += self._segment_margin(phrase, period)
        second = self.recomputed(mention, scope, computed)
        way = direction_to(scope.left)
        if second.status is TIED and way and not scope.prior:
            before = [d.value for d in self._segment_margin(phrase, shifted(period, 1))]
            now = [d.value for d in computed]
            if before and ((way > 0 and max(now) < min(before)) or (way < 0 and min(now) > max(before))):
                return Verdict(CONTRADICTED, second.source, "it moved the other way from the year before")
        return second if second.status is not OPEN or verdict is None else verdict

    def _share(self, mention: NumberMention, scope: Scope, phrase: Phrase, period: Period) -> Verdict:
        whole_phrase = scope.of
        parts = self.measures.named_by(phrase, period, _amount)
        printed: list[Entry] = []
        if whole_phrase is not None:
            both = phrase | whole_phrase
            printed = [
                e
                for e in at_period(self.measures.entries, period, self.calendar)
                if e.figure.unit == "fraction" and not e.change and self._percentage_row(e, phrase, both)
            ]
            verdict = self.printed(mention, scope, phrase, printed, period)
            if verdict is not None and verdict.status is TIED:
                return verdict
        wholes = self._whole(whole_phrase, period)
        computed = derive.share(parts, wholes)
        if whole_phrase is not None and not parts and not phrase.words:
            for concept in sorted(phrase.concepts):
                for top in self._computed(concept, phrase, period):
                    computed += [
                        Derived(top.value / w.figure.value, (*top.entries, w), f"({top.method}) / {w.figure.text}")
                        for w in wholes
                        if w.figure.value
                    ]
        return self.recomputed(mention, scope, computed)

    def _change(self, mention: NumberMention, scope: Scope, phrase: Phrase, period: Period) -> Verdict:
        base = scope.base or shifted(period, 1)
        found: list[Entry] = []
        if scope.base is None or _year_before(scope.base, period):

            def printed(entry: Entry) -> bool:
                unit = entry.figure.unit
                return entry.change and (
                    unit == "fraction" if scope.kind == "growth" else fits(mention.unit, entry.figure)
                )

            found = self.measures.named_by(phrase, period, printed)
        verdict = self.printed(mention, scope, phrase, found, period)
        if verdict is not None and verdict.status is TIED:
            return verdict

        def keep(entry: Entry) -> bool:
            if scope.kind == "points":
                return not entry.change and entry.figure.unit == "fraction"
            if scope.kind == "growth":
                return _amount(entry)
            return not entry.change and fits(mention.unit, entry.figure)

        now, before = (self.measures.named_by(phrase, when, keep) for when in (period, base))
        computed = derive.growth(now, before) if scope.kind == "growth" else derive.change(now, before)
        computed += self._derived_change(
            phrase, period, base, growth=scope.kind == "growth", ratios=scope.kind == "points"
        )
        second = self.recomputed(mention, scope, computed)
        return second if second.status is not OPEN or verdict is None else verdict

    # ------------------------------------------------------------ recomputing

    def _concept(self, name: str, period: Period) -> list[Entry]:
        found = [
            e
            for e in at_period(self.measures.entries, period, self.calendar)
            if e.figure.concept == name and not e.figure.dimension and not e.change
        ]
        return preferred(found, period)

    def _computed(self, measure: str, phrase: Phrase, period: Period) -> list[Derived]:
        """Recompute a company-wide measure; a phrase with further words speaks of something narrower."""
        if any(self._narrows(token.stem, token.capital, token.start in phrase.heads) for token in phrase.words):
            return []
        return derive.level(measure, lambda name: self._concept(name, period))

    def _narrows(self, word: str, capital: bool, head: bool) -> bool:
        return word != "margin" and (word in self.measures.vocabulary or is_qualifier(word) or capital or head)

    def _segment_margin(self, phrase: Phrase, period: Period) -> list[Derived]:
        parts = self.measures.named_by(phrase, period, _amount)
        for name in phrase.concepts & derive.MARGINS:
            top = frozenset({derive.RATIOS[name][0]})
            parts += self.measures.named_by(replace(phrase, concepts=top, spelled=()), period, _amount)
        computed: list[Derived] = []
        for part in parts:
            if not part.dims or part.figure.concept not in derive.MARGIN_OF:
                continue
            wholes = [
                e
                for e in at_period(self.measures.entries, period, self.calendar)
                if e.figure.concept == "revenue" and e.dims == part.dims and not e.change
            ]
            computed += derive.share([part], wholes)
        return computed

    def _derived_change(
        self, phrase: Phrase, period: Period, base: Period, *, growth: bool, ratios: bool = False
    ) -> list[Derived]:
        found = []
        for concept in sorted(phrase.concepts):
            names = [concept]
            if ratios and concept in derive.MARGIN_OF:
                names = [derive.MARGIN_OF[concept]]
            for name in names:
                if not ratios and name in derive.RATIOS:
                    continue
                for now in self._computed(name, phrase, period)[:4]:
                    for before in self._computed(name, phrase, base)[:4]:
                        if growth and before.value:
                            value = (now.value - before.value) / abs(before.value)
                        else:
                            value = now.value - before.value
                        found.append(
                            Derived(value, now.entries + before.entries, f"{now.method} against {before.method}")
                        )
        return found

    def _whole(self, phrase: Phrase | None, period: Period) -> list[Entry]:
        if phrase is None:
            return self._concept("revenue", period)
        if phrase.concepts and not phrase.words and len(phrase.concepts) == 1:
            found = self._concept(next(iter(phrase.concepts)), period)
            if found:
                return found
        return self.measures.named_by(phrase, period, _amount)

    def _percentage_row(self, entry: Entry, phrase: Phrase, both: Phrase) -> bool:
        """Say whether a printed percentage row is the share that is spoken of ("Percentage of total net sales")."""
        row = entry.core - {"percentag", "percent", "percentage", "total", "of", "a"}
        if not re.search(r"percent|%|as a", entry.figure.row, re.I):
            return False
        said = both.inside
        around = entry.path | entry.dims
        main = phrase.inside - {"total"}
        return bool(main) and row <= said | entry.path and main <= (entry.core | around | entry.known)


def _amount(entry: Entry) -> bool:
    """Say whether an entry is an amount rather than a percentage or a change."""
    return not entry.change and entry.figure.unit not in ("fraction", "points")


def _year_before(base: Period | None, period: Period) -> bool:
    return (
        base is not None
        and base.fiscal_year is not None
        and period.fiscal_year is not None
        and base.fiscal_year == period.fiscal_year - 1
    )
