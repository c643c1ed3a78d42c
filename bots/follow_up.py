"""Resolves a follow-up ("and Walmart?", "what about 2023?") from what was asked before in its thread.

A question has companies, a period, and the rest, which says what is asked. What a follow-up leaves out is carried over
from the question before it; what it names takes the place of what that one named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pipelines.agents.question import asks_something
from pipelines.registry.catalog import built_in
from pipelines.registry.lookup import Lookup
from tieout.model import Message

_YEAR = r"(?:19[89]\d|20[0-4]\d)"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_QUARTER = r"(?:Q[1-4]|(?:the\s+)?(?:first|second|third|fourth)(?:\s+fiscal)?\s+quarter)"
_NUMBER = r"(?:\d+|one|two|three|four|five|six|ten|twelve)"
_TIME = rf"""(?:
    {_QUARTER}(?:\s+(?:of\s+)?(?:(?:fiscal|FY)(?:\s+year)?\s*)?'?(?:{_YEAR}|\d\d\b))?
    |(?:fiscal(?:\s+years?)?|FYs?|calendar|the\s+year|years?\s+ended)\s*'?(?:{_YEAR}|\d\d\b)
    |{_YEAR}-\d\d-\d\d
    |{_MONTH}\s+(?:\d{{1,2}}(?:st|nd|rd|th)?,?\s+)?{_YEAR}
    |\d{{1,2}}(?:st|nd|rd|th)?\s+{_MONTH},?\s+{_YEAR}
    |{_YEAR}
    |(?:the\s+)?(?:last|past|trailing)\s+(?:{_NUMBER}[\s-]*)?(?:trading\s+days?|days?|weeks?|months?|years?|decade)
    |(?:the\s+)?(?:latest|most\s+recent|newest|last)\s+(?:fiscal\s+|reported\s+)?(?:quarter|year)
    |ytd|year[- ]to[- ]date|(?:so\s+far\s+)?this\s+year
)"""
_PERIOD = re.compile(
    rf"""(?<![\w$,.-])
    (?:(?P<how>in|for|during|since|over|from|between|of|by|as\s+of|on|until|through|at\s+the\s+end\s+of)\s+)?
    (?P<time>{_TIME}(?:\s*(?:,|to|through|until|and|[-–])\s*{_TIME})*)(?!\w)""",
    re.I | re.X,
)
_YEAR_BEFORE = re.compile(
    r"\b(?:the\s+)?(?:year\s+(?:before|earlier|prior)|(?:previous|prior|preceding)\s+(?:fiscal\s+)?year)\b", re.I
)
_YEAR_AFTER = re.compile(r"\b(?:the\s+)?(?:year\s+after|(?:next|following)\s+(?:fiscal\s+)?year)\b", re.I)
_NOW = re.compile(r"\b(?:now|today|currently|current|lately|recently|latest|newest|so far)\b", re.I)

_COMMAND = re.compile(r"^/?(?:ask|research)\s+(?=\S)", re.I)
_LEAD = re.compile(
    r"^(?:(?:ok(?:ay)?|so|well|thanks?|great)\b[\s,]*)?"
    r"(?:(?:and|or|also|but|then|plus|now)\b[\s,]*(?:(?:what|how) about\b[\s,]*)?"
    r"|(?:what|how) (?:about|of)\b[\s,]*|(?:the )?same (?:thing )?(?:for|in)\b[\s,]*)",
    re.I,
)
_COMPARED = re.compile(r"\b(?:compared?|compares|versus|vs|against|relative to|next to)\b", re.I)
_MODIFIES = re.compile(
    r"^(?:(?:by|per|as|each|every|excluding|including|without|quarterly|annually|year[- ]by[- ]year)\b"
    r"|(?:why|how come)\b(?!.*\b(?:its|their)\b))",
    re.I,
)
_OTHERS = re.compile(
    r"\b(?:which|what|all|every)(?: of)?(?: the)? (?:compan(?:y|ies)|stocks?)\b|\bthe (?:stock |us |overall )?market\b"
    r"|\bS ?& ?P\b",
    re.I,
)
_THEIRS = re.compile(r"\b(?:its|their|the (?:company|firm)['’]s)\b", re.I)
_THE_STOCK = re.compile(r"\b(?:the|this) (stock|shares?|share price|stock price)\b", re.I)
_THEM = re.compile(r"\b(?:it|they|them|(?:the|this) (?:company|firm))\b", re.I)
_CHANGED = re.compile(r"\b(?:chang|gr[eo]w|ris|rose|fall|fell|increas|decreas|drop|declin|develop|evolv)\w*", re.I)
_A_QUESTION = re.compile(r"^(?:how|what|why|when|where|who|which|is|was|are|were|did|does|do|has|have|had)\b", re.I)
_FILLER = frozenset(
    "a about also an and are as at be been by did does during fiscal for from had has have how i in is it me of on one "
    "or over please same show since tell that the their then these they this those to too was well were what with "
    "would year years".split()
)
_TOKEN = re.compile(r"\$?[A-Za-z0-9][A-Za-z0-9&.!’'+-]*")
_POSSESSIVE = re.compile(r"[’']s?$")
_LONGEST_NAME = 7  # words
_LONGEST_FOLLOW_UP, _LONGEST_QUESTION = 500, 1_000  # characters; a longer text stands by itself, or is no question


@dataclass(frozen=True)
class _Parts:
    """A question taken apart: where its companies stand, its periods, and whether anything else is in it."""

    text: str
    companies: tuple[tuple[int, int], ...]
    periods: tuple[re.Match[str], ...]
    asks: bool

    @property
    def names(self) -> str:
        """The companies as they are written, each once; tickers in capitals."""
        written = dict.fromkeys(self.text[start:end] for start, end in self.companies)
        return " and ".join(name.upper() if name.islower() and len(name) < 5 else name for name in written)


@cache
def well_known() -> Lookup:
    """Return an index over the companies that ship with tieout."""
    return Lookup(built_in())


def whole_question(text: str, history: Sequence[Message], known: Lookup | None = None) -> str:
    """Return a question that stands by itself: what a follow-up leaves out comes from the thread, oldest first.

    `known` finds the companies that a text names; without it, only well-known ones are seen.
    """
    known = known or well_known()
    standing = ""
    for message in history:
        if message.role == "person" and len(message.text) <= _LONGEST_FOLLOW_UP:
            said = _resolved(standing, _COMMAND.sub("", message.text.strip()), known)
            if len(said) <= _LONGEST_QUESTION and (known.mentioned(said) or asks_something(said)):
                standing = said
    return _resolved(standing, text.strip(), known)


def _resolved(before: str, text: str, known: Lookup) -> str:
    """Return what `text` asks when `before` was asked before it."""
    if not before or not text or len(text) > _LONGEST_FOLLOW_UP:
        return text
    lead = _LEAD.match(text)
    earlier = _parts(before.rstrip(" ?.!"), known)
    said = _parts(_years_told(text[lead.end() if lead else 0 :].rstrip(" ?.!"), earlier), known)
    if not _follows(said, led=lead is not None):
        return text
    whole = _joined(earlier, said)
    return f"{whole[:1].upper()}{whole[1:]}?" if whole != text.rstrip(" ?.!") else text


def _follows(said: _Parts, *, led: bool) -> bool:
    """Whether a text goes on about what was asked before."""
    points = any(pattern.search(said.text) for pattern in (_THEIRS, _THE_STOCK, _THEM))
    asks = asks_something(said.text) or _A_QUESTION.match(said.text) is not None
    if led or (points and asks) or _COMPARED.match(said.text):
        return True
    if said.companies:
        return not said.asks
    if _OTHERS.search(said.text):
        return False
    return asks_something(said.text) or (bool(said.periods) and not said.asks)


def _joined(before: _Parts, said: _Parts) -> str:
    if not said.asks and _COMPARED.search(said.text) and (said.companies or said.periods):
        begin = min([start for start, _ in said.companies] + [period.start("time") for period in said.periods])
        return f"{before.text}, compared with {said.text[begin:]}"
    if not said.asks and (said.companies or said.periods):
        return _replaced(before, said)
    if not said.companies and not before.companies and _OTHERS.search(before.text):
        return f"{before.text}, {said.text}"
    if not said.companies and _CHANGED.search(said.text) and _THEM.search(said.text):
        return f"{_replaced(before, said)}, {_PERIOD.sub('', said.text).strip()}"
    if not said.companies and (_MODIFIES.match(said.text) or not _names_something(said)):
        return f"{before.text}, {said.text}"
    return _timed(_carried(before, said), before, said)


def _names_something(said: _Parts) -> bool:
    """Whether the text has something of its own that is asked, or points at the company."""
    return asks_something(said.text) or any(pattern.search(said.text) for pattern in (_THEIRS, _THE_STOCK, _THEM))


def _replaced(before: _Parts, said: _Parts) -> str:
    """Ask the same of other companies, or of another time."""
    text = before.text
    if said.periods:
        text = _with_period(before, said.periods)
    if not said.companies:
        return text
    if not before.companies:
        return f"{text} for {said.names}"
    old = dict.fromkeys(before.text[start:end] for start, end in before.companies)
    if len(old) > 1:
        last = list(old)[-1]
        return re.sub(rf"(?<!\w){re.escape(last)}(?!\w)", lambda found: f"{found[0]} and {said.names}", text, count=1)
    return re.sub(rf"(?<!\w){re.escape(next(iter(old)))}(?!\w)", lambda _: said.names, text)


def _with_period(before: _Parts, periods: Sequence[re.Match[str]]) -> str:
    """Put other periods in the place of a question's own."""
    new = periods[0]
    time = " and ".join(period["time"] for period in periods)
    if re.fullmatch(_QUARTER, time, re.I | re.X) and (years := re.findall(_YEAR, before.text)):
        time = f"{time} {years[-1]}"
    if not before.periods:
        return f"{before.text} {_preposition(new, time)} {time}".replace("  ", " ")
    first, *others = before.periods
    text = before.text
    for period in reversed(others):
        text = text[: period.start()].rstrip() + text[period.end() :]
    how = new["how"] or first["how"] or ""
    return f"{text[: first.start()]}{how} {time}".strip().replace("  ", " ") + text[first.end() :]


def _preposition(period: re.Match[str], time: str) -> str:
    if re.search(r"\b(?:ytd|to.date|this)\b", time, re.I):
        return ""
    return period["how"] or ("over" if re.search(r"\b(?:last|past|trailing)\b", time, re.I) else "in")


def _carried(before: _Parts, said: _Parts) -> str:
    """Say whom a text is about that only points at them, or leaves them out."""
    who, text = before.names, said.text
    if not who:
        return text
    for pattern, name in ((_THEIRS, f"{who}'s"), (_THE_STOCK, rf"{who}'s \1"), (_THEM, who)):
        text = pattern.sub(name.replace("\\", r"\\") if "\\1" not in name else name, text)
    if text != said.text or said.companies:
        return text
    return f"{text} for {who}" if _A_QUESTION.match(text) else f"{who}'s {text}"


def _timed(text: str, before: _Parts, said: _Parts) -> str:
    """Add the period of the question before to a text that names none."""
    if said.periods or not before.periods or _NOW.search(said.text):
        return text
    if text.endswith(" since"):
        return f"{text} {before.periods[-1]['time']}"
    return " ".join([text, *(f"{_preposition(one, one['time'])} {one['time']}".strip() for one in before.periods)])


def _years_told(text: str, before: _Parts) -> str:
    """Write "the year before" and "the next year" as the year that they are."""
    years = [int(year) for year in re.findall(rf"(?<!\d){_YEAR}(?!\d)", before.text)]
    if not years:
        return text
    kind = "fiscal " if re.search(r"\b(?:fiscal|FY)", before.text, re.I) else ""
    text = _YEAR_BEFORE.sub(f"{kind}{min(years) - 1}", text)
    return _YEAR_AFTER.sub(f"{kind}{max(years) + 1}", text)


def _parts(text: str, known: Lookup) -> _Parts:
    companies, periods = _mentions(text, known), tuple(_PERIOD.finditer(text))
    rest = text
    for start, end in sorted([*companies, *(period.span() for period in periods)], reverse=True):
        rest = rest[:start] + " " + rest[end:]
    words = re.findall(r"[A-Za-z][\w&-]*", _COMPARED.sub(" ", re.sub(r"[’']s\b", "", rest)))
    return _Parts(text, companies, periods, any(word.lower() not in _FILLER for word in words))


def _mentions(text: str, known: Lookup) -> tuple[tuple[int, int], ...]:
    """Return where a text names companies, without the possessive."""
    wanted = {one.id for one in known.mentioned(text)}
    tokens = list(_TOKEN.finditer(text))
    if not wanted and len(tokens) == 1 and len(tokens[0][0]) > 2 and len(known.exact(tokens[0][0])) == 1:
        return (tokens[0].span(),)  # a ticker in small letters, nothing beside it
    found, index = [], 0
    while index < len(tokens):
        for length in range(min(_LONGEST_NAME, len(tokens) - index), 0, -1):
            start = tokens[index].start()
            bare = _POSSESSIVE.sub("", text[start : tokens[index + length - 1].end()].rstrip(".!"))
            if _is_one_of(bare, wanted, known):
                found.append((start, start + len(bare)))
                index += length
                break
        else:
            index += 1
    return tuple(found)


def _is_one_of(name: str, wanted: set[str], known: Lookup) -> bool:
    written_as_name = name[:1].isupper() or name[:1] in "$0123456789" or (len(name) > 4 and " " not in name)
    joined = {"and", "or", "of", "the"} & {name.split(" ")[0].lower(), name.split(" ")[-1].lower()}
    return written_as_name and not joined and any(one.id in wanted for one in known.exact(name))
