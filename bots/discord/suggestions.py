"""Suggests what an argument may be while a person types: in time, or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from bots.command import Argument, Commands
from bots.discord.limits import CHOICE, CHOICES
from bots.inbound import Place
from tieout.model import Principal
from tieout.ports import Desk

_PATIENCE_S = 2.0  # Discord waits three seconds, the way there and back included
_log = structlog.get_logger(__name__)


class Suggestions:
    """Asks commands in threads of their own, so that slow ones keep nothing else waiting."""

    def __init__(self, commands: Commands, desk: Desk | None, principal: Callable[[Place, str], Principal]) -> None:
        """Take the commands, the use cases that they look in (None: only choices are suggested), and who looks."""
        self._commands = commands
        self._desk = desk
        self._principal = principal
        self._threads = ThreadPoolExecutor(4, "tieout-suggest")

    def close(self) -> None:
        """End the threads, without waiting for what they look up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of(self, command: str, argument: str, typed: str, place: Place, author: str) -> list[str]:
        """Return what fits the typed text, at most as much as Discord shows; nothing when it takes too long."""
        found = self._commands.find(command)
        wanted = next((one for one in found.arguments if one.name == argument), None) if found else None
        if wanted is None:
            return []
        loop = asyncio.get_running_loop()
        try:
            work = loop.run_in_executor(self._threads, self._look, wanted, typed, self._principal(place, author))
            suggested = await asyncio.wait_for(work, _PATIENCE_S)
        except Exception as error:  # a person goes on typing without
            _log.info("nothing_suggested", command=command, argument=argument, reason=type(error).__name__)
            return []
        return list(dict.fromkeys(one for one in suggested if 0 < len(one) <= CHOICE))[:CHOICES]

    def _look(self, argument: Argument, typed: str, who: Principal) -> Sequence[str]:
        if argument.suggest is None or self._desk is None:
            return [choice for choice in argument.choices if typed.lower() in choice.lower()]
        return argument.suggest(self._desk, who, typed)
