"""Splits prose into sentences without breaking "U.S.", "Inc.", "$1.5 billion" or "No. 3"."""

from __future__ import annotations

import re

_ABBREVIATIONS = frozenset(
    """
    inc corp co ltd llc plc lp no nos vs v u.s u.k e.u u.n e.g i.e etc approx est fig figs p pp sec art vol cf ca st
    mt mr mrs ms dr prof sr jr gen rep sen gov jan feb mar apr jun jul aug sept sep oct nov dec dept univ assn bros
    intl a.m p.m d.c ave blvd cl ex exh ser nv s.a n.v a.g bhd pty rs adj avg excl incl resp yr yrs mo wk qtr cos
    """.split()
)
_END = re.compile(r"[.!?]+[\"'”’)\]*_]*(?=\s+|$)")


def split_sentences(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of each sentence of a paragraph; the text between two is only white space."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _END.finditer(text):
        if match.end() < len(text) and not _ends(text, start, match):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    return [trimmed for begin, end in spans if (trimmed := _trim(text, begin, end))[0] < trimmed[1]]


def _ends(text: str, start: int, match: re.Match[str]) -> bool:
    following = text[match.end() :].lstrip()
    if match[0][0] != ".":
        return True
    word = re.split(r"[\s(\[\"“‘]", text[start : match.start()])[-1]
    if word.lower() in _ABBREVIATIONS or re.fullmatch(r"[A-Za-z](?:\.[A-Za-z])*", word):
        # "in the U.S. The company …" does end; "U.S. net sales" and "Walmart U.S. Net" do not
        begins = re.match(r"(?:The|In|It|Its|This|These|For|At|By|On|As|While|However|Apple’s)\b", following)
        return bool(begins) and not re.fullmatch(r"[A-Z]", word)
    return not following[:1].islower() or bool(re.match(r"[a-z][A-Z]", following))


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
