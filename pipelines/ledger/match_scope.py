"""Reads what a number in a sentence is a number of: the phrase beside it, its kind, direction and period."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from pipelines.ledger.match_words import STOP, Token, is_neutral, stem, tokens
from pipelines.ledger.not_numbers import blank_out
from pipelines.ledger.numbers import NumberMention
from tieout.model import Period

Named = tuple[int, int, str]  # start, end, concept

_UP = (
    "rose|rise|rises|rising|risen|grew|grow|grows|growing|grown|growth|increased?|increases|increasing|up|gain|gains|gained|gaining|climb(?:ed|s|ing)?|jump(?:ed|s|ing)?|"
    "surg(?:ed|es|e|ing)|expand(?:ed|s|ing)?|expansion|improved?|improvement|advanced?|soar(?:ed)?|higher|added|adding|more|"
    "above|larger|bigger|accelerat\\w+|greater|rally|rallied"
)
_DOWN = (
    "fell|fall|falls|falling|fallen|declin(?:ed|es|e|ing)|decreas(?:ed|es|e|ing)|down|dropp?(?:ed|s|ing)?|shrank|shr[iu]nk|slipp?(?:ed|s|ing)?|"
    "narrowed|contracted|contraction|dipp?(?:ed|s)?|eas(?:ed|es)|reduced|reduction|lower(?:ed)?|slid|slide|tumbled?|"
    "less|smaller|fewer|below|shed|lost|worse|plunged?|retreated"
)
_CHANGE_BEFORE = re.compile(
    rf"\b(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\s+(?:by\s+|of\s+|in\s+\w+\s+of\s+|approximately\s+|about\s+|roughly\s+|nearly\s+|almost\s+|"
    r"around\s+|some\s+|more\s+than\s+|over\s+|just\s+|only\s+|just\s+over\s+|just\s+under\s+|an?\s+|a\s+further\s+|"
    r"another\s+|slightly\s+|modestly\s+|sharply\s+|year[- ]over[- ]year\s+(?:by\s+)?|year[- ]on[- ]year\s+(?:by\s+)?|at\s+(?:a|an)\s+)*$",
    re.IGNORECASE,
)
_COMPARATIVE = (
    r"\b(?:less|more|above|below|greater|higher|lower|larger|bigger|smaller|fewer|worse|up|down|added|adding|lost)\b"
)
_LOOSE_BEFORE = re.compile(
    rf"\b(?:(?P<up>(?!{_COMPARATIVE})(?:{_UP}))|(?P<down>(?!{_COMPARATIVE})(?:{_DOWN})))\b(?P<between>[^,;.%$]*?)\b(?:by|of)\s+"
    r"(?:about\s+|roughly\s+|approximately\s+|nearly\s+)?$",
    re.IGNORECASE,
)
_CHANGE_AFTER = re.compile(
    rf"^\s*(?:year[- ]over[- ]year\s+|year[- ]on[- ]year\s+|yoy\s+|annual\s+|[\w]+ly\s+)?"
    rf"\b(?:(?P<up>increase|rise|growth|gain|jump|improvement|expansion|higher|more(?=\s+than|\s*[.,;)]|$)|up|greater|larger|above|climb|surge|advance)|"
    r"(?P<down>decrease|decline|drop|fall|reduction|contraction|lower|less(?=\s+than|\s*[.,;)]|$)|down|fewer|smaller|below|dip|slide))\b",
    re.IGNORECASE,
)
_YOY_AFTER = re.compile(r"^\s*(?:year[- ]over[- ]year|year[- ]on[- ]year|yoy|y/y)\b", re.IGNORECASE)
_TO = re.compile(r"\b(?:to|at|reach(?:ed|ing)?|hit(?:ting)?|of only)\s*$", re.IGNORECASE)
_FROM = re.compile(
    r"\b(?:from|versus|vs\.?|against|compared (?:with|to)|relative to|than|after|following)\s*(?:\w+\s){0,2}?$", re.I
)
_SHARE_AFTER = re.compile(
    r"^\s*(?:percent\s+)?of\s+(?:(?:its|the|their|our|all|company|company’s|company's|total|consolidated|overall)\s+)*",
    re.I,
)
_RATIO_WORDS = re.compile(r"\bas an?\s+(?:percentage|percent|share|proportion|%)\s+of\s+", re.IGNORECASE)
_LOSS = re.compile(r"\b(?:loss(?:es)?|deficit|outflow|negative|lost)\b", re.IGNORECASE)
_STRONG = re.compile(
    r";|\s[\u2013\u2014]\s|\u2014|\bwhile\b|\bwhereas\b|\bbut\b|\balthough\b|\bthough\b|\bwhereby\b",
    re.IGNORECASE,
)
_STOP_RIGHT = re.compile(
    r"[,;:()\u2014]|\.(?=\s|$)|\b(?:from|to|up|down|compared|versus|vs|while|as|due|driven|which|that|after|before|but|than|over|"
    r"against|less|plus|minus|with|thanks|reflecting|helped|because|since|during|when|where|and|or|was|were|is|are|rose|fell|grew|"
    r"increased|decreased|declined|year|at|led|despite|primarily|mainly|partly|offset|through|until|ended|ending|by)\b",
    re.IGNORECASE,
)
_ASIDE_START = re.compile(
    r"^\s*(?:driven|due|thanks|reflecting|helped|led|because|primarily|mainly|partly|offset|despite|boosted|"
    r"supported|fuel+ed|largely|as\s+(?!a\b|of\b)|which|who|owing)\b",
    re.IGNORECASE,
)
_INTRO = re.compile(r"^\s*(?:and\s+|but\s+)?(?:in|for|at|across|within|among|on|by|from)\b", re.IGNORECASE)


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


def read_scopes(sentence: Sentence) -> list[Scope]:
    """Return the scope of each mention of a sentence, in order."""
    scopes: list[Scope] = []
    for index in range(len(sentence.mentions)):
        scopes.append(_read(sentence, index, scopes))
    scopes = _respectively(sentence, scopes)
    return _periods(sentence, scopes)


def _read(sentence: Sentence, index: int, earlier: Sequence[Scope]) -> Scope:
    mention = sentence.mentions[index]
    text = sentence.text
    begin = _left_begin(sentence, index)
    left, right_end = text[begin : mention.start], _right_end(sentence, index)
    right = text[mention.end : right_end]
    after = text[mention.end : sentence.mentions[index + 1].start if index + 1 < len(sentence.mentions) else len(text)]
    # A company's name may hold a verb ("Advanced Micro Devices").
    spoken = "".join(
        " " if any(s <= begin + i < e for s, e in sentence.hidden) else char for i, char in enumerate(left)
    )
    kind, direction = _kind(mention, spoken, after, earlier[-1] if earlier else None)
    own_start = _segment_start(sentence, begin, mention.start)
    own = sentence.phrase(own_start, mention.start)
    if own_start > begin and not own.empty:
        own = own | _intro(sentence, begin, own_start)
    of: Phrase | None = None
    beyond = sentence.phrase(mention.end, right_end)
    ratio = _RATIO_WORDS.search(left)
    if ratio and mention.unit in ("fraction", "points"):
        cut = begin + ratio.start()
        of = sentence.phrase(begin + ratio.end(), mention.start)
        own, beyond = sentence.phrase(own_start, cut), EMPTY
        kind = "share" if kind == "level" else kind
    elif mention.unit == "fraction" and _SHARE_AFTER.match(after) and not beyond.empty and kind == "level":
        of, beyond, kind = beyond, EMPTY, "share"
    phrases: list[Phrase] = []
    part = re.search(r"\b(?:of which|of that|including|of these)\b[^,;]*$", left, re.IGNORECASE)
    inherited = None if part else _inherited(earlier)
    if part and own.empty and beyond.empty:  # "of which $3.3 billion went to remodels"
        stop = re.search(r"[,;.](?=\s|$)", sentence.masked[mention.end :])
        beyond = sentence.phrase(mention.end, mention.end + stop.start() if stop else len(text))
    if not own.empty or not beyond.empty:
        phrases.append(own | beyond)
        if not own.empty and not beyond.empty and not re.match(r"\s*(?:of|in)\b", right):
            phrases.append(own)
        if own.empty and inherited is not None:
            phrases += [inherited | beyond]
        elif not own.empty and not own.concepts and inherited is not None and not beyond.concepts:
            phrases.append(own | beyond | Phrase(inherited.concepts, (), inherited.inside, spelled=inherited.spelled))
    elif inherited is not None:
        phrases.append(inherited)
        if kind == "level" and mention.unit == "fraction" and earlier and earlier[-1].kind == "share":
            kind, of = "share", earlier[-1].of  # "8.9% of net sales, down from 9.7%"
    loss = bool(_LOSS.search(left[-60:]) or _LOSS.search(text[mention.end : right_end]))
    return Scope(kind, direction, loss, tuple(phrases), of, left=left, right=after)


def _left_begin(sentence: Sentence, index: int) -> int:
    """Return where the words that may lead to a number start: after the previous number and what belongs to it."""
    if index == 0:
        return 0
    previous, mention = sentence.mentions[index - 1], sentence.mentions[index]
    if re.match(r"\s*(?:of|in|per|for)\b", sentence.text[previous.end : mention.start]):
        end = _right_end(sentence, index - 1)
        if end < mention.start:
            return end
    return previous.end


def _right_end(sentence: Sentence, index: int) -> int:
    """Return where the words after a number stop belonging to it."""
    mention = sentence.mentions[index]
    limit = sentence.mentions[index + 1].start if index + 1 < len(sentence.mentions) else len(sentence.text)
    for match in _STOP_RIGHT.finditer(sentence.masked, mention.end, limit):
        if not sentence.protected(match.start()):
            if match[0].lower() in ("and", "or") and not sentence.text[mention.end : match.start()].strip():
                return match.start()
            return match.start()
    # what stands directly before the next number belongs to that one ("$5 in cash, debt of $3")
    return limit


def _segment_start(sentence: Sentence, begin: int, end: int) -> int:
    """Return where the clause that leads to a number starts: after the last comma that leaves it a measure."""
    cuts = [begin]
    for match in re.finditer(
        r"[,;:()]|\s[\u2013\u2014-]\s|\u2014|\b(?:while|whereas|but|although|though|because)\b",
        sentence.masked[begin:end],
        re.I,
    ):
        if not sentence.protected(begin + match.start()):
            cuts.append(begin + match.end())
    strong = [
        begin + m.end()
        for m in _STRONG.finditer(sentence.masked[begin:end])
        if not sentence.protected(begin + m.start())
    ]
    floor = strong[-1] if strong else begin
    for cut in reversed(cuts):
        if cut < floor:
            break
        piece = sentence.text[cut:end]
        if not sentence.phrase(cut, end).empty and not _ASIDE_START.match(piece):
            return cut
    return max(cuts[0], floor)


def _intro(sentence: Sentence, begin: int, start: int) -> Phrase:
    """Return the words of "In Greater China," and "For iPhone," before a clause."""
    piece = sentence.text[begin:start]
    if not _INTRO.match(piece) or piece.count(",") > 1:
        return EMPTY
    return sentence.phrase(begin, start)


def _inherited(earlier: Sequence[Scope]) -> Phrase | None:
    for scope in reversed(earlier):
        if scope.phrases:
            return scope.phrases[0]
    return None


def _kind(mention: NumberMention, left: str, after: str, previous: Scope | None) -> tuple[str, int]:
    """Return the kind of number and the direction that its words give."""
    tail = re.sub(
        r"(?:about|roughly|approximately|around|nearly|almost|some|just|only|a|an|~)\s*$",
        "",
        left.rstrip(" ($€£~"),
        flags=re.I,
    ).rstrip()
    tail += " "
    percent, points = mention.unit == "fraction", mention.unit == "points"
    changing = "points" if points else ("growth" if percent else "change")
    if (
        percent
        and _SHARE_AFTER.match(after)
        and re.search(
            r"\b(?:or|was|were|about|at|for|up|made|is|equal|equaled|to|represented|representing|accounted|accounting|comprised)\s*$",
            tail,
            re.I,
        )
    ):
        return "level", 0
    found = _CHANGE_BEFORE.search(tail)
    if found and not re.search(
        r"\b(?:more|less|greater|above|below)\s+than\s*$|\b(?:over|above|below)\s*$", tail, re.I
    ):
        return changing, 1 if found["up"] else -1
    if _TO.search(tail) or (_FROM.search(tail) and not points):
        return "level", 0
    found = _LOOSE_BEFORE.search(tail)
    if found and not re.search(r"\b(?:to|reached|revenue|sales|income|margin)\b", found["between"], re.I):
        return changing, 1 if found["up"] else -1
    found = _CHANGE_AFTER.match(after)
    if found:
        return changing, 1 if found["up"] else -1
    if _YOY_AFTER.match(after) and (percent or points):
        return changing, 0
    if (
        re.search(r"\bor\s*$|\(\s*$|/\s*$", left, re.I)
        and previous is not None
        and previous.kind in ("growth", "change", "points")
    ):
        if len(left.strip(" ,(or")) < 4:
            return changing, previous.direction
    if points:
        return "points", 0
    if percent and re.search(r"\b(?:growth|change)(?:\s+rate)?\s*(?:was|of|at|stood at|came in at|:)?\s*$", tail, re.I):
        return "growth", 0
    return "level", 0


# ---------------------------------------------------------------- lists and periods

_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
_BETWEEN_ITEMS = re.compile(r"[\s,()$€£]*(?:and|or|to)?[\s,()$€£]*(?:about|approximately|roughly)?\s*$", re.IGNORECASE)
_BASE_BEFORE = re.compile(
    r"\b(?:from|over|versus|vs\.?|against|compared\s+(?:with|to)|relative\s+to|than|since)\s+(?:(?:fiscal|the|year|level|in|that|of|its|same|period)\s+)*$",
    re.I,
)
_PRIOR = re.compile(
    r"\b(?:(?:a|one)\s+year\s+(?:earlier|ago|before)|(?:the\s+)?(?:prior|previous|preceding|year-ago|last)\s+(?:fiscal\s+)?year|"
    r"year-ago|the\s+year\s+before|(?:the\s+)?(?:prior|previous|preceding|year-ago)[- ](?:year\s+)?(?:period|level|figure)|"
    r"prior[- ]year(?:\s+\w+)?)\b",
    re.IGNORECASE,
)


def _respectively(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
    """Give the n-th number of a "respectively" list the n-th measure or period."""
    marker = _RESPECTIVELY.search(sentence.text)
    if not marker:
        return _unsaid(sentence, scopes)
    numbers = [i for i, m in enumerate(sentence.mentions) if m.start < marker.start()]
    group: list[int] = []
    for i in reversed(numbers):
        if group and not _BETWEEN_ITEMS.fullmatch(
            sentence.text[sentence.mentions[i].end : sentence.mentions[group[0]].start]
        ):
            break
        group.insert(0, i)
    if len(group) < 2:
        return scopes
    first, last = sentence.mentions[group[0]], sentence.mentions[group[-1]]
    result = list(scopes)
    size = len(group)
    for low, high in ((last.end, marker.start()), (0, first.start)):
        periods = _run_of_periods(sentence, low, high, size)
        if len(periods) == size:
            for place, i in enumerate(group):
                lead = result[group[0]]
                result[i] = replace(lead, period=periods[place], right="", left=lead.left if place == 0 else "")
            return result
    parts = _list_items(sentence, 0, first.start, size) or _list_items(sentence, last.end, marker.start(), size)
    if parts:
        lead = result[group[0]]
        for place, i in enumerate(group):
            result[i] = replace(lead, phrases=(parts[place],), of=lead.of, left="" if place else lead.left)
    return result


def _unsaid(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
    """Pair "$76.7 billion and $83.5 billion in 2021 and 2022", where "respectively" is left out."""
    mentions = sentence.mentions
    for index in range(len(mentions) - 1):
        first, second = mentions[index], mentions[index + 1]
        if not re.fullmatch(r"\s*and\s*", sentence.text[first.end : second.start]) or first.unit != second.unit:
            continue
        limit = mentions[index + 2].start if index + 2 < len(mentions) else len(sentence.text)
        after = [p for p in sentence.periods if second.end <= p[0] < limit]
        if len(after) != 2 or not re.fullmatch(r"\s*(?:in|for|at|as of)\s*", sentence.text[second.end : after[0][0]]):
            continue
        if re.fullmatch(r"\s*and\s*", sentence.text[after[0][1] : after[1][0]]):
            result = list(scopes)
            result[index] = replace(scopes[index], period=after[0][2], right="")
            result[index + 1] = replace(scopes[index], period=after[1][2], left="", right="")
            return result
    return scopes


def _run_of_periods(sentence: Sentence, low: int, high: int, size: int) -> list[Period]:
    inside = [p for p in sentence.periods if low <= p[0] and p[1] <= high]
    return [p[2] for p in inside][-size:] if len(inside) == size else []


def _list_items(sentence: Sentence, low: int, high: int, size: int) -> list[Phrase]:
    """Return the phrases of "Americas, Europe and Japan net sales" when they are as many as the numbers."""
    pieces, start = [], low
    for match in re.finditer(r",\s*(?:and\s+)?|\s+and\s+", sentence.text[low:high]):
        if sentence.protected(low + match.start() + 1) or sentence.protected(low + match.end() - 1):
            continue
        pieces.append((start, low + match.start()))
        start = low + match.end()
    pieces.append((start, high))
    phrases = [phrase for s, e in pieces if not (phrase := sentence.phrase(s, e)).empty]
    if len(phrases) != size:
        return []
    shared: frozenset[str] = phrases[-1].concepts or phrases[0].concepts
    if shared and sum(1 for p in phrases if p.concepts) == 1:
        donor = phrases[-1] if phrases[-1].concepts else phrases[0]
        extra = Phrase(
            donor.concepts, (), frozenset(stem(w) for w in ()) | donor.inside - {t.stem for t in donor.words}
        )
        phrases = [p if p.concepts else p | extra for p in phrases]
    return phrases


def _periods(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
    """Give each scope its period: after the number, before it, else the nearest in the sentence."""
    result: list[Scope] = []
    mentions = sentence.mentions
    pair = _from_to(sentence)
    for index, scope in enumerate(scopes):
        if scope.period is not None:
            result.append(scope)
            continue
        mention = mentions[index]
        begin = mentions[index - 1].end if index else 0
        until = mentions[index + 1].start if index + 1 < len(mentions) else len(sentence.text)
        base = None
        own: list[Period] = []
        before: list[Period] = []
        for start, end, period in sentence.periods:
            is_base = bool(_BASE_BEFORE.search(sentence.text[:start]))
            if mention.end <= start < until:
                gap = sentence.text[mention.end : start]
                if is_base and (
                    scope.kind in ("growth", "change", "points") or not re.match(r"\s*(?:in|for)?\s*$", gap)
                ):
                    base = base or (period if scope.kind != "level" else None)
                elif not _introduces_next(sentence, index, start, gap, end, until):
                    own.append(period)
            elif begin <= start < mention.start:
                if is_base and scope.kind in ("growth", "change", "points"):
                    base = period
                elif not (
                    index
                    and re.match(
                        r"^\s*(?:in|for|at|as of|on|during)?\s*(?:the\s+)?(?:fiscal\s+)?(?:year\s+)?$",
                        sentence.text[begin:start],
                        re.I,
                    )
                    and _belongs_left(sentence, index, start)
                ):
                    before.append(period)
        prior = 0
        tail = sentence.text[mention.end : until]
        lead = sentence.text[begin : mention.start]
        told = (
            _PRIOR.search(tail)
            if not re.search(
                r"[;]|\bwhile\b|\bcompared\b|\bfrom\b|\bversus\b|\bthan\b|\bover\b|\bup\b|\bdown\b",
                tail[: (m.start() if (m := _PRIOR.search(tail)) else 0)],
                re.I,
            )
            else None
        )
        if scope.kind == "level" and told is not None and index + 1 <= len(mentions):
            prior = 1
        elif scope.kind == "level" and _PRIOR.search(lead) and not _belongs_left(sentence, index, begin):
            prior = 1
        chosen = own[0] if own else (before[-1] if before else None)
        if (
            chosen is None
            and scope.kind == "level"
            and not prior
            and re.search(r"\bfrom\s*(?:about\s|roughly\s)?$", lead.rstrip("$€£( ") + " ", re.I)
        ):
            prior = 1
        if pair is not None and scope.kind != "level" and chosen is None:
            base, chosen = pair
        result.append(replace(scope, period=chosen, base=base, prior=prior if chosen is None else 0))
    return _spread(sentence, result)


def compares(left: str) -> bool:
    """Say whether the words before a number make it one that is only compared with ("up from")."""
    return bool(_FROM.search(left.rstrip(" $€£(") + " "))


def _from_to(sentence: Sentence) -> tuple[Period, Period] | None:
    """Return (base, period) of "from 2020 to 2022" and "between 2020 and 2022"."""
    for (_, end, first), (start, _, second) in zip(sentence.periods, sentence.periods[1:], strict=False):
        lead = sentence.text[: sentence.periods[0][0]]
        joined = re.fullmatch(r"\s*(?:to|and|through)\s+(?:fiscal\s+)?", sentence.text[end:start], re.I)
        if joined and re.search(r"\b(?:from|between)\s+(?:fiscal\s+)?$", lead, re.I):
            return first, second
    return None


def _introduces_next(sentence: Sentence, index: int, start: int, gap: str, end: int, until: int) -> bool:
    """Say whether a period after a number opens the next clause: "…; in 2021, it was $5"."""
    if index + 1 >= len(sentence.mentions):
        return False
    if re.search(r"[;]|\bwhile\b|\bwhereas\b|\bcompared\b|\bversus\b|\bvs\b|\bfrom\b|\bbut\b", gap, re.I):
        return True
    return (
        bool(re.search(r",", gap))
        and not re.match(r"\s*,?\s*(?:in|for)\s", gap)
        or bool(re.search(r"\band\b.*\bin\b", gap, re.I))
    )


def _belongs_left(sentence: Sentence, index: int, start: int) -> bool:
    """Say whether what follows the previous number directly is that number's ("$394 in 2022 and $366 …")."""
    previous = sentence.mentions[index - 1] if index else None
    return previous is not None and not re.search(r"[;]|\bwhile\b", sentence.text[previous.end : start])


def _owned_by_comparison(sentence: Sentence, start: int, index: int) -> bool:
    """Say whether a period is that of another number which is only compared with ("up from 41.8% in 2021")."""
    owner = next((i for i in range(len(sentence.mentions) - 1, -1, -1) if sentence.mentions[i].end <= start), None)
    if owner is None or owner == index:
        return False
    mention = sentence.mentions[owner]
    gap = sentence.text[sentence.mentions[owner - 1].end if owner else 0 : mention.start]
    if re.match(
        r"[\s,]*(?:(?:up|down)\s+)?(?:from|versus|vs|against|compared|relative|than|after|following)\b", gap, re.I
    ):
        return True
    low = sentence.mentions[owner - 1].end if owner else 0
    return bool(_FROM.search(sentence.text[low : mention.start].rstrip(" $€£(") + " "))


def _spread(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
    """Give scopes without a period the sentence's: the last before them, else the first after."""
    result: list[Scope] = []
    for index, scope in enumerate(scopes):
        if scope.period is not None:
            result.append(scope)
            continue
        at = sentence.mentions[index].start
        main = [
            (s, p)
            for s, _, p in sentence.periods
            if not _BASE_BEFORE.search(sentence.text[:s]) and not _owned_by_comparison(sentence, s, index)
        ]
        before = [p for s, p in main if s < at]
        after = [p for s, p in main if s > at]
        if scope.prior or not main:
            pick = before[-1] if before else (after[0] if after and not scope.prior else None)
        else:
            lead = [s.period for s in result if s.period is not None and s.kind != "none"]
            pick = (
                before[0]
                if before and sentence.periods[0][0] < sentence.mentions[0].start
                else (after[0] if after else (before[-1] if before else (lead[-1] if lead else None)))
            )
        result.append(replace(scope, period=pick))
    return result
