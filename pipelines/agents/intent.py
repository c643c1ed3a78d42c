"""Reads in which form a question wants its answer: yes or no, a winner, an average, a rate, a reason, year by year."""

from __future__ import annotations

import re
from dataclasses import dataclass

_YES_NO = re.compile(
    r"^\W*(?:(?:so|and|hey|ok|please|tell me|do you know)\W+)*(?:whether |if )?"
    r"(?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should)(?:n'?t)?\b",
    re.I,
)
_WHETHER = re.compile(r"\bwhether\b|,\s*(?:is|was|did|does|has) (?:it|its|that|this)\b", re.I)
_MOST = "highest|higher|largest|larger|biggest|bigger|most|more|best|better|greatest|greater|fastest|faster|top|leads?"
_LEAST = r"lowest|lower|smallest|smaller|least|less|worst|worse|slowest|slower|fewest|weakest"
_CHOICE = re.compile(r"\b(?:which|who|what|whose|rank\w*|compar\w*|name)\b", re.I)
_FASTEST = re.compile(r"\b(?:fast\w*|slow\w*|grew|grow\w*|growth|increas\w*|declin\w*|shr[aiu]nk\w*)\b", re.I)
_AVERAGE = re.compile(
    r"\b(?:\w+[- ]year average|average (?:of|over|for|from|annual|across|capex|\w+ margin)|mean|averaged)\b", re.I
)
_CAGR = re.compile(r"\b(?:cagr|compound(?:ed)?(?: annual)?|annuali[sz]ed growth|average annual growth)\b", re.I)
_WHY = re.compile(r"\b(?:why|what (?:drove|caused|explains?|led to)|reasons?|drivers?|drove|driven)\b", re.I)
_YEARLY = re.compile(
    r"\b(?:by (?:calendar |fiscal )?year|each (?:calendar |fiscal )?year|every year|year[- ]by[- ]year"
    r"|per (?:calendar )?year"
    r"|calendar[- ]year returns|annual returns|yearly)\b",
    re.I,
)
_UP = re.compile(
    r"\b(?:up|rise|rose|risen|increas\w*|grow\w*|grew|improv\w*|expand\w*|widen\w*|higher|gain\w*|better|more)\b", re.I
)
_DOWN = re.compile(
    r"\b(?:down|fall|fell|fallen|decreas\w*|declin\w*|drop\w*|shr[aiu]nk\w*|narrow\w*|contract\w*|lower|lose"
    r"|lost|worsen\w*"
    r"|deteriorat\w*|reduc\w*|worse|less)\b",
    re.I,
)
_POSITIVE = re.compile(
    r"\b(?:positive|profitable|(?:make|made|earn\w*|turn\w*|report\w*) an? (?:net |operating )?profit)\b", re.I
)
_NEGATIVE = re.compile(
    r"\b(?:negative|unprofitable|(?:make|made|report\w*|post\w*) an? (?:net |operating )?loss|lose money)\b", re.I
)


@dataclass(frozen=True)
class Intent:
    """How an answer is wanted. `direction` is +1 when a rise (or a positive value) makes it a yes, -1 for a fall."""

    yes_no: bool = False
    extreme: int = 0  # +1: which is the most; -1: which is the least
    by_growth: bool = False  # the extreme is one of growth, not of size
    average: bool = False
    cagr: bool = False
    why: bool = False
    yearly: bool = False
    direction: int = 0
    sign: int = 0  # +1: whether it is positive; -1: whether it is negative


def read_intent(text: str) -> Intent:
    """Return what the words of a question say about the form of its answer."""
    choosing = bool(_CHOICE.search(text))
    most, least = _said(_MOST, text), _said(_LEAST, text)
    up, down = bool(_UP.search(text)), bool(_DOWN.search(text))
    yes_no = bool(_YES_NO.search(text) or _WHETHER.search(text))
    return Intent(
        yes_no=yes_no,
        extreme=0 if not choosing else 1 if most else -1 if least else 0,
        by_growth=bool(_FASTEST.search(text)),
        average=bool(_AVERAGE.search(text)),
        cagr=bool(_CAGR.search(text)),
        why=bool(_WHY.search(text)),
        yearly=bool(_YEARLY.search(text)),
        direction=up - down if up != down else 0,
        sign=1 if _POSITIVE.search(text) else -1 if _NEGATIVE.search(text) else 0,
    )


def _said(words: str, text: str) -> bool:
    return re.search(rf"\b(?:{words})\b", text, re.I) is not None
