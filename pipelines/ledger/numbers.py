"""Finds the numbers that a text claims, and says what each states: value, unit, and how exactly.

Years, dates, page references, section numbers, standard names and link targets are not claims and are
left out (pipelines/ledger/not_numbers.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal

from pipelines.ledger.not_numbers import blank_out

SCALES = {
    "hundred": 100, "thousand": 1_000, "thousands": 1_000, "k": 1_000,
    "million": 1_000_000, "millions": 1_000_000, "mn": 1_000_000, "mm": 1_000_000, "m": 1_000_000, "mil": 1_000_000,
    "billion": 1_000_000_000, "billions": 1_000_000_000, "bn": 1_000_000_000, "b": 1_000_000_000,
    "trillion": 10**12, "trillions": 10**12, "tn": 10**12, "t": 10**12,
}  # fmt: skip
SPELLED = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_FRACTIONS = {"half": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fifth": 5, "fifths": 5, "tenth": 10}
_CURRENCIES = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_CURRENCY_WORDS = {
    "dollar": "USD", "dollars": "USD", "usd": "USD", "euro": "EUR", "euros": "EUR", "eur": "EUR", "pounds": "GBP",
    "gbp": "GBP", "yen": "JPY", "jpy": "JPY",
}  # fmt: skip
COUNT_NOUNS = (
    "employees|associates|stores|warehouses|clubs|locations|countries|segments|people|members|memberships|subscribers|"
    "customers|units|properties|patents|countries|states|branches|holders|facilities|markets|products|subsidiaries|"
    "vehicles|sites|cardholders|contracts|titles|buildings|workers|users|households|titles"
)

_DASH = "-\u2212\u2013"
_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
_SPELL = "|".join(sorted(SPELLED, key=len, reverse=True))
_SCALE_WORD = r"hundred|thousands?|millions?|billions?|trillions?|mil|mn|mm|bn|tn"
_NUMBER = re.compile(
    rf"""(?<![\w.,/])
    (?P<outer>\(\s?(?=[$€£¥]?\s?{_DIGITS}\s?\)))?
    (?P<minus>(?<![\d%])[{_DASH}]\s?(?=[$€£¥\d.(]))?
    (?P<currency>US\$|[$€£¥]|(?:USD|EUR|GBP|JPY)\s)?\s?
    (?P<minus2>[{_DASH}](?=[\d.]))?
    (?P<inner>\(\s?)?
    (?P<digits>{_DIGITS}|\b(?:{_SPELL})(?:-(?:one|two|three|four|five|six|seven|eight|nine))?\b)
    (?P<close1>\s?\))?
    (?:[ \t\u00a0-]?(?P<scale>(?:hundred\s)?(?:{_SCALE_WORD})\b|(?:[kKmMbBtT]\b(?![.'’]?\w))))?
    (?P<unit>\s?(?:%|percentage[ -]points?\b|per\s?cent(?:age\spoints?)?\b|pct\b|pps?\b|ppts?\b|bps\b|
        basis[ -]points?\b|points?\b(?=\s+(?:of|in|to|from|higher|lower|up|down)\b|[.,;])|
        [x×](?!\w)|times\b)|-(?:percentage[ -])?(?:per\s?cent|points?)\b|[ \t-](?:U\.?S\.?\s)?
        (?:dollars?|euros?|pounds|yen|USD|EUR|GBP|JPY|cents?)\b)?
    (?P<close2>\s?\)(?:\s?%)?)?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SPELLED_FRACTION = re.compile(
    r"\b(?P<top>one|two|three|four|nine|a)[ -](?P<bottom>half|thirds?|quarters?|fifths?|tenth)\b", re.IGNORECASE
)
_PER_SHARE = re.compile(
    r"\s*(?:(?:per|a|for each|/)\s?(?:basic\s|diluted\s|basic and diluted\s|common\s|ordinary\s)*share\b)",
    re.IGNORECASE,
)
_SHARES = re.compile(
    r"\s*(?:(?!(?:in|for|to|from|at|and|on|by|is|was|were|are)\b)[a-z’'-]+\s){0,4}?(?:shares|RSUs|options|units)\b(?!\s*(?:price|repurchase))",
    re.IGNORECASE,
)
_COUNT = re.compile(
    rf"\s*(?:of\s)?(?:(?!(?:in|for|to|from|at|and|on|by|of|is|was|were|are)\b)[A-Za-z-]+\s){{0,3}}?(?:{COUNT_NOUNS})\b",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"[ -](?:(?:fiscal|calendar|business|trading)\s)?(years?|months?|weeks?|days?|quarters?)\b", re.I
)
_APPROX = re.compile(
    r"(about|roughly|approximately|around|some|nearly|almost|close to|just under|just over|slightly (?:more|less) than|"
    r"slightly (?:over|under|above|below)|well over|over|more than|greater than|less than|fewer than|at least|"
    r"at most|up to|above|below|under|exceed(?:ed|s|ing)?|surpass(?:ed|ing)?|topp(?:ed|ing)|passed|crossed|"
    r"in excess of|north of|circa|c\.|~|≈)"
    r"\s?(?:a\s|an\s|the\s)?$",
    re.IGNORECASE,
)
_LOWER = re.compile(r"over|more than|greater|at least|above|exceed|surpass|excess|north|topp|passed|crossed")
_UPPER = re.compile(r"nearly|almost|under|less|fewer|at most|up to|below")
APPROXIMATE_TOLERANCE = Decimal("0.025")  # how far a number said to be approximate may lie from its source


@dataclass(frozen=True)
class NumberMention:
    """A number in a text: `text == source[start:end]`, `value` in base units with its own sign.

    `unit` is a currency code, 'CUR/share', 'fraction' (8 % is 0.08), 'points' (percentage points, as a
    fraction too: 1.5 points is 0.015), 'shares', 'multiple' (1.24x), 'years' and other durations, 'count' (a
    named thing) or 'number' (nothing says what it counts). A source value v agrees when `allows(v)`.
    `signed` says whether a sign was written; `aside` whether parentheses may be punctuation, not a minus.
    """

    text: str
    start: int
    end: int
    value: Decimal
    unit: str
    scale: int = 1
    half_step: Decimal = Decimal(0)  # half of the last printed place, in base units
    signed: bool = False
    aside: bool = False
    approximate: str = ""  # the word: 'about', 'nearly', …
    spelled: bool = False

    @property
    def low(self) -> Decimal:
        """The least source value that the stated rounding allows."""
        return self._interval()[0]

    @property
    def high(self) -> Decimal:
        """The greatest source value that the stated rounding allows."""
        return self._interval()[1]

    def allows(self, value: Decimal, *, any_sign: bool = False) -> bool:
        """Say whether a source's exact value may be printed as this number.

        The interval is closed, so that a tie (0.5) may have been rounded either way. With `any_sign` only
        the sizes are compared (a "loss of 3" is -3, an "outflow of 3" too).
        """
        low, high = self._interval()
        if low <= value <= high:
            return True
        return any_sign and low <= -value <= high

    def _interval(self) -> tuple[Decimal, Decimal]:
        low, high = self.value - self.half_step, self.value + self.half_step
        if not self.approximate:
            return low, high
        slack = max(self.half_step, min(_trailing_zeros(self), abs(self.value) * APPROXIMATE_TOLERANCE))
        word = self.approximate.lower()
        if _LOWER.search(word) and not _UPPER.search(word):  # "more than 390": the source lies above
            step = min(2 * _trailing_zeros(self), abs(self.value) / 10)
            return self.value, self.value + max(slack, step, abs(self.value) * APPROXIMATE_TOLERANCE)
        if _UPPER.search(word):
            return self.value - max(slack, abs(self.value) * APPROXIMATE_TOLERANCE), self.value
        return self.value - slack, self.value + slack


def _trailing_zeros(mention: NumberMention) -> Decimal:
    """Half of the last non-zero place: "about 400 billion" was rounded to 100 billion."""
    if not mention.value:
        return mention.half_step
    exponent = mention.value.normalize().as_tuple().exponent
    return max(mention.half_step, Decimal(5).scaleb(int(exponent) - 1))


def find_numbers(text: str, *, cell: bool = False) -> list[NumberMention]:
    """Return the numbers that `text` claims, in order.

    `cell` says that the text is one cell of a table, where parentheses are a minus sign. Text that is not
    a number (dates, years, references, code, links) is left out.
    """
    masked = blank_out(text)
    found: list[NumberMention] = []
    for match in _NUMBER.finditer(masked):
        mention = _read(masked, match, cell)
        if mention is not None:
            found.append(replace(mention, text=text[mention.start : mention.end]))
    for match in _SPELLED_FRACTION.finditer(masked):
        if match["top"].lower() == "a" and match["bottom"].lower() != "third":
            continue  # "a quarter" is three months, "a half" is rarely a number
        if match["bottom"].lower().startswith("quarter") and match["top"].lower() != "three":
            continue
        top = Decimal(SPELLED.get(match["top"].lower(), 1))
        value = top / _FRACTIONS[match["bottom"].lower()]
        found = [m for m in found if not (m.start < match.end() and match.start() < m.end)]
        found.append(
            NumberMention(
                text[match.start() : match.end()], match.start(), match.end(), value, "fraction",
                half_step=Decimal("0.005"), approximate=_approximate(masked, match.start()) or "about", spelled=True,
            )
        )  # fmt: skip
    found.sort(key=lambda mention: mention.start)
    return _share_units(masked, found)


def _read(text: str, match: re.Match[str], cell: bool) -> NumberMention | None:
    digits = match["digits"].lower()
    spelled = not digits[-1].isdigit()
    scale_word = (match["scale"] or "").lower()
    unit_word = (match["unit"] or "").strip(" \t-").lower()
    start, end = match.start(), match.end()
    while text[start].isspace():
        start += 1
    opened, closed = bool(match["outer"] or match["inner"]), bool(match["close1"] or match["close2"])
    percent_after = bool(match["close2"]) and match["close2"].endswith("%")
    if closed and not opened:  # the bracket belongs to the text around
        end = match.start("close1") if match["close1"] else match.start("close2")
        if match["close1"]:
            scale_word, unit_word = "", ""
        closed = percent_after = False
    if opened and not closed:
        if match["outer"]:
            return None
        start, opened = match.start("digits"), False
    tail = text[end:]
    if not spelled and end < len(text) and _glued(text, end):
        return None
    value = _value(digits)
    if value is None:
        return None
    if spelled and not scale_word and not unit_word and not (value > 1 and _COUNT.match(tail)):
        return None
    places = len(digits.split(".")[1]) if "." in digits else 0
    scale = 1
    for word in scale_word.split():
        scale *= SCALES[word]
    unit, factor, end = _unit(match, unit_word or ("%" if percent_after else ""), text, end, scale)
    if unit == "skip":
        return None
    multiplier = Decimal(scale) * factor
    half = Decimal(5).scaleb(-places - 1) * multiplier
    if spelled:
        half = Decimal("0.5") * multiplier if scale == 1 else half
    minus = bool(match["minus"] or match["minus2"])
    if match["minus"] and not cell and start > 0 and re.search(r"\w\s?$", text[:start]) and match["minus"] != "-":
        minus = False  # a dash between words
    # "(8)%" and "$(2,722)" are accounting's minus; "($2,722)" and "(8%)" may be an aside of the sentence.
    inside = bool(match["close2"]) and not percent_after and bool(scale_word or unit_word)
    aside = opened and closed and not cell and (inside or bool(match["outer"] and match["currency"]))
    negative = minus or (opened and closed and not aside)
    before = text[:start]
    if re.search(r"\b(?:negative|minus)\s+$", before, re.IGNORECASE):
        negative = True
    value = value * multiplier
    return NumberMention(
        text[start:end], start, end, -value if negative else value, unit, scale, half,
        signed=negative, aside=aside, approximate=_approximate(text, start), spelled=spelled,
    )  # fmt: skip


def _glued(text: str, end: int) -> bool:
    """Say whether letters follow at once: "10b5", "3M", "5G" are names."""
    rest = text[end : end + 3]
    if re.match(r"(?:m|mn|bn|k|p)\b", rest):
        return False
    if re.match(r"[A-Za-z_&/]", rest):
        return True
    return bool(re.match(r"[.,]\d|\(\w\)", rest))


def _value(digits: str) -> Decimal | None:
    if digits[-1].isdigit():
        return Decimal(digits.replace(",", ""))
    parts = digits.split("-")
    if any(part not in SPELLED for part in parts):
        return None
    return Decimal(sum(SPELLED[part] for part in parts))


def _unit(match: re.Match[str], word: str, text: str, end: int, scale: int) -> tuple[str, Decimal, int]:
    """Return the unit, the factor to base units, and where the number's text ends."""
    one, hundredth = Decimal(1), Decimal("0.01")
    word = re.sub(r"\s+", " ", word).removeprefix("u.s. ").removeprefix("us ")
    compact = word.replace(" ", "").replace("-", "")
    if compact in ("%", "percent", "pct"):
        after = re.match(r"[ -]points?\b", text[end:])
        return ("points", hundredth, end + after.end()) if after else ("fraction", hundredth, end)
    if compact.startswith(("percentagepoint", "percentpoint")) or compact in ("pp", "pps", "ppt", "ppts"):
        return "points", hundredth, end
    if compact in ("bps", "basispoint", "basispoints"):
        return "points", Decimal("0.0001"), end
    if compact in ("x", "×", "times"):
        return "multiple", one, end
    symbol = (match["currency"] or "").strip().upper()
    currency = _CURRENCIES.get(symbol, symbol) or _CURRENCY_WORDS.get(word, "")
    factor = one
    if compact in ("cent", "cents"):
        currency, factor = currency or "USD", hundredth
    tail = text[end:]
    if currency:
        # The words "per share" stay outside the mention: they also name the measure ("per diluted share").
        return (f"{currency}/share" if _PER_SHARE.match(tail) else currency), factor, end
    if compact in ("point", "points"):
        return "points", hundredth, end
    duration = _DURATION.match(tail)
    if duration and scale == 1:
        return ("skip" if tail[0] == "-" else duration[1].rstrip("s") + "s"), one, end
    if _SHARES.match(tail):
        return "shares", one, end
    return ("count" if _COUNT.match(tail) else "number"), one, end


_COMPARED = re.compile(
    r"[\d%)]\s*(?:(?:thousand|million|billion|trillion|bn|mn|cents|points?|percent|basis)\s*)*$", re.IGNORECASE
)


def _approximate(text: str, start: int) -> str:
    """Return the word that makes a number approximate; in "21% more than $31 billion" the $31 billion is exact."""
    found = _APPROX.search(text[max(0, start - 24) : start])
    if not found:
        return ""
    begin = max(0, start - 24) + found.start()
    if re.search(r"\bthan\s+the\s*$", text[begin:start].rstrip("$€£¥ "), re.I):
        return ""  # "less than the $34.9 billion of the year before" names that number exactly
    if re.search(r"than$|^(?:above|below|over|under)$", found[1], re.I) and _COMPARED.search(text[:begin]):
        return ""
    return found[1]


_JOIN = re.compile(r"\s*(?:,|,?\s?(?:and|or|to|versus|vs\.?|compared (?:to|with)|from)|[-\u2013])\s*$", re.IGNORECASE)


def _share_units(text: str, found: list[NumberMention]) -> list[NumberMention]:
    """Give "between 3 and 5 million" and "$1.2, $1.3 and $1.4 billion" one scale and unit."""
    for index in range(len(found) - 2, -1, -1):
        mine, following = found[index], found[index + 1]
        gap = text[mine.end : following.start].removesuffix("about ").removesuffix("approximately ")
        if not _JOIN.fullmatch(gap + " " if not gap.endswith(" ") else gap) or mine.scale != 1:
            continue
        bare = mine.unit == "number" and following.unit != "number"
        lone = mine.unit not in ("number", "fraction", "points") and following.unit == "number" and following.scale != 1
        if lone:  # "$3-5 billion"
            found[index + 1] = following = replace(following, unit=mine.unit)
        money = mine.unit == following.unit and following.scale != 1 and mine.unit != "number"
        plain = mine.unit == following.unit == "number" and following.scale != 1
        if (bare or money or plain) and ("." in mine.text or "," not in mine.text):
            factor = Decimal(following.scale)
            if following.unit in ("fraction", "points"):
                factor = Decimal("0.01") if "b" not in following.text.lower() else Decimal("0.0001")
            found[index] = replace(
                mine, value=mine.value * factor, half_step=mine.half_step * factor,
                unit=following.unit, scale=following.scale,
            )  # fmt: skip
    return found
