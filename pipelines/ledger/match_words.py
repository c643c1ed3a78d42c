"""Words for matching: tokens with their places, a light stemmer, and which words carry a measure's meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(
    r"(?i:(?:full|part)-time|(?:short|long)-term|non-[a-z]+|pre-tax|same-store)\b|[A-Za-z][A-Za-z&]*(?:[.'’][A-Za-z]+)*|\d[\d.,]*"
)

# Grammar: these never tell one measure from another.
STOP = frozenset(
    """
    a an the of and or in on at to for from by with as its their his her our your it they we you he she this that
    these those which who whom whose than then there here is are was were be been being has have had having do does
    did will would could can may might must shall should not no nor so such also both each per s about into over
    under between during through within while whereas when where after before until since because against if but
    however respectively i.e e.g etc via versus vs out off up down all any some more most less very just only own
    same too again further once what how why
    """.split()
)
# Ordinary words around a number that say nothing about which measure it is.
NEUTRAL = frozenset(
    """
    company firm business group corporation inc year years yearly annual annually quarter quarters month months
    period periods fiscal full half first second third fourth ended ending end ends ago earlier later prior previous
    previously last latest current currently recent recently preceding following next past date today reported
    report reports reporting posted post posts recorded record records recording delivered deliver delivers
    generated generate generates generating earned earn earning brought bring produced produce booked book achieved
    achieve came come comes coming stood stand stands reached reach reaches reaching hit totaled totalled totaling
    total totals amounted amount amounts equal equals equaled equalled equaling represented represent representing
    represents accounted account accounting comprised comprise made make makes making up increased increase
    increases increasing rose rise rises risen rising grew grow grows growing grown growth gained gain climbed climb
    jumped jump jumps surged surge expanded expand expands expansion improved improve improves improvement improving
    advanced advance soared decreased decrease decreases decreasing fell fall falls fallen falling declined decline
    declines declining dropped drop drops shrank shrink slipped slip narrowed narrow widened widen contracted
    contraction dipped dip eased ease reduced reduction lowered slid slide tumbled lost lose change changed changes
    changing compared compare comparison relative higher lower better worse stronger weaker larger smaller bigger
    strong solid robust healthy modest slight slightly significant significantly substantial sharply steady roughly
    approximately about around nearly almost well overall whole entire company-wide consolidated worldwide lifted
    lift lifting boosted boost boosting pushed push pushing drove drive driving raised raise raising cut cutting
    trimmed contributed contribute contributing spent sold generating totals summed business-wide driven due
    reflecting reflected reflects thanks helped despite partly offset primarily mainly largely left leaving turned
    turn came remained remain remains stayed stay kept keep showed show shows shown saw see seen had put meant mean
    means meaning implied implies translating translates corresponding resulting result results resulted performance
    figure figures number value level rate-of amount sum dollar dollars usd million millions billion billions
    thousand thousands trillion percent percentage pct point points basis times x just even still already again also
    meanwhile overall finally additionally moreover furthermore notably importantly specifically alone together
    combined taken line row item items table statement statements filing filings annual-report disclosed discloses
    disclosing disclosure stated states according page shows showed listed lists year-over-year year-on-year yoy
    sequentially time outstanding-at basis terms form went go goes giving gave give mr ms management executives ceo
    cfo said says say noted note notes above below only nine six three twelve two one week weeks day days were being
    now new printed
    swing swung worth book-entry closed close closes closing finished finish finishes ran run runs running carried
    carry hold held holds holding holdings-of took take taking put got get gets getting ending-at vs versus fy q1 q2
    q3 q4 h1 h2 ytd ttm was january february march april may june july august september october november december
    """.split()
)
# Words that always narrow a measure: with one of these unexplained, the number is of something else.
QUALIFIERS = frozenset(
    """
    adjusted non-gaap nongaap gaap pro-forma proforma forma organic deferred unearned core gross net basic diluted
    operating nonoperating average median comparable same-store backlog estimated forecast forecasted projected
    guidance expected budgeted target planned underlying normalized normalised excluding including ex
    constant-currency constant currency noncurrent non-current current long-term short-term domestic international
    foreign federal state quarterly restricted unrestricted accrued accumulated monthly weekly daily hourly
    noncontrolling attributable discontinued continuing before after pretax pre-tax minimum maximum intangible
    tangible unrealized realized cash noncash non-cash secured unsecured commercial term incremental marginal
    full-time part-time temporary seasonal
    """.split()
)
SYNONYMS = {
    "revenue": "sale",
    "turnover": "sale",
    "receipt": "receipt",
    "profit": "income",
    "earning": "income",
    "cost": "cost",
    "expenditure": "expenditure",
    "spend": "expenditure",
    "spent": "expenditure",
    "capex": "expenditure",
    "repurchas": "repurchase",
    "buyback": "repurchase",
    "bought": "repurchase",
    "buy": "repurchase",
    "buying": "repurchase",
    "equiti": "equity",
    "shareholder": "stockholder",
    "shareowner": "stockholder",
    "employ": "employee",
    "associat": "employee",
    "staff": "employee",
    "worker": "employee",
    "headcount": "employee",
    "people": "employee",
    "stock": "share",
    "inventori": "inventory",
    "u.s": "us",
    "u.s.": "us",
    "usa": "us",
    "united-stat": "us",
    "paid": "payment",
    "pay": "payment",
    "paying": "payment",
    "payout": "payment",
    "borrow": "debt",
    "loan": "loan",
    "r&d": "research",
    "sg&a": "sg&a",
    "tax": "tax",
    "taxation": "tax",
    "depreciat": "depreciation",
    "amortiz": "amortization",
    "amortis": "amortization",
    "purchas": "purchase",
    "acquir": "acquisition",
    "acquisit": "acquisition",
    "acquist": "acquisition",
    "liabiliti": "liability",
    "receiv": "receivable",
    "payabl": "payable",
    "payable": "payable",
    "facilities": "facility",
    "warehous": "warehouse",
    "canadian": "canada",
    "store": "store",
    "provid": "provided",
    "provided": "provided",
    "used": "used",
    "use": "used",
}


@dataclass(frozen=True)
class Token:
    """A word of a text: its stem and its place; `capital` when it is written like a name."""

    word: str
    stem: str
    start: int
    end: int
    capital: bool


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """Return a light stem: lower case, plural and possessive removed, a few synonyms made one."""
    low = word.lower().replace("’", "'")
    low = re.sub(r"'s?$", "", low).replace("-", "")
    if low.endswith("'s"):
        low = low[:-2]
    if "." in low and re.fullmatch(r"(?:[a-z]\.)+[a-z]?", low + "."):
        low = low.replace(".", "")
    base = SYNONYMS.get(low, low)
    if base != low:
        return base
    if len(low) > 4 and low.endswith("ies"):
        low = low[:-3] + "y"
    elif len(low) > 3 and low.endswith(("sses", "xes", "shes", "ches", "zes")):
        low = low[:-2]
    elif len(low) > 3 and low.endswith("s") and not low.endswith(("ss", "us", "is")):
        low = low[:-1]
    for ending in ("ments", "ization", "ation", "ing", "ed"):
        if low.endswith(ending) and len(low) - len(ending) >= 4 and ending in ("ing", "ed"):
            low = low.removesuffix(ending)
            if len(low) > 2 and low[-1] == low[-2] and low[-1] not in "ls":
                low = low[:-1]
            break
    low = low[:-1] if len(low) > 5 and low.endswith("e") else low
    return SYNONYMS.get(low, low)


@lru_cache(maxsize=65536)
def tokens(text: str) -> tuple[Token, ...]:
    """Return the words of `text` with their places, numbers left out."""
    found = []
    for match in _TOKEN.finditer(text):
        if match[0][0].isdigit():
            continue
        word = match[0]
        found.append(Token(word, stem(word), match.start(), match.end(), word[0].isupper() and word.lower() != word))
    return tuple(found)


_NEUTRAL_STEMS = frozenset(stem(word) for word in NEUTRAL) | NEUTRAL
_QUALIFIER_STEMS = frozenset(stem(word) for word in QUALIFIERS) | QUALIFIERS


def is_neutral(token: Token) -> bool:
    """Say whether a word tells nothing about which measure is meant."""
    low = token.word.lower()
    return low in STOP or low in NEUTRAL or token.stem in _NEUTRAL_STEMS


def is_qualifier(word_stem: str) -> bool:
    """Say whether a word always narrows a measure ("adjusted", "deferred", "diluted")."""
    return word_stem in _QUALIFIER_STEMS


@lru_cache(maxsize=65536)
def content(text: str) -> frozenset[str]:
    """Return the stems of the words of `text` that may tell one measure from another."""
    return frozenset(token.stem for token in tokens(text) if not (token.word.lower() in STOP or is_neutral(token)))


@lru_cache(maxsize=65536)
def label_words(label: str) -> frozenset[str]:
    """Return the stems of a row's label without its grammar, footnote marks and parenthesised remarks."""
    bare = re.sub(r"\([^()]*\)", " ", label)
    bare = bare if re.search(r"[A-Za-z]", bare) else label
    return frozenset(token.stem for token in tokens(bare) if token.word.lower() not in STOP)
