"""Blanks out what looks like a number in a text but claims nothing: dates, references, names, code, links."""

from __future__ import annotations

import re

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_YEAR = r"(?:19|20)\d\d"
_ORDINAL = r"(?:first|second|third|fourth|1st|2nd|3rd|4th)"
_SMALL = (
    r"(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|twenty-six|thirty-nine|fifty-two)"
)

# Each pattern is blanked whole, or only its group `gone` when it has one.
_PATTERNS = [
    # Markdown: code, link targets, references, HTML, list and heading numbers
    r"(?ms)^(?:```|~~~).*?(?:^(?:```|~~~)\s*$|\Z)",
    r"`[^`\n]*`",
    r"(?<=\])\([^)\n]*\)",
    r"(?m)^\s*\[[^\]\n]+\]:.*$",
    r"<!--.*?-->",
    r"</?[A-Za-z][^<>\n]*>",
    r"\{[a-z]+:[^{}\n]*\}",
    r"https?://\S+|www\.\S+|\S+@\S+\.\w+",
    r"\[\^?\d+(?:\s?[,\u2013-]\s?\d+)*\]",
    r"(?m)^\s{0,8}(?P<gone>\d+(?:\.\d+)*[.)])\s",
    r"(?m)^\s*#{1,6}\s+(?P<gone>\d+(?:\.\d+)*[.)]?)\s",
    r"[\u00b9\u00b2\u00b3\u2070-\u2079]+",
    # dates and periods
    rf"\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:\s?[\u2013-]\s?\d{{1,2}})?,?\s+{_YEAR}\b",
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH},?\s+{_YEAR}\b",
    rf"\b{_MONTH},?\s+{_YEAR}\b",
    rf"\b(?<!\$)\d{{1,2}}\s+{_MONTH}(?=\W|$)",
    rf"\b{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b(?![,.]\d)(?!\s?(?:%|percent|million|billion))",
    rf"\b{_YEAR}[-/.]\d{{1,2}}[-/.]\d{{1,2}}\b|\b\d{{1,2}}[/.]\d{{1,2}}[/.](?:\d\d|{_YEAR})\b",
    r"\b\d{1,2}:\d\d(?::\d\d)?(?:\s?[ap]\.?m\.?)?\b",
    rf"(?i)\b(?:fiscal|fy|financial|calendar|cy)[\s'’-]*(?:years?\s+)?(?:{_YEAR}|"
    rf"\d\d)(?:\s?[/\u2013-]\s?(?:{_YEAR}|\d\d))?(?!\d|,\d|\.\d)",
    rf"\b[1-4]?[QH][1-4]?[\s'’-]*(?:FY\s?)?(?:{_YEAR}|\d\d)?\b(?<=\d)",
    rf"(?i)\b{_ORDINAL}[\s-](?:fiscal\s)?(?:quarter|half|nine|six|three|two)s?(?:\s(?:months|quarters|weeks))?\b",
    r"(?i)\b(?:quarter|half)\s(?:[1-4]|one|two|three|four)\b",
    rf"(?i)\b{_SMALL}[\s-](?:months?|weeks?|quarters?|years?|days?)[\s-](?:period\s|periods\s)?(?:ended|ending|"
    rf"then ended|to date|earlier|ago|later|high|low|period|average|moving|rolling|RSI|EMA|SMA|term|window|"
    rf"history)\b",
    rf"(?i)\b(?:past|last|next|previous|prior|trailing|following|preceding|first|final|latest|every|each of the|"
    rf"of the)\s(?P<gone>{_SMALL})\s(?:fiscal\s|calendar\s|trading\s)?(?:months|weeks|quarters|years|days|"
    rf"periods)\b",
    rf"(?i)\b(?P<gone>{_SMALL})-(?:day|week|month|quarter|year|page|step|for-\w+|to-\w+)s?\b",
    rf"(?i)\b(?:within|next|over|in|than|for)\s(?:the\s)?(?P<gone>{_SMALL})\s(?:months|weeks|quarters|days)\b",
    r"(?i)\b(?P<gone>\d{1,2})-\s(?:or|and|to)\s[\d ]{1,2}-(?:day|week|month|year)s?\b",
    r"(?<![\w.,])\+\d{1,3}(?:[\s.-]\d{2,4}){2,}",
    r"(?i)\b(?P<gone>\d{1,2})-for-\d{1,2}\b",
    rf"(?<![\d.,$€£¥]){_YEAR}(?:s\b|(?:\s?[/\u2013-]\s?(?:{_YEAR}|\d\d))(?!\d|,\d)|(?![\d%]|,\d{{3}}|\.\d|"
    rf"\s?(?:%|percent|million|billion|thousand|trillion|employees|stores|associates|warehouses|shares|basis)))",
    # forms, notes, items, standards
    r"(?i)\b(?:10|8|6|20|40|S|F|11)-[KQFA1348]{1,2}(?:/A)?\b|\b(?:1099|W)-[A-Z0-9]\b",
    r"(?i)\bform\s+\d+(?:-\w+)?\b",
    r"(?i)\b(?:items?|notes?|parts?|sections?|sec\.|§+|chapters?|exhibits?|schedules?|tables?|figures?|fig\.|"
    r"charts?|appendix|annex|articles?|rules?|regulations?|topics?|subtopic|asc|asu|ifrs|ias|sfas|fas|fasb|sab|"
    r"iso(?:/iec)?|sop|pub\.?\s?l\.?|no\.|nos\.|number|step|steps|level|tier|phase|version|v\.|basel|title|"
    r"footnotes?|page|pages|pp?\.|line|lines|row|rows|column|day|week|scope|type|class|category|group|stage|"
    r"question|point|answer|volume|vol\.|chapter|code|"
    r"section)[\s\u00a0]*(?:#\s?)?(?P<gone>\d+(?:[.\u2013-]\d+)*[A-Za-z]?(?:\(\w+\))*(?:\s?(?:,|and|to|or|"
    r"through)\s\d+[A-Z]?\b(?!\s?(?:%|percent|million|billion))(?![.,]\d))*)(?![\d,.]*\d)(?!\s?(?:%|percent|"
    r"million|billion|thousand))",
    r"#\s?\d+\b",
    # names and parameters
    r"\bS&P[\s-]?\d+\b|\b(?:Nasdaq|NASDAQ)[\s-]?100\b|\bRussell\s?\d{4}\b|\bDow\s?(?:Jones\s)?30\b|"
    r"\bFTSE\s?\d+\b|\bFortune\s?\d+\b|\bDAX\s?\d+\b|\bNikkei\s?\d+\b|\bSTOXX\s?\d+\b",
    r"(?i)\b(?:rsi|macd|sma|ema|ma|atr|adx|bollinger|stochastic)\s?\(\s?\d+(?:\s?,\s?\d+)*\s?\)",
    r"(?i)\b(?:rsi|sma|ema)[\s-]\d{1,3}\b",
    r"(?i)\b(?:covid|sars-cov)-?\s?\d+\b|\b401\s?\(k\)|\b401\s?$|\b24/7\b|\b[2-6]G\b|(?<![\d.,$£€])\b3M\b|\b7-Eleven\b",
    r"(?i)\b(?:iphone|ipad|ipod|macbook|mac|ios|ipados|macos|watchos|"
    r"microsoft|macbook pro|macbook air|windows|xbox|playstation|office|dynamics|"
    r"series|watch series|android|ryzen|epyc|radeon|instinct|galaxy|boeing|airbus|model|prevnar|bnt|gen|"
    r"generation|group|club|route|interstate|formula|catch|studio|channel|rtx|gtx|"
    r"rx)[\s-]?(?P<gone>\d{1,4})(?![\d,.]*\d)(?!\s?(?:%|percent|million|billion|thousand|net))(?=[\s,.;:)’']|$)",
    r"\+?\(?\d{3}\)?[\s.-]\d{3}[\s.-]\d{4}\b",
    r"\b\d{2,3}-\d{5,8}\b|\b\d{10}-\d{2}-\d{6}\b",
    r"\b[A-Za-z]+[A-Za-z]*-\d+\b(?![\s-]?(?:million|billion|percent|%))",
    r"\b[A-Z]+\d+[A-Z\d]*\b",
]
_COMPILED = [re.compile(pattern) for pattern in _PATTERNS]


def blank_out(text: str) -> str:
    """Return `text` with everything that is no number claim replaced by spaces, the same length."""
    for pattern in _COMPILED:
        text = pattern.sub(_blank, text)
    return text


def _blank(match: re.Match[str]) -> str:
    whole = match[0]
    if "gone" in match.re.groupindex:
        start, end = match.start("gone") - match.start(), match.end("gone") - match.start()
        return whole[:start] + " " * (end - start) + whole[end:]
    return "".join(char if char == "\n" else " " for char in whole)
