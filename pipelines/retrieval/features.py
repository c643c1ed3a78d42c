"""Tells what a page is: a consolidated statement, a cover, a contract, a list of contents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.ingest.chunks import is_row
from pipelines.retrieval.lexicon import BALANCE, CASHFLOW, COVER, EQUITY, INCOME, SEGMENT

_TITLES: Mapping[str, re.Pattern[str]] = {
    CASHFLOW: re.compile(r"statements?\s+of\s+(?:consolidated\s+)?cash\s+flows?|cash\s+flows?\s+statements?", re.I),
    BALANCE: re.compile(
        r"balance\s+sheets?|statements?\s+of\s+(?:consolidated\s+)?financial\s+(?:position|condition)", re.I
    ),
    INCOME: re.compile(
        r"statements?\s+of\s+(?:consolidated\s+)?(?:operations|(?:net\s+)?income|(?:net\s+)?earnings|profit|loss)"
        r"|(?:income|operations|earnings)\s+statements?",
        re.I,
    ),
    EQUITY: re.compile(r"statements?\s+of\s+(?:\w+\s+){0,3}(?:share|stock)(?:holders|owners)", re.I),
}
_SIGNS: Mapping[str, tuple[re.Pattern[str], ...]] = {
    CASHFLOW: tuple(
        re.compile(sign, re.I)
        for sign in (
            r"operating\s+activities|operations",
            r"investing\s+activities|investments?",
            r"financing\s+activities",
            r"depreciation",
            r"(?:end|beginning)\s+of\s+(?:the\s+)?(?:year|period)|ending\s+balances|(?:increase|decrease)\s+in\s+cash",
        )
    ),
    BALANCE: tuple(
        re.compile(sign, re.I)
        for sign in (
            r"total\s+(?:current\s+)?assets",
            r"total\s+(?:current\s+)?liabilities|accounts\s+payable|deposits",
            r"(?:share|stock)(?:holders|owners)[’']?\s*[’']?\s*(?:equity|investment)|total\s+equity",
            r"retained\s+earnings|accumulated\s+deficit|reinvested|paid-in\s+capital",
            r"cash\s+and\s+(?:cash\s+)?(?:equivalents|due)",
        )
    ),
    INCOME: tuple(
        re.compile(sign, re.I)
        for sign in (
            r"revenues?|net\s+sales|sales",
            r"income\s+tax(?:es)?",
            r"net\s+(?:income|earnings|loss|\(loss\))",
            r"per\s+(?:common\s+)?share",
            r"diluted",
            r"operating\s+(?:income|expenses|profit|loss)|costs?\s+and\s+expenses|cost\s+of|total\s+expenses",
        )
    ),
}
_NEEDED_ROWS = {CASHFLOW: 12, BALANCE: 12, INCOME: 10}
_NOT_FIRST = re.compile(r"quarterly\s+financial|selected\s+financial|non-gaap|pro\s+forma|condensed\s+parent", re.I)
_NOTE = re.compile(
    r"notes?\s+to\s+(?:the\s+)?(?:consolidated|condensed|financial)|^note\s+\d|^\d{1,2}\.\s+[A-Z]", re.I | re.M
)
_SEGMENT = re.compile(
    r"segment\s+(?:information|reporting|results|data)|(?:reportable|operating|business)\s+segments|by\s+segment|net\s+sales\s+by",
    re.I,
)
_COVER = re.compile(r"exact\s+name\s+of\s+registrant|indicate\s+by\s+check\s+mark|commission\s+file\s+n", re.I)
_CONTENTS = re.compile(r"(?:index\s+to\s+|table\s+of\s+contents\s*\n\s*(?:page|part))", re.I)
_CONTRACT = re.compile(
    r"\bshall\b|\bhereby\b|\bhereunder\b|\bherein\b|\bthereof\b|\bParticipant\b|\bLender\b|\bGrantee\b|\bTrustee\b",
    re.I,
)


@dataclass(frozen=True)
class Features:
    """What a page is: `kinds` with a strength from 0 to 1, `rows` of tables, `contract` and `contents` flags."""

    kinds: Mapping[str, float]
    rows: int
    contract: bool
    contents: bool


def read_features(text: str) -> Features:
    """Return the features of a page's text."""
    lines = [line for line in text.split("\n") if line.strip()]
    rows = sum(1 for line in lines if is_row(line))
    head = "\n".join(lines[:14])[:900]
    kinds: dict[str, float] = {}
    contents = bool(_CONTENTS.search(head)) and rows < 12 and len(_COVER.findall(text)) == 0
    for kind, signs in _SIGNS.items():
        if rows < _NEEDED_ROWS[kind] or contents:
            continue
        share = sum(1 for sign in signs if sign.search(text)) / len(signs)
        titled = _TITLES[kind].search(head)
        other = kind == INCOME and re.search(r"comprehensive\s+(?:income|loss|earnings)", head, re.I) and share < 0.9
        if titled and share >= 0.6 and not other:
            strength = 0.6 + 0.4 * share
            if _NOTE.search(head) or _NOT_FIRST.search(head):
                strength *= 0.5
            kinds[kind] = strength
        elif share == 1.0 and rows >= 18:
            kinds[kind] = 0.45 if not _NOTE.search(head) else 0.25
    if _TITLES[EQUITY].search(head) and rows >= 10:
        kinds[EQUITY] = 1.0
    if rows >= 5 and (found := len(_SEGMENT.findall(text))):
        kinds[SEGMENT] = min(1.0, 0.4 + 0.15 * found)
    if len(_COVER.findall(text)) >= 3:
        kinds[COVER] = 1.0
    return Features(kinds, rows, len(_CONTRACT.findall(text)) >= 10 and rows < 8, contents)
