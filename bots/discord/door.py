"""Connects to Discord, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bots.audience import principal_of
from bots.command import discover
from bots.discord.refusals import refusal
from bots.inbound import Inbound
from bots.intake import Taken
from tieout.errors import NotAvailable
from tieout.ports import Desk
from tieout.settings import Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from bots.discord.catch_up import Absence

_READY_S = 60.0
_STOP_S = 10.0
_log = structlog.get_logger(__name__)


class DiscordDoor:
    """Receives over the gateway. `take` commits an event before it is acknowledged.

    discord.py connects again by itself, and resumes; what then comes twice has the same key.
    """

    def __init__(self, settings: Settings, take: Callable[[Inbound], Taken], desk: Desk | None = None) -> None:
        """Take the settings with their token, and the use cases that suggestions are looked up in.

        Nothing is connected yet. Raises NotAvailable without a token.
        """
        if settings.discord_token is None:
            raise NotAvailable(
                "Discord needs TIEOUT_DISCORD_TOKEN, the bot's token; `tieout credentials set` keeps it, too."
            )
        self._settings = settings
        self._token = settings.discord_token
        self._take = take
        self._desk = desk
        self._ready: Future[None] = Future()
        self._stopping: Callable[[], object] = lambda: None
        self._thread = threading.Thread(target=self._run, name="tieout-discord", daemon=True)

    def start(self) -> None:
        """Connect; return once events come. Raises NotAvailable: the token, an intent, or Discord is not there."""
        try:
            from bots.discord.address import point_at
        except ImportError as error:
            raise NotAvailable("Discord needs the package discord.py; install tieout[discord].") from error
        point_at(self._settings.discord_api_url)
        self._thread.start()
        try:
            self._ready.result(_READY_S)
        except TimeoutError as error:
            self.stop()
            raise NotAvailable(f"Discord's gateway was not ready within {_READY_S:g} s; try again.") from error

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return the service's application: Discord calls nothing over HTTP."""
        return app

    def stop(self) -> None:
        """Disconnect."""
        self._stopping()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._receive())
        except asyncio.CancelledError:
            self._end(NotAvailable("Discord's door was closed before it was ready."), asked=True)
        except Exception as error:
            self._end(refusal(error, self._settings.discord_api_url))

    def _end(self, error: Exception, *, asked: bool = False) -> None:
        """Tell who waits in `start`, or log that no more events come."""
        if not self._ready.done():
            self._ready.set_exception(error)
        elif not asked:
            _log.error("door_closed", platform="discord", reason=str(error))

    async def _receive(self) -> None:
        from bots.discord.client import Receiver
        from bots.discord.suggestions import Suggestions

        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._stopping = lambda: loop.is_closed() or loop.call_soon_threadsafe(task.cancel)
        commands = discover()
        principal = partial(principal_of, settings=self._settings)
        suggestions = Suggestions(commands, self._desk, principal)
        try:
            receiver = Receiver(self._take, commands, suggestions, ready=self._tell_ready, away=self._absence)
            async with receiver as client:
                await client.start(self._token.get_secret_value())
        finally:
            suggestions.close()

    def _absence(self) -> Absence | None:
        from bots.discord.catch_up import absence

        workspaces = dict.fromkeys((self._settings.workspace, *self._settings.chat_workspaces.values()))
        return absence(self._desk, workspaces) if self._desk is not None else None

    def _tell_ready(self) -> None:
        if not self._ready.done():  # it is told again after every new session
            self._ready.set_result(None)
