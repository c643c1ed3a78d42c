"""`research`: a report in which every number ties out."""

from __future__ import annotations

from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import question_of, start


def research(asked: Asked) -> StartRun:
    """Start a research run of the question."""
    return start(asked, "research", question_of(asked, asked.text("question")), told="Researching")


COMMAND = Command(
    "research",
    "Answer a question with a report in which every number ties out.",
    research,
    (Argument("question", "what you want to know", rest=True),),
)
