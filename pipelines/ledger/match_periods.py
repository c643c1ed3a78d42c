"""Gives the numbers of a sentence their periods, and pairs the lists that "respectively" joins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from pipelines.ledger.match_book import Entity
from pipelines.ledger.match_sentence import Phrase, Scope, Sentence
from tieout.model import Period

FROM = re.compile(
    r"\b(?:from|versus|vs\.?|against|compared (?:with|to)|relative to|than|after|following)\s*(?:\w+\s){0,2}?$", re.I
)

_RESPECTIVELY = re.compile(r"\brespectively\b", re.IGNORECASE)
_BETWEEN_ITEMS = re.compile(r"[\s,()$€£]*(?:and|or|to)?[\s,()$€£]*(?:about|approximately|roughly)?\s*$", re.IGNORECASE)
_BASE_BEFORE = re.compile(
    r"\b(?:from|over|versus|vs\.?|against|compared\s+(?:with|to)|relative\s+to|than|since)\s+(?:(?:fiscal|the|"
    r"year|level|in|that|of|its|same|period)\s+)*$",
    re.I,
)
_PRIOR = re.compile(
    r"\b(?:(?:a|one)\s+year\s+(?:earlier|ago|before)|(?:the\s+)?(?:prior|previous|preceding|year-ago|"
    r"last)\s+(?:fiscal\s+)?year|"
    r"year-ago|the\s+year\s+before|(?:the\s+)?(?:prior|previous|preceding|year-ago)[- ](?:year\s+)?(?:period|"
    r"level|figure)|"
    r"prior[- ]year(?:\s+\w+)?)\b",
    re.IGNORECASE,
)


_TWO_PRIOR = re.compile(r"\btwo\s+years\s+(?:earlier|before|ago|previously)\b", re.IGNORECASE)


_THE_SPAN = re.compile(
    r"\b(?:in|for|during)\s+(?P<span>the\s+(?:(?P<months>six|nine)[- ]months?(?:\s+period)?|(?P<quarter>quarter)))\b"
    r"(?!\s+(?:ended|ending|of|period|before|a\s+year|to))",
    re.IGNORECASE,
)


def spans_of_report(text: str, entity: Entity) -> list[tuple[int, int, Period]]:
    """Return the places where a text about a quarterly report says "in the quarter" or "in the nine months"."""
    newest = entity.documents[0] if entity.documents else None
    if newest is None or not newest.fiscal_quarter or newest.form == "10-K":
        return []
    found = []
    for match in _THE_SPAN.finditer(text):
        year, quarter, end = newest.fiscal_year, newest.fiscal_quarter, newest.period_end
        if match["quarter"]:
            period = Period("quarter", year, quarter, 3, None, end)
        elif {"six": 2, "nine": 3}[match["months"].lower()] == quarter:
            period = Period("months", year, None, 3 * quarter, None, end)
        else:
            continue
        found.append((match.start("span"), match.end("span"), period))
    return found


def _from_to_next(sentence: Sentence, index: int) -> bool:
    """Say whether a number is where another of its kind came from: "fell from 21% to 18%"."""
    mention, following = sentence.mentions[index], sentence.mentions[index + 1]
    lead = sentence.text[: mention.start].rstrip("$€£( ")
    gap = sentence.text[mention.end : following.start]
    return mention.unit == following.unit and lead.endswith((" from", " From")) and gap.strip("$€£ ") == "to"


def pair_lists(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
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
        before = [p for p in sentence.periods if (mentions[index - 1].end if index else 0) <= p[0] < first.start]
        if len(before) == 2 and re.fullmatch(r"\s*and\s*", sentence.text[before[0][1] : before[1][0]]):
            result = list(scopes)
            result[index] = replace(scopes[index], period=before[0][2], left="", right="")
            result[index + 1] = replace(scopes[index], period=before[1][2], left="", right="")
            return result
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
        extra = Phrase(donor.concepts, (), donor.inside - {t.stem for t in donor.words})
        phrases = [p if p.concepts else p | extra for p in phrases]
    return phrases


def give_periods(sentence: Sentence, scopes: list[Scope]) -> list[Scope]:
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
        beside = next(
            (p for _, e, p in sentence.periods if e <= mention.start and _beside(sentence.text[e : mention.start])),
            None,
        )
        if beside is not None and scope.kind == "level":  # "FY21 $365.8bn", "2021: $4.9 billion"
            result.append(replace(scope, period=beside))
            continue
        until = mentions[index + 1].start if index + 1 < len(mentions) else len(sentence.text)
        base = None
        own: list[Period] = []
        before: list[Period] = []
        for start, _, period in sentence.periods:
            is_base = bool(_BASE_BEFORE.search(sentence.text[:start]))
            if mention.end <= start < until:
                gap = sentence.text[mention.end : start]
                if is_base and (
                    scope.kind in ("growth", "change", "points") or not re.match(r"\s*(?:in|for)?\s*$", gap)
                ):
                    base = base or (period if scope.kind != "level" else None)
                elif not _introduces_next(sentence, index, gap) and (
                    not _in_aside(sentence, start) or _inside_same_aside(sentence, mention.end, start)
                ):
                    own.append(period)
            elif begin <= start < mention.start:
                if is_base and scope.kind in ("growth", "change", "points"):
                    base = period
                elif not (
                    index
                    and re.match(
                        r"^\s*(?:in|for|at|as of|on|of|during)?\s*(?:the\s+)?(?:fiscal\s+)?(?:year\s+)?$",
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
        if (scope.kind == "level" and told is not None and index + 1 <= len(mentions)) or (
            scope.kind == "level" and _PRIOR.search(lead) and not _belongs_left(sentence, index, begin)
        ):
            prior = 1
        if scope.kind == "level" and _TWO_PRIOR.search(tail) and not re.search(r"[;,]", tail):
            prior = 2
        if scope.kind == "level" and index + 1 < len(mentions) and _from_to_next(sentence, index):
            prior = 1
        chosen = own[0] if own else (before[-1] if before else None)
        if (
            chosen is None
            and scope.kind == "level"
            and not prior
            and index
            and re.search(
                r"\b(?:from|versus|vs\.?|against|compared (?:with|to)|after|(?:more|less|than|below|above) the)\s*"
                r"(?:about\s|roughly\s)?$",
                lead.rstrip("$€£( ") + " ",
                re.I,
            )
            and scope.phrases
            and scope.phrases[0] in scopes[index - 1].phrases + scopes[max(index - 2, 0)].phrases
            and mention.unit in (mentions[index - 1].unit, mentions[max(index - 2, 0)].unit)
        ):
            prior = 1
        if pair is not None and scope.kind != "level" and chosen is None:
            base, chosen = pair
        result.append(replace(scope, period=chosen, base=base, prior=prior if chosen is None else 0))
    return _spread(sentence, result)


def _base_of_next(sentence: Sentence, scopes: Sequence[Scope], index: int) -> Period | None:
    """Return the period of what a change is measured from: "40% above the $274 billion of two years before"."""
    if index + 1 >= len(scopes) or scopes[index].kind == "level" or scopes[index + 1].kind != "level":
        return None
    following = scopes[index + 1]
    gap = sentence.text[sentence.mentions[index].end : sentence.mentions[index + 1].start]
    period = following.period
    if not re.fullmatch(
        r"\s*(?:above|below|more than|less than|higher than|lower than)\s+(?:the\s+)?[$€£]?", gap, re.I
    ):
        return None
    if period is None or period.fiscal_year is None or not following.prior:
        return None
    return replace(period, fiscal_year=period.fiscal_year - following.prior, start=None, end=None, label="")


def _beside(gap: str) -> bool:
    """Say whether nothing but a colon or a bracket stands between a period and a number."""
    return bool(re.fullmatch(r"\s*[:(]?\s*", gap))


def compares(left: str) -> bool:
    """Say whether the words before a number make it one that is only compared with ("up from")."""
    return bool(FROM.search(left.rstrip(" $€£(") + " "))


def _from_to(sentence: Sentence) -> tuple[Period, Period] | None:
    """Return (base, period) of "from 2020 to 2022" and "between 2020 and 2022"."""
    for (_, end, first), (start, _, second) in zip(sentence.periods, sentence.periods[1:], strict=False):
        lead = sentence.text[: sentence.periods[0][0]]
        joined = re.fullmatch(r"\s*(?:to|and|through)\s+(?:fiscal\s+)?", sentence.text[end:start], re.I)
        if joined and re.search(r"\b(?:from|between)\s+(?:fiscal\s+)?$", lead, re.I):
            return first, second
    return None


def _introduces_next(sentence: Sentence, index: int, gap: str) -> bool:
    """Say whether a period after a number opens the next clause: "…; in 2021, it was $5"."""
    if index + 1 >= len(sentence.mentions):
        return False
    if re.search(r"[;]|\bwhile\b|\bwhereas\b|\bcompared\b|\bversus\b|\bvs\b|\bfrom\b|\bbut\b", gap, re.I):
        return True
    return (bool(re.search(r",", gap)) and not re.match(r"\s*,?\s*(?:in|for)\s", gap)) or bool(
        re.search(r"\band\b.*\bin\b", gap, re.I)
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
    if owner and re.fullmatch(r"[\s,(]*(?:or|and)[\s,($€£]*", gap, re.I):  # "after $22.0 billion or $3.85 in 2021"
        if owner - 1 == index:
            return False
        return _compared(sentence, owner - 1)
    return _compared(sentence, owner)


def _compared(sentence: Sentence, owner: int) -> bool:
    """Say whether a number is one that is only compared with."""
    mention = sentence.mentions[owner]
    low = sentence.mentions[owner - 1].end if owner else 0
    return bool(FROM.search(sentence.text[low : mention.start].rstrip(" $€£(") + " "))


def main_periods(sentence: Sentence) -> list[Period]:
    """Return the periods that the sentence as a whole speaks of: none of an aside, none only compared with."""
    return [
        period
        for start, _, period in sentence.periods
        if not _BASE_BEFORE.search(sentence.text[:start])
        and not _in_aside(sentence, start)
        and not _of_part(sentence, start)
        and not _owned_by_comparison(sentence, start, -1)
    ]


def _of_part(sentence: Sentence, start: int) -> bool:
    """Say whether a period is only that of a part: "£130.7 million of it in the second half", "of which $3 in 2023"."""
    owner = next((m for m in reversed(sentence.mentions) if m.end <= start), None)
    if owner is None:
        return False
    if re.match(r"\s*of\s+(?:it|them|these|which|that)\b", sentence.text[owner.end : start], re.IGNORECASE):
        return True
    return bool(re.search(r"\bof (?:which|these|that)\b[^,;]*$", sentence.text[: owner.start], re.IGNORECASE))


def _in_aside(sentence: Sentence, start: int) -> bool:
    """Say whether a period stands in parentheses that hold a number of their own: "(fiscal 2021: $31.9 billion)"."""
    opened = sentence.text.rfind("(", 0, start)
    if opened < 0 or ")" in sentence.text[opened:start]:
        return False
    closed = sentence.text.find(")", start)
    return any(opened < m.start and (closed < 0 or m.end <= closed) for m in sentence.mentions)


def _inside_same_aside(sentence: Sentence, start: int, at: int) -> bool:
    low, high = min(start, at), max(start, at)
    return not re.search(r"[()]", sentence.text[low:high])


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
            if not _BASE_BEFORE.search(sentence.text[:s])
            and not _owned_by_comparison(sentence, s, index)
            and not _of_part(sentence, s)
            and (not _in_aside(sentence, s) or _inside_same_aside(sentence, s, at))
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
    for index, scope in enumerate(result):
        if scope.base is None and (base := _base_of_next(sentence, result, index)) is not None:
            result[index] = replace(scope, base=base)
    return result
