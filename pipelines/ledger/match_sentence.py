"""A sentence with everything found in it, and the records for what its numbers are numbers of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.ledger.match_words import STOP, Token, is_neutral, tokens
from pipelines.ledger.not_numbers import blank_out
from pipelines.ledger.numbers import NumberMention
from tieout.model import Period

_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
Named = tuple[int, int, str]  # start, end, concept


@dataclass(frozen=True)
class Phrase:
    """The words that say what a number is of: concepts named, and the other words' stems with their tokens."""

    concepts: frozenset[str]
    words: tuple[Token, ...]  # content words outside the named concepts
    inside: frozenset[str]  # stems of all words, those of the named concepts too
    heads: frozenset[int] = frozenset()  # starts of words that directly precede a named concept
    spelled: tuple[tuple[str, frozenset[str]], ...] = ()  # each named concept with the stems it was written in

    @property
    def empty(self) -> bool:
        """Whether nothing here names a measure."""
        return not self.concepts and not self.words

    def __or__(self, other: Phrase) -> Phrase:
        return Phrase(
            self.concepts | other.concepts,
            self.words + other.words,
            self.inside | other.inside,
            self.heads | other.heads,
            self.spelled + other.spelled,
        )

    def concept_words(self, concept: str) -> frozenset[str]:
        """Return the stems that a named concept was written in."""
        return frozenset(w for name, words in self.spelled if name == concept for w in words)


EMPTY = Phrase(frozenset(), (), frozenset())


@dataclass(frozen=True)
class Scope:
    """What a mention is a number of. `kind` is level, growth, change, points or share.

    `phrases` are readings of the measure, best first; `of` is the whole of a share. `direction` is +1 or -1
    when the words say which way. `base` is the period that a change is measured from, when said.
    """

    kind: str
    direction: int = 0
    loss: bool = False
    phrases: tuple[Phrase, ...] = ()
    of: Phrase | None = None
    period: Period | None = None
    prior: int = 0  # how many years before `period` the number lies ("a year earlier")
    base: Period | None = None
    left: str = ""
    right: str = ""
    part: bool = False  # a part of what the number before counts ("of which $3 billion in …")


@dataclass
class Sentence:
    """A sentence with everything found in it; offsets count its characters."""

    text: str
    mentions: Sequence[NumberMention]
    named: Sequence[Named]
    periods: Sequence[tuple[int, int, Period]]
    hidden: Sequence[tuple[int, int]] = ()  # names of companies: never part of a measure
    labels: Sequence[tuple[int, int]] = ()  # known labels that hold a comma or "and": never cut inside
    masked: str = field(init=False)
    words: tuple[Token, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Find the words that are neither company names nor dates."""
        self.masked = blank_out(self.text)
        gone = [*self.hidden, *((start, end) for start, end, _ in self.periods)]
        gone += [match.span() for match in _PLACEHOLDER.finditer(self.text)]
        gone += [(mention.start, mention.end) for mention in self.mentions]
        self.words = tuple(token for token in tokens(self.text) if not any(s <= token.start < e for s, e in gone))

    def phrase(self, start: int, end: int) -> Phrase:
        """Return the measure words between two offsets."""
        concepts = [item for item in self.named if start <= item[0] and item[1] <= end]
        words, inside, heads = [], set(), set()
        for token in self.words:
            if not start <= token.start < end:
                continue
            within = any(s <= token.start < e for s, e, _ in concepts)
            if token.word.lower() not in STOP or within:
                inside.add(token.stem)
            if within or token.word.lower() in STOP or is_neutral(token):
                continue
            words.append(token)
        for begin, _, _ in concepts:
            if (head := self._head(begin, start)) is not None:
                heads.add(head)
        inside |= set(re.findall(r"\d[\d.,]*\d|\d", self.text[start:end]))
        spelled = tuple(
            (c, frozenset(t.stem for t in self.words if s <= t.start < e and t.word.lower() not in STOP))
            for s, e, c in concepts
        )
        return Phrase(frozenset(c for _, _, c in concepts), tuple(words), frozenset(inside), frozenset(heads), spelled)

    def _head(self, begin: int, floor: int) -> int | None:
        """Return the start of the word that narrows a concept ("hardware total revenue"), past neutral ones."""
        at = begin
        for token in reversed(self.words):
            if token.end > at or token.start < floor:
                continue
            if self.masked[token.end : at].strip(" \n*_") or token.word.lower() in STOP:
                return None
            if not is_neutral(token):
                return token.start
            at = token.start
        return None

    def protected(self, at: int) -> bool:
        """Say whether an offset lies inside a name that must not be cut."""
        return any(s < at < e for s, e in self.labels) or any(s < at < e for s, e, _ in self.named)
