"""`ask`: a few sourced sentences, without a report."""

from __future__ import annotations

from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import question_of, start


def ask(asked: Asked) -> StartRun:
    """Start a short run of the question."""
    return start(asked, "ask", question_of(asked, asked.text("question")), told="Looking it up")


COMMAND = Command(
    "ask",
    "Answer a question in a few sourced sentences.",
    ask,
    (Argument("question", "what you want to know", rest=True),),
)
