"""`brief`: a company's latest fiscal year and its stock, on a page."""

from __future__ import annotations

from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import company, known_companies, question_of, start, suggest_tickers, ticker_of
from tieout.errors import UnknownInstrument

_QUESTION = (
    "Brief on {name}: an overview of its revenue, margins and cash flow in the latest fiscal year, "
    "and how has the stock done over the last year?"
)


def brief(asked: Asked) -> StartRun:
    """Start a research run about a company; a text that only names one beside other words is a question as it is."""
    text = asked.text("ticker")
    try:
        found = company(asked, text)
    except UnknownInstrument:
        if len(text.split()) < 2 or not known_companies(asked.desk, asked.principal).mentioned(text):
            raise
        return start(asked, "research", question_of(asked, f"Brief {text}"), told="Researching")
    question = _QUESTION.format(name=found.name)
    return start(asked, "research", question, told="Researching", tickers=(ticker_of(found),))


COMMAND = Command(
    "brief",
    "Report on a company: its latest fiscal year, and its stock over the last twelve months.",
    brief,
    (Argument("ticker", "a ticker or a company's name", rest=True, suggest=suggest_tickers),),
)
