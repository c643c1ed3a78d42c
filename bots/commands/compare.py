"""`compare`: two or more companies side by side."""

from __future__ import annotations

import re

from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import companies, known_companies, question_of, start, suggest_tickers, ticker_of
from tieout.errors import InvalidInput, UnknownInstrument

_ABOUT = re.compile(r"\s+(?:on|by|in terms of|for)\s+", re.I)
_USUALLY = (
    "revenue, operating margin and net income in the latest fiscal year, and the stock returns over the last year"
)


def compare(asked: Asked) -> StartRun:
    """Start a research run that sets companies side by side; a sentence about them is a question as it is."""
    text = asked.text("companies")
    listed, *about = _ABOUT.split(text, maxsplit=1)
    try:
        found = companies(asked, listed)
    except UnknownInstrument:
        if not known_companies(asked.desk, asked.principal).mentioned(text):
            raise
        return start(asked, "research", question_of(asked, f"Compare {text}"), told="Comparing")
    if len(found) < 2:
        raise InvalidInput(f"{found[0].name} alone cannot be compared: name another, as in `compare AAPL WMT`.")
    names = [one.name for one in found]
    question = f"Compare {', '.join(names[:-1])} and {names[-1]}: {about[0] if about else _USUALLY}."
    return start(asked, "research", question, told="Comparing", tickers=[ticker_of(one) for one in found])


COMMAND = Command(
    "compare",
    "Set companies side by side, on what you name or on the usual.",
    compare,
    (
        Argument(
            "companies", "two or more tickers or names, and `on …` what to compare", rest=True, suggest=suggest_tickers
        ),
    ),
)
