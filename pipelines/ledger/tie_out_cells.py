"""Reads a table's cell of a draft: the row's label and the column's heading say what its number is of."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from pipelines.ledger.draft import Passage
from pipelines.ledger.draft_scales import UNSCALED, as_percent, per_share, scale_of, scaled
from pipelines.ledger.match_sentence import Scope, Sentence
from pipelines.ledger.numbers import NumberMention, find_numbers
from tieout.model import Period

_PER_SHARE = re.compile(r"\bper\b[\w\s]*\bshare\b|\bEPS\b|\(\$\)", re.IGNORECASE)
_PERCENT_COLUMN = re.compile(r"%|percent")
_PERCENT_ROW = re.compile(r"\(%\)|, %")
_CHANGING = re.compile(r"\b(?:change|growth|increase|yoy|y/y|year over year|Δ)\b|chg", re.IGNORECASE)
_TOTAL = re.compile(r"[\s*_]*(?:grand )?total[\s*_]*", re.IGNORECASE)
_SHARE_OF = re.compile(r"(?:share|percent(?:age)?|%) of (.*)", re.IGNORECASE)


@dataclass(frozen=True)
class _Head:
    """What the words around a cell say: the periods they name, and whether its column is of changes."""

    sentence: Sentence
    changing: bool
    period: Period | None
    base: Period | None


def read_cell(text: str, passage: Passage, read: Callable[[str], Sentence]) -> tuple[Sentence, list[Scope]]:
    """Return a cell's numbers in its table's scale, and what each is of; `read` reads the words around it."""
    mentions = find_numbers(text, cell=True)
    if not passage.row and not passage.column:
        return Sentence(text, mentions, (), ()), [Scope("level")] * len(mentions)
    changing = bool(_CHANGING.search(passage.column))
    head = _head(read(f"{passage.row} ; {passage.column}"), changing)
    if _TOTAL.fullmatch(passage.row) and passage.headings:  # a total is of what its table is about
        head = replace(head, sentence=read(f"{passage.headings[-1].partition(' by ')[0]} ; {passage.column}"))
    mentions = [_stated(mention, passage) for mention in mentions]
    return Sentence(text, mentions, (), ()), [_scope(mention, head) for mention in mentions]


def _stated(mention: NumberMention, passage: Passage) -> NumberMention:
    """Return a cell's number in the unit and scale that its row, column or table gives it."""
    if _PER_SHARE.search(passage.row):
        mention = per_share(mention)
    elif not UNSCALED.search(passage.row):
        mention = scaled(mention, _scale(passage))
    if _PERCENT_COLUMN.search(passage.column) or _PERCENT_ROW.search(passage.row):
        mention = as_percent(mention)
    return mention


def _scale(passage: Passage) -> int:
    around = (passage.column, passage.row, passage.caption, *reversed(passage.headings))
    return next((scale for text in around if (scale := scale_of(text)) > 1), 1)


def _head(sentence: Sentence, changing: bool) -> _Head:
    periods = [period for _, _, period in sentence.periods]
    if changing and len(periods) == 2:
        first, second = sorted(periods, key=lambda p: p.fiscal_year or 0)
        return _Head(sentence, changing, second, first)
    return _Head(sentence, changing, periods[-1] if periods else None, None)


def _scope(mention: NumberMention, head: _Head) -> Scope:
    words = head.sentence
    share = _SHARE_OF.search(words.text)
    if mention.unit == "fraction" and not head.changing and share:
        part, whole = words.phrase(0, share.start()), words.phrase(share.start(1), len(words.text))
        return Scope("share", phrases=(part,), of=whole, period=head.period)
    kinds = {"fraction": "growth" if head.changing else "level", "points": "points"}
    kind = kinds.get(mention.unit, "change" if head.changing else "level")
    phrase = words.phrase(0, len(words.text))
    return Scope(kind, phrases=(phrase,), period=head.period, base=head.base)
