"""Reads what a number in a sentence is a number of: the phrase beside it, its kind, direction and period."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipelines.ledger.match_periods import FROM, compares, give_periods, pair_lists
from pipelines.ledger.match_sentence import EMPTY, Phrase, Scope, Sentence
from pipelines.ledger.numbers import NumberMention

__all__ = ["LOST", "Phrase", "Scope", "Sentence", "compares", "direction_to", "implied", "read_scopes"]

_UP = (
    "rose|rise|rises|rising|risen|grew|grow|grows|growing|grown|growth|increased?|increases|increasing|up|gain|"
    "gains|gained|gaining|climb(?:ed|s|ing)?|jump(?:ed|s|ing)?|"
    "surg(?:ed|es|e|ing)|expand(?:ed|s|ing)?|expansion|improved?|improvement|advanced?|soar(?:ed)?|higher|added|"
    "adding|more|"
    "above|larger|bigger|accelerat\\w+|greater|rally|rallied"
)
_DOWN = (
    "fell|fall|falls|falling|fallen|declin(?:ed|es|e|ing)|decreas(?:ed|es|e|ing)|down|dropp?(?:ed|s|ing)?|shrank|"
    "shr[iu]nk|slipp?(?:ed|s|ing)?|"
    "narrowed|contracted|contraction|dipp?(?:ed|s)?|eas(?:ed|es)|reduced|reduction|lower(?:ed)?|slid|slide|tumbled?|"
    "less|smaller|fewer|below|shed|lost|worse|plunged?|retreated"
)
_CHANGE_BEFORE = re.compile(
    rf"\b(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\s+(?:by\s+|of\s+|in\s+\w+\s+of\s+|approximately\s+|about\s+|"
    rf"roughly\s+|nearly\s+|almost\s+|"
    r"around\s+|some\s+|more\s+than\s+|over\s+|just\s+|only\s+|just\s+over\s+|just\s+under\s+|an?\s+|a\s+further\s+|"
    r"another\s+|slightly\s+|modestly\s+|sharply\s+|year[- ]over[- ]year\s+(?:by\s+)?|"
    r"year[- ]on[- ]year\s+(?:by\s+)?|at\s+(?:a|an)\s+)*$",
    re.IGNORECASE,
)
_COMPARATIVE = (
    r"\b(?:less|more|above|below|greater|higher|lower|larger|bigger|smaller|fewer|worse|up|down|added|adding|lost)\b"
)
_LOOSE_BEFORE = re.compile(
    rf"\b(?:(?P<up>(?!{_COMPARATIVE})(?:{_UP}))|"
    rf"(?P<down>(?!{_COMPARATIVE})(?:{_DOWN})))\b(?P<between>[^,;.%$]*?)\b(?:by|of)\s+"
    r"(?:about\s+|roughly\s+|approximately\s+|nearly\s+)?$",
    re.IGNORECASE,
)
_CHANGE_AFTER = re.compile(
    r"^\s*(?:year[- ]over[- ]year\s+|year[- ]on[- ]year\s+|yoy\s+|annual\s+|[\w]+ly\s+)?"
    r"\b(?:(?P<up>increase|rise|growth|gain|jump|improvement|expansion|higher|more(?=\s+than|\s*[.,;)]|$)|up|"
    r"greater|larger|above|climb|surge|advance)|"
    r"(?P<down>decrease|decline|drop|fall|reduction|contraction|lower|less(?=\s+than|\s*[.,;)]|$)|down|fewer|"
    r"smaller|below|dip|slide))\b",
    re.IGNORECASE,
)
_YOY_AFTER = re.compile(r"^\s*(?:year[- ]over[- ]year|year[- ]on[- ]year|yoy|y/y)\b", re.IGNORECASE)
_TO = re.compile(r"\b(?:to|at|reach(?:ed|ing)?|hit(?:ting)?|of only)\s*$", re.IGNORECASE)
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
    r"[,;:()\u2014]|\.(?=\s|$)|\b(?:from|to|up|down|compared|versus|vs|while|as|due|driven|which|that|after|"
    r"before|but|than|over|"
    r"against|less|plus|minus|with|thanks|reflecting|helped|because|since|during|when|where|and|or|was|were|is|"
    r"are|rose|fell|grew|"
    r"increased|decreased|declined|year|at|led|despite|primarily|mainly|partly|offset|through|until|ended|ending|by)\b",
    re.IGNORECASE,
)
_ASIDE_START = re.compile(
    r"^\s*(?:driven|due|thanks|reflecting|helped|led|because|primarily|mainly|partly|offset|despite|boosted|"
    r"supported|fuel+ed|largely|as\s+(?!a\b|of\b)|which|who|owing)\b",
    re.IGNORECASE,
)
_INTRO = re.compile(r"^\s*(?:and\s+|but\s+)?(?:in|for|at|across|within|among|on|by|from)\b", re.IGNORECASE)


_WENT_TO = re.compile(
    rf"\b(?:(?P<up>{_UP})|(?P<down>{_DOWN}))\s+(?:\w+ly\s+)?to\s*(?:about\s+|nearly\s+)?$", re.IGNORECASE
)


def direction_to(left: str) -> int:
    """Return the direction that the words before a level say it moved in: "fell to" is -1, 0 when they say none."""
    found = _WENT_TO.search(left.rstrip(" $€£("))
    return 0 if not found else (1 if found["up"] else -1)


def read_scopes(sentence: Sentence) -> list[Scope]:
    """Return the scope of each mention of a sentence, in order."""
    scopes: list[Scope] = []
    for index in range(len(sentence.mentions)):
        scopes.append(_read(sentence, index, scopes))
    scopes = pair_lists(sentence, scopes)
    return give_periods(sentence, scopes)


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
    elif mention.unit == "fraction" and kind == "level" and _OF_TOTAL.match(after):
        kind = "share"
    elif mention.unit == "fraction" and kind == "level" and earlier and own.empty and beyond.empty:
        previous = sentence.mentions[index - 1]
        if earlier[-1].kind == "level" and len(previous.unit) == 3 and _OR_SHARE.fullmatch(left):
            kind = "share"
    elif mention.unit == "fraction" and kind == "level" and beyond.empty and _listed_share(left, own, earlier):
        kind, of = "share", earlier[-1].of
    if mention.unit == "fraction" and kind == "level" and re.match(r"\s*to\s+[$€£]", after):
        grown = next((s for s in reversed(earlier) if s.kind == "growth"), None)
        if grown is not None:
            kind, direction = "growth", grown.direction  # "revenue rose 7% to £1.2bn and profit 17.8% to £125m"
    lead = _label(sentence, mention.start)
    phrases: list[Phrase] = []
    part = re.search(r"\b(?:of which|of that|including|of these)\b[^,;]*$", left, re.IGNORECASE)
    inherited = None if part else _inherited(sentence, index, left, earlier)
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
    if not lead.empty:
        phrases = [p if lead.inside <= p.inside else lead | p for p in phrases] or [lead]
    loss = bool(_LOSS.search(left[-60:]) or _LOSS.search(text[mention.end : right_end]))
    part = part or re.match(r"\s*of\s+(?:them|these|it|which|that)\b", after)
    return Scope(kind, direction, loss, tuple(phrases), of, left=left, right=after, part=part is not None)


_OF_TOTAL = re.compile(r"\s*of\s+(?:the|its)\s+total\b(?!\s+\w)", re.IGNORECASE)
_OR_SHARE = re.compile(
    r"\s*(?:of\s+(?:net\s+)?(?:revenue|sales))?,?\s*\(?(?:or\s+)?(?:about|roughly|some)?\s*", re.IGNORECASE
)


def _listed_share(left: str, own: Phrase, earlier: Sequence[Scope]) -> bool:
    """Say whether a percentage goes on with a list of shares: "Americas made up 43% of sales, Greater China 18.8%"."""
    listed = bool(earlier) and earlier[-1].kind == "share" and not own.concepts
    return listed and bool(re.search(r",\s*(?:and\s+)?[\w ]*$", left))


_EARNED = re.compile(r"\bearned\s*(?:about|nearly|some|roughly)?\s*$", re.IGNORECASE)
LOST = re.compile(r"\blost\s*(?:about|nearly|some|roughly)?\s*$", re.IGNORECASE)
_ELLIPSIS = re.compile(
    r"^\s*(?:(?:it|they|this|that)\b|[A-Z][\w&. ]*[’']s?\s+(?:was|were|grew|rose|fell)\b)", re.IGNORECASE
)
_NET_INCOME = Phrase(frozenset({"net_income"}), (), frozenset({"net", "income"}))


def implied(text: str, scope: Scope, earlier: Sequence[Scope], topic: Phrase | None) -> Phrase | None:
    """Return the measure that a number's words leave out: "earned $5" is net income, "Costco's grew" the last topic.

    `earlier` are the scopes before it in the sentence, `topic` what the sentence before was about.
    """
    lead = scope.left.rstrip(" $€£~")
    if scope.kind == "level" and (_EARNED.search(lead) or LOST.search(lead)):
        return _NET_INCOME
    if earlier and earlier[-1].phrases and earlier[-1].kind == scope.kind:
        return earlier[-1].phrases[0]
    return topic if not earlier and _ELLIPSIS.match(text) else None


def _label(sentence: Sentence, at: int) -> Phrase:
    """Return the words of a label that opens a list of measures: "Intelligent Cloud: revenue $75, income $33"."""
    match = re.match(r"[^.;:,()]{2,60}:\s", sentence.masked)
    if match is None or match.end() > at or any(m.start < match.end() for m in sentence.mentions):
        return EMPTY
    return sentence.phrase(0, match.end())


def _left_begin(sentence: Sentence, index: int) -> int:
    """Return where the words that may lead to a number start: after the previous number and what belongs to it."""
    if index == 0:
        return 0
    previous, mention = sentence.mentions[index - 1], sentence.mentions[index]
    if re.match(r"\s*(?:of|in|per|for)\b", sentence.text[previous.end : mention.start]):
        end = _right_end(sentence, index - 1)
        if end < mention.start:
            return end
    counted = previous.unit in ("count", "shares") or _FEET.match(sentence.text[previous.end :])
    if counted or _opens(sentence, index - 1):  # what follows such a number is what it counts
        joints = [
            m.end()
            for m in _JOINT.finditer(sentence.masked, previous.end, mention.start)
            if not sentence.protected(m.start())
        ]
        return joints[0] if joints else previous.end
    return previous.end


_JOINT = re.compile(r"[,;]|\b(?:and|with|while|but|from)\b", re.IGNORECASE)
_FEET = re.compile(r"\s*(?:\w+\s)?square\s+f(?:ee|oo)t\b", re.IGNORECASE)


def _opens(sentence: Sentence, index: int) -> bool:
    """Say whether a number opens its clause: "$32.7 billion went into share repurchases and …"."""
    begin = sentence.mentions[index - 1].end if index else 0
    lead = sentence.text[begin : sentence.mentions[index].start]
    if index and _opens(sentence, index - 1):
        return sentence.phrase(_left_begin(sentence, index), sentence.mentions[index].start).empty
    return index == 0 and not re.search(r"\w", lead)


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


def _inherited(sentence: Sentence, index: int, left: str, earlier: Sequence[Scope]) -> Phrase | None:
    """Return what a number before is of; one that is compared with it has its unit ("$5, or $2 a share, after $4")."""
    unit = sentence.mentions[index].unit
    alike = compares(left) and any(sentence.mentions[at].unit == unit for at in range(index))
    paired = index >= 3 and re.fullmatch(r"\s*or\s*", left) and compares(earlier[-1].left)
    if paired and earlier[index - 2].phrases:  # "$5, or $2 a share, after $4 or $1"
        return earlier[index - 2].phrases[0]
    for at, scope in reversed(list(enumerate(earlier))):
        if scope.phrases and not (alike and sentence.mentions[at].unit != unit):
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
            r"\b(?:or|was|were|about|at|for|up|made|is|equal|equaled|to|represented|representing|accounted|"
            r"accounting|comprised)\s*$",
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
    if _TO.search(tail) or (FROM.search(tail) and not points):
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
        and len(left.strip(" ,(or")) < 4
    ):
        return changing, previous.direction
    if percent and re.search(r"\(\s*[+]$|\s[+]$", left) and previous is not None:  # "$198.3bn (+18%)"
        return "growth", 0
    if points:
        return "points", 0
    if percent and re.search(r"\b(?:growth|change)(?:\s+rate)?\s*(?:was|of|at|stood at|came in at|:)?\s*$", tail, re.I):
        return "growth", 0
    return "level", 0
