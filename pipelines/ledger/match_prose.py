"""Finds the sentence of a document that says the same as a claim: same things counted, same period, same number."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from pipelines.ledger.match_book import Entity, SourceBook
from pipelines.ledger.match_figures import default_period, shifted
from pipelines.ledger.match_scope import Scope, Sentence
from pipelines.ledger.match_verdicts import CONTRADICTED, OPEN, TIED, Verdict, source_of
from pipelines.ledger.match_words import STOP, is_neutral, is_qualifier, stem, tokens
from pipelines.ledger.numbers import NumberMention
from pipelines.ledger.sentences import split_sentences
from tieout.model import Document, Period, Source, Span

LONGEST = 900  # characters; longer "sentences" are tables or lists
NEAR = 45  # characters beside a number in which its nouns stand
COVERED = 0.75  # share of the claim's words that the source sentence must hold
SURE = 0.8  # share that makes a different number a contradiction
_EXCLUSIVE = (
    ("fulltime", "parttime"), ("direct", "indirect"), ("basic", "dilut"), ("domestic", "international"),
    ("domestic", "foreign"), ("minimum", "maximum"), ("highest", "lowest"), ("high", "low"), ("before", "after"),
    ("open", "clos"), ("first", "last"), ("gain", "loss"), ("income", "loss"), ("asset", "liability"),
    ("current", "noncurrent"), ("shortterm", "longterm"), ("owned", "leas"), ("gross", "net"), ("issu", "repurchase"),
)  # fmt: skip


@dataclass(frozen=True)
class Statement:
    """A number of a source's prose with what it is a number of."""

    document: Document
    page: int
    start: int  # of the sentence on its page
    end: int
    mention: NumberMention  # offsets count from the sentence's start
    scope: Scope
    near: frozenset[str]
    whole: frozenset[str]
    clause: frozenset[str]
    others: frozenset[str]  # words that lead to other numbers of the sentence only
    place: frozenset[str]  # names and words of scope that directly follow the number: "in the U.S.", "worldwide"
    text: str


Parser = Callable[[str, Entity], tuple[Sentence, list[Scope]]]


class Prose:
    """The numbers in one company's prose. `parse` reads a sentence as a draft's are read."""

    def __init__(self, book: SourceBook, entity: Entity, parse: Parser) -> None:
        self.book, self.entity, self._parse = book, entity, parse

    def judge(
        self, sentence: Sentence, index: int, scope: Scope, periods: Sequence[Period], cited: Sequence[Span] = ()
    ) -> Verdict:
        """Return tied when a sentence says so, contradicted when one says otherwise beyond doubt, else open.

        `periods` are those that the claim may be about, the nearest first.
        """
        last = default_period(self.entity)
        wanted: list[Period | None] = [*periods] or [last]
        verdicts = [
            self._judge(sentence, index, scope, shifted(p, scope.prior) if p is not None else None, cited)
            for p in wanted
        ]
        for status in (TIED, CONTRADICTED):
            for verdict in verdicts:
                if verdict.status is status:
                    return verdict
        return verdicts[0]

    def _judge(
        self, sentence: Sentence, index: int, scope: Scope, period: Period | None, cited: Sequence[Span]
    ) -> Verdict:
        mention = sentence.mentions[index]
        near, whole = local_words(sentence, index), clause_words(sentence, index)
        if whole <= {"sale", "net", "asset"}:  # a whole by itself: which part of it is not said
            return Verdict(OPEN, reason="nothing says what this is a number of")
        strict = _strict(sentence, whole)
        place, everything = _place(sentence, index), _all_words(sentence)
        names = frozenset(t.stem for t in sentence.words if t.capital) & whole
        rival: tuple[float, Statement] | None = None
        best: tuple[float, Statement] | None = None
        for statement in self.statements():
            if not self._comparable(mention, scope, statement, cited) or not _same_time(period, statement):
                continue
            shared = len(whole & statement.whole) / len(whole)
            if shared < COVERED or not near & statement.near or _excluded(whole, statement.whole):
                continue
            if not strict <= statement.clause or whole & statement.others or not statement.place - _ALL <= everything:
                continue
            if not names & statement.whole <= statement.clause:  # "…28%, driven by Azure" says nothing of Azure's
                continue
            if not place <= statement.place | (statement.clause - _places_of(statement.text)) or _told_apart(
                sentence.text, statement.text
            ):
                continue
            if _bounded(statement) and not _bounded_claim(sentence, mention):
                continue
            if len(near & statement.near) / len(near) < 0.5:
                continue
            signs = mention.aside or not mention.signed
            if mention.allows(statement.mention.value, any_sign=signs):
                if best is None or shared > best[0]:
                    best = (shared, statement)
            elif (
                statement.clause <= everything
                and shared >= SURE
                and len(whole) >= 3
                and near <= statement.near
                and (rival is None or shared > rival[0])
            ):
                rival = (shared, statement)
        if best is not None:
            return Verdict(TIED, self._source(best[1]))
        if rival is not None:
            statement = rival[1]
            return Verdict(
                CONTRADICTED,
                self._source(statement),
                f"{statement.document.title}, page {statement.page}, says {statement.mention.text}",
            )
        return Verdict(OPEN, reason="no sentence of the sources says so for this period")

    def statements(self) -> list[Statement]:
        """Return every number of the company's prose (read once)."""
        key = ("prose", self.entity.key)
        if key not in self.book.read:
            self.book.read[key] = [s for d in self.entity.documents for s in self._read(d)]
        found: list[Statement] = self.book.read[key]
        return found

    def _read(self, document: Document) -> list[Statement]:
        found = []
        for page in self.book.pages.get(document.id, ()):
            for start, end in prose_sentences(page.text):
                text = page.text[start:end].replace("\n", " ")
                if not re.search(r"\d|hundred|thousand|million|two|three|four|five|six|seven|eight|nine|ten", text):
                    continue
                sentence, scopes = self._parse(text, self.entity)
                for index, mention in enumerate(sentence.mentions):
                    found.append(
                        Statement(
                            document, page.number, start, end, mention, scopes[index],
                            local_words(sentence, index), _all_words(sentence), clause_words(sentence, index),
                            _others(sentence, index), _place(sentence, index), text,
                        )
                    )  # fmt: skip
        return found

    def _comparable(self, mention: NumberMention, scope: Scope, statement: Statement, cited: Sequence[Span]) -> bool:
        theirs = statement.mention
        if mention.unit != theirs.unit and not {mention.unit, theirs.unit} <= {"number", "count", "shares"}:
            money = {mention.unit, theirs.unit} - {"number"}
            if len(money) != 1 or len(next(iter(money))) != 3:
                return False
        if scope.kind != statement.scope.kind or scope.direction * statement.scope.direction < 0:
            return False
        if cited:
            return any(
                s.document_id == statement.document.id and s.page == statement.page
                and s.start <= statement.start + theirs.start and statement.start + theirs.end <= s.end
                for s in cited
            )  # fmt: skip
        return True

    def _source(self, statement: Statement) -> Source:
        return source_of(self.book.span(statement.document, statement.page, statement.start, statement.end))


def prose_sentences(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of the sentences of a page's prose; the rows of tables are left out."""
    spans: list[tuple[int, int]] = []
    block: list[tuple[int, int]] = []

    def flush() -> None:
        if not block:
            return
        start, end = block[0][0], block[-1][1]
        block.clear()
        for low, high in split_sentences(text[start:end].replace("\n", " ")):
            if high - low <= LONGEST:
                spans.append((start + low, start + high))

    at = 0
    for line in text.split("\n"):
        end = at + len(line)
        if _is_row(line) or not line.strip():
            flush()
        else:
            block.append((at, end))
            if len(line.split()) < 5 and not line.rstrip().endswith((".", ",")) and len(block) == 1:
                block.clear()  # a heading
        at = end + 1
    flush()
    return spans


def _is_row(line: str) -> bool:
    words = line.split()
    numeric = [w for w in words if re.fullmatch(r"[$(€£-]*[\d,.]+[%)]*|[$%—–)]", w)]
    told = sum(1 for w in words if re.fullmatch(r"[a-z]+[,.;]?", w))
    return len(numeric) >= 2 and len(numeric) / len(words) > (0.5 if told >= 4 else 0.3)


def _useful(sentence: Sentence, start: int, end: int) -> frozenset[str]:
    return frozenset(
        t.stem for t in sentence.words if start <= t.start < end and t.word.lower() not in STOP and not is_neutral(t)
    )


_NEXT = re.compile(r"[,;]|\band\b|\bwith\b", re.IGNORECASE)


def _between(sentence: Sentence, index: int) -> tuple[int, int]:
    """Return where the words of a number may stand; a counted thing follows its number at once."""
    mentions = sentence.mentions
    low = mentions[index - 1].end if index else 0
    high = mentions[index + 1].start if index + 1 < len(mentions) else len(sentence.text)
    if (
        index
        and mentions[index - 1].unit == "count"
        and (cut := _NEXT.search(sentence.masked, low, mentions[index].start))
    ):
        low = cut.end()
    counted = mentions[index].unit == "count" and index + 1 < len(mentions)
    if counted and (cut := _NEXT.search(sentence.masked, mentions[index].end, high)):
        high = cut.start()
    return low, high


def local_words(sentence: Sentence, index: int) -> frozenset[str]:
    """Return the content words directly beside a number, not beyond the numbers next to it."""
    mention = sentence.mentions[index]
    low, high = _between(sentence, index)
    found = _useful(sentence, max(low, mention.start - NEAR), min(high, mention.end + NEAR))
    if not found and index:  # "increased 32% to $91.2 billion": what the number before is of
        return local_words(sentence, index - 1)
    return found


def clause_words(sentence: Sentence, index: int) -> frozenset[str]:
    """Return the content words of the claim that lead to a number and follow it."""
    mention = sentence.mentions[index]
    low, high = _between(sentence, index)
    cut = _ENDS.search(sentence.masked[mention.end : high])
    words = _useful(sentence, low, mention.end + cut.start() if cut else high)
    if not words and index:  # "$8.7 billion, $9.5 billion and …": of what the number before is
        return clause_words(sentence, index - 1)
    return words or _useful(sentence, 0, len(sentence.text))


_ENDS = re.compile(
    r";|\b(?:while|whereas|driven|due|primarily|reflecting|compared|versus|partially|partly|offset|thanks|of which|"
    r"including|as a result)\b",
    re.IGNORECASE,
)
_SCOPE_WORDS = re.compile(
    r"^(?:worldwide|global|globally|international|internationally|domestic|domestically|abroad)$", re.I
)
_ALL = frozenset({stem(word) for word in ("worldwide", "global", "globally")})
_REMAINS = re.compile(r"\b(?:remain|remains|remaining|remained|available|left)\b", re.IGNORECASE)
_HAS_DONE = re.compile(r"\b(?:has|have|had)\s+(?:\w+ly\s+)?\w+ed\b|\bsince inception\b|\bto date\b", re.IGNORECASE)
_AT_MOST = re.compile(r"\b(?:up to|as much as|at most|maximum|authori[sz]\w+)\b", re.IGNORECASE)


def _others(sentence: Sentence, index: int) -> frozenset[str]:
    mine = clause_words(sentence, index) | _useful(sentence, 0, sentence.mentions[0].start)
    rest: frozenset[str] = frozenset()
    for other in range(len(sentence.mentions)):
        if other != index:
            rest |= clause_words(sentence, other)
    return rest - mine


def _place(sentence: Sentence, index: int) -> frozenset[str]:
    """Return the names and words of scope that directly follow a number: "in the U.S.", "worldwide"."""
    mention = sentence.mentions[index]
    high = sentence.mentions[index + 1].start if index + 1 < len(sentence.mentions) else len(sentence.text)
    gap = sentence.masked[mention.end : high]
    if index + 1 < len(sentence.mentions):  # the last joint before the next number opens that number's clause
        joints = list(re.finditer(r"[,;:]|\band\b|\bor\b", gap))
        gap = gap[: joints[-1].start()] if joints else ""
    if cut := re.search(
        r"[;:.](?=\s|$)|,\s+(?!and\b)|\b(?:while|whereas|driven|due|compared|versus|as of|from|to)\b", gap
    ):
        gap = gap[: cut.start()]
    found = set()
    end = mention.end + len(gap)
    first = re.match(r"\s*(?:of\s+(?:them|these|which)\s+|\w+\s+){0,2}?(?:in|at|for|across|within)\b", gap)
    direct = bool(re.match(r"\s*[A-Z]", gap))
    for token in sentence.words:
        if not mention.end <= token.start < end:
            continue
        if _SCOPE_WORDS.match(token.word) or ((first or direct) and token.capital):
            found.add(token.stem)
    return frozenset(found)


@lru_cache(maxsize=65536)
def _places_of(text: str) -> frozenset[str]:
    """Return the stems of a text's names: a claim's place must be the number's own, not another's."""
    return frozenset(t.stem for t in tokens(text) if t.capital)


def _bounded(statement: Statement) -> bool:
    """Say whether a source's number is a bound or a sum to date rather than the amount of the period."""
    before = statement.text[max(0, statement.mention.start - 60) : statement.mention.start]
    if re.search(r"\bup to\s*\$?$", before, re.I):
        return True
    period = statement.scope.period
    return period is not None and period.kind == "instant" and bool(_HAS_DONE.search(before + statement.text[:200]))


def _bounded_claim(sentence: Sentence, mention: NumberMention) -> bool:
    return bool(_AT_MOST.search(sentence.text) or _HAS_DONE.search(sentence.text)) and not _REMAINS.search(
        sentence.text[mention.end : mention.end + 40]
    )


def _told_apart(mine: str, theirs: str) -> bool:
    """Say whether one noun has another word before it in each: "other" and "manufacturing purchase obligations"."""
    left, right = _modified(mine), _modified(theirs)
    for noun, before in left.items():
        against = right.get(noun)
        if (
            before
            and against
            and not before & against
            and not (before & _stems(theirs))
            and not (against & _stems(mine))
        ):
            return True
    return False


@lru_cache(maxsize=65536)
def _stems(text: str) -> frozenset[str]:
    return frozenset(t.stem for t in tokens(text))


@lru_cache(maxsize=65536)
def _modified(text: str) -> dict[tuple[str, str], frozenset[str]]:
    """Return for each pair of adjacent content words the words seen directly before it."""
    words = tokens(text)
    found: dict[tuple[str, str], set[str]] = {}
    for a, b, c in zip(words, words[1:], words[2:], strict=False):
        joined = text[a.end : b.start] == text[b.end : c.start] == " "
        plain = all(w.word.lower() not in STOP and not is_neutral(w) for w in (b, c))
        if joined and plain and a.word.lower() not in STOP and (a.word.lower() == "other" or not is_neutral(a)):
            found.setdefault((b.stem, c.stem), set()).add(a.stem)
    return {pair: frozenset(before) for pair, before in found.items()}


def _strict(sentence: Sentence, whole: frozenset[str]) -> frozenset[str]:
    """Return the words that a source must hold too: those that narrow a measure, and names."""
    first = sentence.words[0].start if sentence.words else -1
    names = {t.stem for t in sentence.words if t.capital and t.start != first}
    return frozenset(w for w in whole if is_qualifier(w) or w in names)


def _all_words(sentence: Sentence) -> frozenset[str]:
    return _useful(sentence, 0, len(sentence.text))


def _excluded(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    return any(
        (a in mine and b in theirs and b not in mine and a not in theirs)
        or (b in mine and a in theirs and a not in mine and b not in theirs)
        for a, b in _EXCLUSIVE
    )


def _same_time(period: Period | None, statement: Statement) -> bool:
    theirs = statement.scope.period
    if theirs is None:
        document = statement.document
        if period is None or period.fiscal_year is None or document.fiscal_year is None:
            return period is None
        if period.fiscal_year != document.fiscal_year:
            return False
        return period.kind != "quarter" or period.fiscal_quarter == document.fiscal_quarter
    if period is None:
        return False
    if period.end is not None and theirs.end is not None and period.kind == theirs.kind == "instant":
        return abs(period.end - theirs.end) <= timedelta(days=8)  # "at the end of September": a fiscal year's last day
    if period.fiscal_year is None or theirs.fiscal_year is None:
        return period.end is not None and period.end == theirs.end
    year = theirs.fiscal_year - statement.scope.prior
    if period.fiscal_year != year:
        return False
    if "quarter" in (period.kind, theirs.kind):
        return period.fiscal_quarter == theirs.fiscal_quarter
    return True
