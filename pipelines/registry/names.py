"""Compares company names as people and filings write them: case, punctuation and legal forms set aside."""

from __future__ import annotations

import re

_PUNCTUATION = re.compile(r"[^\w&+\s-]|_")
_LEGAL = frozenset(
    {"inc", "incorporated", "corp", "corporation", "co", "company", "companies", "ltd", "limited", "llc", "lp", "plc"}
    | {"sa", "nv", "ag", "se", "holdings", "holding", "group", "trust", "com", "de", "md", "new"}
)

# A name that is also an ordinary word: it counts only with a capital inside a sentence, or as "Target's".
ORDINARY_NAMES = frozenset(
    {
        "target",
        "block",
        "alphabet",
        "gap",
        "square",
        "match",
        "shell",
        "visa",
        "oracle",
        "micron",
        "meta",
    }
    | {"corning", "southern", "delta", "caterpillar", "snowflake", "dow", "best", "general", "discover", "progressive"}
    | {"sprint", "zoom", "twist", "yum", "chase", "southwest", "united", "american", "national", "first", "capital"}
    | {"global", "international", "energy", "financial", "service", "services", "bank", "cash", "apartment", "public"}
    | {"realty", "crown", "ball", "post", "news", "fox", "host", "welltower", "equity", "ross", "tapestry", "nucor"}
)

# Capital letters that finance uses for something else; as tickers they need a mark: $MA, (NYSE: MA), ticker MA.
ORDINARY_CAPITALS = frozenset(
    {
        "A",
        "I",
        "ALL",
        "IT",
        "NOW",
        "SO",
        "LOW",
        "CAT",
        "DE",
        "MET",
        "ARE",
        "ON",
        "KEY",
        "EPS",
        "FCF",
        "USA",
        "US",
        "CEO",
    }
    | {"CFO", "SEC", "PE", "ETF", "GDP", "EBIT", "EBITDA", "MA", "RSI", "MACD", "EA", "CI", "PM", "DOW", "YOY", "QOQ"}
    | {"ROA", "ROE", "ROI", "ROIC", "CAGR", "IPO", "ESG", "FY", "TTM", "LTM", "YTD", "MD", "DA", "RD", "AI", "AR", "AP"}
    | {
        "PPE",
        "COGS",
        "SGA",
        "OR",
        "AND",
        "NOT",
        "FOR",
        "BE",
        "BY",
        "CAN",
        "HAS",
        "OUT",
        "ONE",
        "TWO",
        "NEW",
        "BIG",
        "GO",
    }
    | {
        "UP",
        "AN",
        "AM",
        "PM",
        "EU",
        "UK",
        "IR",
        "HR",
        "PR",
        "TV",
        "PC",
        "SMA",
        "EMA",
        "VAR",
        "USD",
        "EUR",
        "GAAP",
        "IFRS",
    }
    | {
        "CASH",
        "DPO",
        "DSO",
        "DIO",
        "CCC",
        "NET",
        "EV",
        "BETA",
        "RUN",
        "CL",
        "MO",
        "MS",
        "SQL",
        "CSV",
        "PDF",
        "HTML",
    }
    | {"API", "JSON", "ADD", "SELECT", "FROM", "DROP", "TABLE", "ANY", "WELL", "GOOD", "BEST", "FAST", "REAL", "TRUE"}
)


def normal(name: str) -> str:
    """Return a name for comparing: lower case, no punctuation, no leading `the`, no trailing legal forms."""
    words = _PUNCTUATION.sub(" ", name.replace("’", "'").replace("'", "").replace(".", "")).casefold().split()
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    while len(words) > 1 and (words[-1] in _LEGAL or words[-1] in ("&", "and")):
        words = words[:-1]
    return " ".join(words)


def squashed(name: str) -> str:
    """Return a name as file names write it: letters and digits only, `BESTBUY` for Best Buy Co., Inc."""
    return re.sub(r"[^a-z0-9]", "", normal(name).replace("&", ""))
