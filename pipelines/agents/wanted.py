"""Reads what kind of answer a question wants in words, and how filings say it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipelines.agents.telling import stem, telling_words

NUMBER = r"(?<![\d.])(?!(?:19|20)\d\d\b)\d[\d,]*(?:\.\d+)?"
_BIG = r"\d{1,3}(?:,\d{3}){2,}"
_AMOUNT = r"\$\s?\d[\d,.]*(?:\s+(?:billion|million|thousand))?"


@dataclass(frozen=True)
class Subject:
    """Something that filings say in sentences of a known form: `asks` finds it in a question, `says` in a filing.

    The forms of `says` stand best first; `query` are words to search pages for. `instead` is true when figures of the
    statements do not answer it, whatever measures the question seems to name.
    """

    key: str
    asks: re.Pattern[str]
    says: tuple[re.Pattern[str], ...]
    query: str
    instead: bool = True
    on_cover: bool = False


def _subject(
    key: str, asks: str, says: Sequence[str], query: str, *, instead: bool = True, cover: bool = False
) -> Subject:
    forms = tuple(re.compile(form, re.I | re.S) for form in says)
    return Subject(key, re.compile(rf"\b(?:{asks})\b", re.I), forms, query, instead, cover)


SUBJECTS: tuple[Subject, ...] = (
    _subject(
        "employees",
        r"(?:how many|number of|total) (?:\w+[ -]){0,3}(?:employees|associates|workers|staff|colleagues)|headcount"
        r"|workforce size|how (?:many people|large|big)\b.{0,40}\b(?:employ|work|workforce)\w*",
        (
            rf"\b(?:we|company|it) (?:employed|employs?|had|have) (?:a total of |approximately |about |over )?{NUMBER}"
            r"(?:\s+million)?\s+(?:[\w-]+\s+){0,4}(?:employees|people|associates|colleagues|persons)",
            rf"\b{NUMBER}(?:\s+million)?\s+(?:[\w-]+\s+){{0,3}}(?:employees|associates|colleagues)\b",
        ),
        "we employed approximately full-time employees worldwide human capital",
    ),
    _subject(
        "headquarters",
        r"headquarter\w*|principal (?:executive )?offices?|head office|where is .{0,30}\bbased",
        (
            r"\bheadquarters\b[^.]{0,40}\b(?:located|is|are)\s+(?:\w+\s+)?in\s+[A-Z]",
            r"\bprincipal (?:executive |corporate )?offices?\b[^.]{0,40}\bin\s+[A-Z]",
            r"in (?-i:[A-Z])[^.]{2,40}\b(?:headquarters|principal (?:executive )?offices?)\b",
            r"(?-i:[A-Z])\w+, [^()]{2,40}\(Address[^)]{0,20} principal executive offices",
        ),
        "corporate headquarters located principal executive offices properties",
    ),
    _subject(
        "auditor",
        r"auditors?|audit(?:s|ed)|audit firm|accounting firm",
        (
            r"/s/[^.]{0,40}\bLLP\s+[^.]{0,60}auditor since(?: at least)? \d{4}",
            r"\baccounting firm,?(?: is|,)? [^.]{0,40}\bLLP\b",
            r"\bLLP\b, (?:an|our|the) independent registered public accounting firm",
            r"served as [^.]{0,30}auditor since",
        ),
        "independent registered public accounting firm auditor since LLP",
    ),
    _subject(
        "shares outstanding",
        r"shares?\b.{0,40}\boutstanding|outstanding (?:\w+ )?shares|share count on the cover",
        (
            rf"{_BIG}\s+shares\b.{{0,120}}?outstanding",
            rf"\bshares\b.{{0,60}}?outstanding.{{0,100}}?{_BIG}",
        ),
        "number of shares of common stock outstanding as of registrant cover page",
        cover=True,
    ),
    _subject(
        "buybacks left",
        r"(?:remain\w*|left|available)\b.{0,60}\b(?:repurchase|buy-?back)\w*"
        r"|(?:repurchase|buy-?back)s?\b.{0,40}\b(?:remain\w*|left|available)",
        (
            r"\$[\d.,]+(?: billion| million)? (?:remain|(?:of|was|is) available)",
            r"\bremain\w*\b[^.]{0,60}\$[\d.,]+",
        ),
        "remained available for future stock repurchases under program",
    ),
    _subject(
        "buyback authorisation",
        r"(?:(?:repurchase|buy-?back)s?\b.{0,40}\b(?:authori[sz]\w*|approv\w*|program\w*|remain\w*|left)"
        r"|(?:authori[sz]\w*|approv\w*|remain\w*|left)\b.{0,60}\b(?:repurchase|buy-?back)\w*)",
        (
            r"\b(?:authori[sz]ed|approved)\b[^.]{0,60}?\$[\d.,]+ (?:billion |million )?[^.]{0,40}repurchase",
            r"\b(?:authori[sz]ed|approved)\b[^.]{0,120}(?:repurchase|purchase) (?:of )?up to\s+(?:an additional )?\$",
            r"\$[\d.,]+(?: billion| million)? authorization",
        ),
        "board of directors authorized share repurchase program up to billion remaining",
    ),
    _subject(
        "dividend declared",
        r"(?:quarterly|annual|regular|cash) dividend(?! yield)|dividends? (?:per share|declared|rate)"
        r"|dividends?\b.{0,40}\b(?:declar\w+|approv\w+|per share|each quarter)",
        (
            r"\b(?:quarterly|annual|regular)\b[^.]{0,60}\bdividends?\b.{0,60}?\$\s?\d+\.\d+ per (?:common )?share",
            r"\bdividends?\b.{0,80}?\$\s?\d+\.\d+ per (?:common )?share",
        ),
        "board of directors declared quarterly cash dividend per share",
    ),
    _subject(
        "credit facility",
        r"(?:revolving )?credit (?:facilit(?:y|ies)|agreements?|lines?)|lines? of credit|revolver",
        (
            rf"{_AMOUNT}[^.]{{0,60}}\b(?:unsecured|senior)\b[^.]{{0,40}}\bcredit (?:facility|agreement)",
            rf"\bunsecured revolving credit facility\b.{{0,260}}?{_AMOUNT}",
            rf"{_AMOUNT}[^.]{{0,60}}\bcredit (?:facility|agreement)",
        ),
        "unsecured revolving credit facility agreement billion borrowing capacity",
    ),
    _subject(
        "acquisition",
        r"acqui(?:re[ds]?|sitions?)\b(?! costs?)|bought|purchase price"
        r"|(?:pay|paid|price|agree\w*)\b.{0,30}\b(?:to buy|for (?-i:[A-Z])\w+)",
        (
            rf"\b(?:acquir\w+|acquisition)\b.{{0,200}}?(?:for|consideration|price|value)\b.{{0,80}}?{_AMOUNT}",
            r"\b(?:we|company)\b.{0,30}\b(?:acquired|completed (?:the|our) acquisition)\b",
            r"\bagreement to acquire\b",
        ),
        "acquired completed acquisition total consideration purchase price billion",
    ),
    _subject(
        "largest customers",
        r"(?:largest|biggest|major|significant|top) (?:\w+ )?customers?|customer concentration"
        r"|customers?\b.{0,40}\b(?:share|percent\w*|account\w*)",
        (
            r"\bcustomers?\b[^.]{0,80}\b(?:accounted for|represented|comprised)\b(?! at least| more than)[^%]{0,80}%",
            r"\b(?:no|one) (?:\w+ ){0,4}customers?\b[^.]{0,80}\b10%",
        ),
        "customers accounted for percent of net revenue concentration",
    ),
    _subject(
        "suppliers' share",
        r"(?:largest|biggest|major|top) (?:\w+ )?suppliers?|suppliers?\b.{0,40}\b(?:share|percent\w*|account\w*)",
        (r"\bsuppliers?\b[^.]{0,80}\b(?:accounted for|represented)\b[^%]{0,80}%",),
        "largest suppliers accounted for percent of merchandise purchased",
    ),
    _subject(
        "who the customers are",
        r"who (?:are|is) .{0,30}\bcustomers?|to whom\b.{0,30}\bsells?|who buys",
        (r"\bcustomers are\b", r"\b(?:sold|sell)\b[^.]{0,40}\b(?:to|through)\b"),
        "customers are primarily markets and distribution sold to",
    ),
    _subject(
        "competitors",
        r"compet(?:es?|itors?|ition|ing)",
        (
            r"\bcompetitors\b[^.]{0,40}\b(?:are|include|comprise)\b",
            r"\b(?:highly|intensely|extremely|very) competitive\b",
            r"\bwe compete with\b",
            r"\bcompetitors? (?:in|from)\b",
        ),
        "competition competitors include markets highly competitive",
    ),
    _subject(
        "channels",
        r"(?:direct|indirect|distribution|sales)\b.{0,20}\bchannels?",
        (r"\bchannels?\b[^.]{0,60}\baccounted for\b[^%]{0,40}%",),
        "direct and indirect distribution channels accounted for percent of net sales",
    ),
    _subject(
        "season",
        r"season\w*",
        (
            r"\bhistorically\b[^.]{0,80}\bhigher\b[^.]{0,60}\b(?:quarter|half)\b",
            r"\bseason\w*\b[^.]{0,120}\b(?:higher|quarter|half)\b|\bhigher\b[^.]{0,80}\b(?:season\w*|quarters)\b",
            r"\b(?:affected by|subject to|exhibits?|is|are|vary|tend to)\b[^.]{0,30}\bseasonal",
            r"\b(?:revenue|sales|earnings)\b[^.]{0,60}\b(?:generated|occur\w*|realized)\b[^.]{0,40}\bquarter\b",
        ),
        "seasonality higher quarter holiday",
    ),
    _subject(
        "manufacturing",
        r"manufactur(?:ed?|es|ers?|ing)|foundr(?:y|ies)|suppl(?:y|ies|iers?) (?:of|the|its)",
        (
            r"\bmanufactured\b[^.]{0,40}\bby\b",
            r"\b(?:foundry|manufacturing)\b[^.]{0,40}\b(?:arrangements?|performed)\b",
        ),
        "manufactured by outsourcing partners located foundry manufacturing arrangements",
    ),
    _subject(
        "guidance",
        r"guidance|outlook",
        (r"\b(?:is|are) expected to be\b[^.]{0,40}\d", r"\bwe expect\b[^.]{0,80}\d"),
        "guidance expected to be between first quarter outlook",
    ),
    _subject(
        "legal proceedings",
        r"lawsuits?|litigations?|legal (?:proceedings?|matters?)|sued?",
        (
            r"\bfiled (?:a|an)\b[^.]{0,60}\b(?:lawsuit|complaint|action|petition)\b",
            r"\b(?:defendant|lawsuits?|class action|litigation)\b",
        ),
        "legal proceedings filed lawsuit complaint court defendant litigation",
    ),
    _subject(
        "risk factors",
        r"risk factors?|(?:main|key|biggest|major|principal|top) risks?",
        (
            r"\b(?:could|may|can)\b[^.]{0,60}\badversely (?:affect|impact)[^.]{0,60}\b(?:business|results|condition)",
            r"\b(?:could|may|can)\b[^.]{0,60}\b(?:adversely|harm|negatively)\b",
        ),
        "risk factors could materially adversely affect business results of operations",
        instead=False,
    ),
    _subject(
        "accounting policy",
        r"how (?:does|do|did|are|is)\b.{0,50}\b"
        r"(?:valued?|account(?:ed)? for|recogni[sz]ed?|depreciated?|amorti[sz]ed?|measured?)",
        (
            r"\b(?:is|are|we|company)\b\s+(?:\w+\s+){0,3}"
            r"(?:valued?|accounted? for|recogni[sz]e[sd]?|depreciated?|amortized?|stated|recorded)\b",
        ),
        "accounting policies are accounted for using method valued recognized",
    ),
)

_ASKING = telling_words(
    "according cover page report filing annual latest practicable date number share percent percentage rate face faces"
    " give gave given get have happened come comes large big long total amount approximately currently there full"
    " end board affected each quarter first second third fourth business does agree agreed pay paid make made"
)
_MOVES = telling_words(
    "increase increased decrease decreased grow grew growth rise rose fall fell decline declined change changed drop"
    " drove driven driver drivers reason reasons cause caused explains led happened improve improved higher lower"
)
_HOW_MANY = re.compile(r"\b(?:how many|number of)\s+((?:[\w-]+\s+){0,3}[\w-]+)", re.I)
_VERBS = re.compile(r"\s\b(?:does|do|did|is|are|was|were|has|have|had|will|in|at|of)\b.*", re.I | re.S)
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("reason", re.compile(r"\b(?:why|reasons?|drivers?|dr[oi]ve[ns]?|cause[ds]?|what (?:explains?|led to))\b", re.I)),
    ("count", re.compile(r"\bhow many\b|\bnumber of\b", re.I)),
    ("amount", re.compile(r"\bhow (?:much|large|big)\b|\bcosts?\b", re.I)),
    ("share", re.compile(r"\b(?:what|which) (?:share|percent\w*|proportion|part|rate|\w+ rate)\b|\brate\?", re.I)),
    ("place", re.compile(r"\bwhere\b", re.I)),
    ("time", re.compile(r"\b(?:when|since when|how long)\b", re.I)),
    ("name", re.compile(r"\b(?:who|whom|which compan\w+)\b", re.I)),
)


@dataclass(frozen=True)
class Wanted:
    """What a question wants: the form of its answer, the subject if one is known, its telling words."""

    form: str  # reason | count | amount | share | place | time | name | text
    subject: Subject | None
    words: frozenset[str]  # telling words beside those that the subject stands for
    counted: str = ""  # beginning of the noun that is counted
    years: tuple[str, ...] = field(default=())


def read_wanted(question: str, names: Sequence[str] = ()) -> Wanted:
    """Return what a question about the companies called `names` wants."""
    subject = subject_of(question)
    plain = subject.asks.sub(" ", question) if subject else question
    words = telling_words(plain) - telling_words(" ".join(names)) - _ASKING
    form = next((name for name, pattern in _FORMS if pattern.search(question)), "text")
    if form == "reason":
        words -= _MOVES
    if subject and subject.key in ("legal proceedings", "acquisition", "accounting policy", "channels"):
        words |= {word for word in telling_words(question) if word in telling_words(_names_in(question, names))}
    counted = ""
    if form == "count" and (match := _HOW_MANY.search(question)):
        nouns = re.findall(r"[A-Za-z]{3,}", _VERBS.sub("", match[1]))
        counted = stem(nouns[-1].lower()) if nouns else ""
    return Wanted(form, subject, frozenset(words), counted, tuple(re.findall(r"\b20\d\d\b", question)))


def subject_of(question: str) -> Subject | None:
    """Return the subject that a question asks for, None when it is none of the known ones or asks why."""
    if _FORMS[0][1].search(question):
        return None
    return next((subject for subject in SUBJECTS if subject.asks.search(question)), None)


def asks_in_particular(question: str, names: Sequence[str]) -> bool:
    """Whether a question asks for one thing by words of its own: "How much did it pay for MGM?", no general review."""
    if not re.match(r"\W*(?:in )?(?:how (?:many|much)|who|whom|where|when|what (?:is|was|are|were))\b", question, re.I):
        return False
    return bool(telling_words(question) - telling_words(" ".join(names)) - _ASKING)


def _names_in(question: str, names: Sequence[str]) -> str:
    """Return the words that a question writes with a capital inside, besides the companies' names."""
    found = re.findall(r"(?<=\s)[A-Z][\w&-]+", question)
    own = telling_words(" ".join(names))
    return " ".join(word for word in found if not telling_words(word) & own)
