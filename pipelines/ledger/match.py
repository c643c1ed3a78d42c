"""Decides for each number of a claim: tied to a figure or a quoted sentence, contradicted by one, or open."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.ledger import derive
from pipelines.ledger.derive import Derived
from pipelines.ledger.match_book import Entity, Entry, SourceBook, amount, fits, outflow
from pipelines.ledger.match_figures import Measures, at_period, default_period, period_of, preferred, shifted
from pipelines.ledger.match_scope import Phrase, Scope, direction_to
from pipelines.ledger.match_values import Rows
from pipelines.ledger.match_words import is_qualifier
from pipelines.ledger.numbers import NumberMention
from tieout.model import Number, NumberStatus, Period, Source, Span


@dataclass(frozen=True)
class Verdict:
    """What was found for one number: its status, where it stands, and why not."""

    status: NumberStatus
    source: Source | None = None
    reason: str = ""
    unit: str = ""  # of the figure, for a number that a text gives none


OPEN = NumberStatus.OPEN
TIED = NumberStatus.TIED
CONTRADICTED = NumberStatus.CONTRADICTED


class Judge:
    """Judges the numbers of one company's sentences against its figures."""

    def __init__(self, book: SourceBook, entity: Entity, cited: Sequence[Span] = ()) -> None:
        self.book, self.entity = book, entity
        if ("measures", entity.key) not in book.read:
            book.read["measures", entity.key] = Measures(book, entity)
            book.read["rows", entity.key] = Rows(book, book.read["measures", entity.key])
        self.measures: Measures = book.read["measures", entity.key]
        self.rows: Rows = book.read["rows", entity.key]
        self.calendar = book.calendars[entity.key]
        self.cited = cited

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
        return any(self._agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in entries)

    def alone(
        self, mention: NumberMention, scope: Scope, phrases: Iterable[Phrase], fallbacks: Sequence[Period]
    ) -> Verdict | None:
        """Return the verdict by the one row that the phrases leave for this value, None when none or several do."""

        def keep(entry: Entry) -> bool:
            if scope.kind == "growth":
                return entry.change and entry.figure.unit == "fraction"
            return not entry.change and self._states(mention, entry)

        def agrees(entry: Entry) -> bool:
            return self._agrees(mention, scope, entry.figure.value, outflow(entry.figure))

        if scope.kind not in ("level", "growth"):
            return None
        for phrase in phrases:
            for period in self._periods(scope, fallbacks):
                entry = self.rows.alone(phrase, period, keep, agrees)
                if entry is not None and self._allowed([entry]):
                    return Verdict(TIED, self._source(entry), unit=entry.figure.unit)
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
        verdict = self._compare(mention, scope, phrase, found, period)
        if verdict is not None and verdict.status is TIED:
            if not phrase.concepts and self._ambiguous(mention, scope, found):
                return Verdict(OPEN, reason="several rows have this name; say which table or part is meant")
            return self._with_direction(verdict, scope, phrase, period, found, keep)
        if verdict is not None and verdict.status is CONTRADICTED:
            others = [e for e in self.measures.all_named_by(phrase, period, keep) if not e.figure.concept]
            if not phrase.concepts and any(
                self._agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in others
            ):
                return Verdict(OPEN, reason="several rows have this name; say which table or part is meant")
        if verdict is not None:
            return verdict
        computed = [d for c in sorted(phrase.concepts) for d in self._computed(c, phrase, period)]
        return self._compare_derived(mention, scope, computed)

    def _ambiguous(self, mention: NumberMention, scope: Scope, found: Sequence[Entry]) -> bool:
        """Say whether rows of one document have this name in different tables, and not all agree."""
        if len({e.document.id for e in found}) == 0:
            return False
        newest = preferred(found, None)[0].document.id
        mine = [e for e in found if e.document.id == newest]
        agreeing = [self._agrees(mention, scope, e.figure.value, outflow(e.figure)) for e in mine]
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
        verdict = self._compare(mention, scope, phrase, found, period)
        if verdict is not None and verdict.status is TIED:
            return verdict
        computed: list[Derived] = []
        for concept in sorted(phrase.concepts):
            computed += self._computed(concept, phrase, period)
            if "margin" in phrase.inside and concept in derive.MARGIN_OF and not phrase.words:
                computed += self._computed(derive.MARGIN_OF[concept], phrase, period)
        if ("margin" in phrase.inside or phrase.concepts & derive.MARGINS) and phrase.words:
            computed += self._segment_margin(phrase, period)
        second = self._compare_derived(mention, scope, computed)
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
            verdict = self._compare(mention, scope, phrase, printed, period)
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
        return self._compare_derived(mention, scope, computed)

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
        verdict = self._compare(mention, scope, phrase, found, period)
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
        second = self._compare_derived(mention, scope, computed)
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

    # ------------------------------------------------------------ comparing

    def _compare(
        self, mention: NumberMention, scope: Scope, phrase: Phrase, entries: Sequence[Entry], period: Period
    ) -> Verdict | None:
        """Compare with printed figures: None when there are none, else tied, contradicted or open when in doubt."""
        entries = preferred(self._allowed(entries), period)
        if not entries:
            return None
        for entry in entries:
            free = (outflow(entry.figure) and not _other_side(entry.figure.row, scope)) or _of_losses(entry)
            if _other_side(entry.figure.row, scope) and entry.figure.value > 0:
                continue  # "a tax benefit of $513 million" is no provision of that size
            value = abs(entry.figure.value) if _other_side(entry.figure.row, scope) else entry.figure.value
            if self._agrees(mention, scope, value, free):
                return Verdict(TIED, self._source(entry), unit=entry.figure.unit)
        entry = entries[0]
        if not self.measures.certain(phrase, entries):
            return Verdict(OPEN, reason=f"{entry.figure.row} is {entry.figure.text}, but more may be meant here")
        return Verdict(
            CONTRADICTED,
            self._source(entry),
            f"{entry.document.title}, page {entry.figure.page}, gives {entry.figure.text} for "
            f"{entry.figure.row} {period_of(entry.figure)}".rstrip(),
        )

    def _compare_derived(self, mention: NumberMention, scope: Scope, computed: Sequence[Derived]) -> Verdict:
        computed = [d for d in computed if len(self._allowed(d.entries)) == len(d.entries)]
        if not computed:
            return Verdict(OPEN, reason="no source gives this measure for this period")
        for derived in computed:
            if self._agrees(mention, scope, derived.value, free=False):
                return Verdict(TIED, self._source(derived.entries[0]), f"{derived.method}")
        first = computed[0]
        near = abs(mention.value) / 10
        if mention.unit == "points" and any(abs(abs(d.value) - abs(mention.value)) <= near for d in computed):
            return Verdict(OPEN, reason="it is near what the sources give, but not it")  # other bases, other rounding
        shown = first.value * 100 if mention.unit in ("fraction", "points") else first.value
        unit = {"fraction": "%", "points": " percentage points"}.get(mention.unit, "")
        return Verdict(
            CONTRADICTED,
            self._source(first.entries[0]),
            f"recomputed from {first.entries[0].document.title}, page {first.entries[0].figure.page}: "
            f"{first.method} = {shown:,.2f}{unit}",
        )

    def _agrees(self, mention: NumberMention, scope: Scope, value: Decimal, free: bool) -> bool:
        """Say whether a source's value may be stated as this number, its direction and sign included."""
        if scope.kind in ("growth", "change", "points") and scope.direction:
            if mention.signed:  # "fell (8)%", "decreased -8%"
                return mention.allows(value)
            return mention.allows(value * scope.direction)
        if mention.aside:
            return mention.allows(value, any_sign=True)
        used = any("used" in p.inside or "outflow" in p.inside for p in scope.phrases)
        if (scope.loss or (used and value < 0)) and not mention.signed and not free:
            return mention.allows(-value)
        return mention.allows(value, any_sign=free)

    def _allowed(self, entries: Sequence[Entry]) -> list[Entry]:
        """Keep the entries that lie in the cited spans, when the claim cites any."""
        if not self.cited:
            return list(entries)
        return [
            e
            for e in entries
            if any(
                s.document_id == e.document.id
                and s.page == e.figure.page
                and (s.start <= e.figure.start < s.end or e.figure.row_start <= s.start < e.figure.row_end)
                for s in self.cited
            )
        ]

    def _source(self, entry: Entry) -> Source:
        figure = entry.figure
        span = self.book.span(entry.document, figure.page, figure.row_start, max(figure.row_end, figure.end))
        return source_of(span)


def _other_side(row: str, scope: Scope) -> bool:
    """Say whether the words are the side that a label prints in parentheses: a benefit of "provision (benefit)"."""
    pair = re.search(r"\b(provision|expense|benefit)s?\s*/?\s*\((provision|expense|benefit)s?\)", row, re.IGNORECASE)
    if pair is None:
        return False
    said = {word for phrase in scope.phrases for word in phrase.inside}
    return pair[2].lower()[:6] in {w[:6] for w in said} and pair[1].lower()[:6] not in {w[:6] for w in said}


def _of_losses(entry: Entry) -> bool:
    """Say whether a positive row is itself named by losses ("Provision for credit losses"): the word is no minus."""
    row = entry.figure.row.lower()
    return entry.figure.value > 0 and "loss" in row and "(loss" not in row and "/ (loss" not in row


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


def source_of(span: Span) -> Source:
    """Return the ledger's source for a quotation."""
    return Source("span", span.id, span.document, span.page, span.page_label, span.start, span.end, span.quote)


def _plain(value: Decimal) -> Decimal:
    """Return the value without a trailing fraction of zeros and without an exponent."""
    return Decimal(f"{value.normalize():f}")


def number_of(mention: NumberMention, verdict: Verdict) -> Number:
    """Return the ledger's record of a mention; a bare number has the unit of the figure that it is tied to."""
    unit = verdict.unit if mention.unit == "number" and verdict.unit and verdict.status is TIED else mention.unit
    return Number(
        mention.text, _plain(mention.value), unit, verdict.status, verdict.source, mention.start, mention.end,
        "" if verdict.status is TIED else verdict.reason,
    )  # fmt: skip
