"""Finds the names of companies in a question that no registry knows, so that nobody else's numbers answer for them."""

from __future__ import annotations

import re

_WORD = r"[A-Z][a-z][\w’'&.-]*"
_NAME = re.compile(rf"\b{_WORD}(?:\s+(?:&\s+|of\s+|and\s+)?{_WORD})*")
_POSSESSIVE = re.compile(r"(?:’s|'s|s['’])$")
_SENTENCE_START = re.compile(r"(?:^|[.?!:;]\s+|[\"“(])$")
_COMMON = frozenset(
    """january february march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday fiscal year years quarter quarters annual report form item note notes part risk
    factors management discussion analysis income statement balance sheet cash flow flows net sales revenue revenues
    cost costs gross operating margin profit earnings share shares stock total current ratio free capital expenditures
    research development services products product segment segments table page united states america american canada
    china europe japan asia pacific international domestic covid nasdaq nyse exchange street wall dow jones standard
    poor poor's the a an what which who how why when where was were is are did does do has have had compare show tell
    give list describe explain summarise summarize please and or of in on for to from with between since against
    i my we our""".split()
)


def unknown_names(question: str) -> list[str]:
    """Return what reads like a proper name and is made of no common words, in order.

    To be asked only of questions in which no company was recognised. A capital that merely begins a sentence
    is no name, unless a possessive or a second capital follows.
    """
    found = []
    for match in _NAME.finditer(question):
        words = [word for word in match[0].split() if word not in ("&", "of", "and")]
        telling = [word for word in words if _POSSESSIVE.sub("", word).strip(".").casefold() not in _COMMON]
        starts = _SENTENCE_START.search(question[: match.start()]) is not None
        if starts and telling and telling[0] == words[0] and len(words) == 1 and not _POSSESSIVE.search(words[0]):
            telling = []
        if telling:
            found.append(_POSSESSIVE.sub("", " ".join(telling)).strip(".,"))
    return found
