"""`privately`: answer with what is the person's own, in direct messages."""

from __future__ import annotations

from dataclasses import replace

from bots.answer import find_run
from bots.command import Argument, Asked, Command, StartRun
from bots.commands._asking import question_of, start
from tieout.model import RunRequest

_TOLD = "Working on it, for you alone"


def privately(asked: Asked) -> StartRun:
    """Start a run that may use the person's own documents: of a question, or (a button) of what a run was asked."""
    meant = asked.text("question")
    if asked.arguments.get("verb"):
        run = find_run(asked.desk, asked.principal, meant)
        return StartRun(_anew(run.request, asked), told=_TOLD, private=True)
    return replace(start(asked, "research", question_of(asked, meant), told=_TOLD), private=True)


def _anew(request: RunRequest, asked: Asked) -> RunRequest:
    return replace(request, idempotency_key=None, door=asked.inbound.place.platform)


COMMAND = Command(
    "privately",
    "Answer in direct messages, with the documents that only you may use.",
    privately,
    (Argument("question", "what you want to know", rest=True),),
    verbs=("privately",),
)
