"""Reads which command a text means: its first word, else a question."""

from __future__ import annotations

import re

from bots.command import Command, Commands, arguments_of
from bots.follow_up import well_known
from pipelines.agents.question import asks_something

_QUESTION = "research"
_TELLING = 500  # characters that say whether a text is a question
_GREETING = re.compile(r"^\W*(?:hi|hello|hey|thanks|thank you|help)?\W*$", re.I)


def read_text(commands: Commands, text: str) -> tuple[Command, dict[str, str]]:
    """Return the command and its arguments. Raises InvalidInput naming what is missing or too much."""
    text = text.strip()
    if _GREETING.match(text):
        return commands.get("help"), {}
    first, *rest = text.split(maxsplit=1)
    command = commands.find(first.lstrip("/"))
    if command is None or (not first.startswith("/") and _is_sentence(command, text)):
        return commands.get(_QUESTION), arguments_of(commands.get(_QUESTION), text)
    return command, arguments_of(command, rest[0] if rest else "")


def _is_sentence(command: Command, text: str) -> bool:
    """Whether a text only begins like a command: "Show me Apple's revenue" has more words than `show RUN` takes."""
    words = text.split()
    if any(argument.rest for argument in command.arguments) or len(words) - 1 <= len(command.arguments):
        return False
    begins = text[:_TELLING]
    return not words[1].startswith("run_") and (asks_something(begins) or bool(well_known().mentioned(begins)))
