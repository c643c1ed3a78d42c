"""Runs a stand's HTTP server in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event, Thread
from typing import Any

from aiohttp import web

_PATIENCE_S = 30.0
_UPLOAD_LIMIT = 256 * 1024 * 1024


class Server:
    """Serves routes on 127.0.0.1, on a port that the system chooses."""

    def __init__(self, routes: list[web.RouteDef], cleanup: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._routes = routes
        self._cleanup = cleanup
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = Thread(target=self._run, name="stand", daemon=True)
        self._ready = Event()
        self._end = asyncio.Event()
        self._port = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop that everything here runs on; raises RuntimeError before the start."""
        if self._loop is None:
            raise RuntimeError("Enter the stand first: `with …Stand() as stand:`")
        return self._loop

    def start(self) -> str:
        """Start serving and return the base URL."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        if not self._ready.wait(_PATIENCE_S) or not self._port:
            raise RuntimeError("The stand's server did not start")
        return f"http://127.0.0.1:{self._port}"

    def stop(self) -> None:
        """End all connections and the thread."""
        self.loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            raise RuntimeError("The stand's server did not stop")

    def call[T](self, work: Coroutine[Any, Any, T], timeout_s: float = _PATIENCE_S) -> T:
        """Run a coroutine on the loop and wait for it. Not from the loop's own thread."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout_s)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        finally:
            self._ready.set()
            self.loop.close()

    async def _serve(self) -> None:
        application = web.Application(client_max_size=_UPLOAD_LIMIT)
        application.add_routes(self._routes)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self._port = runner.addresses[0][1]
        self._ready.set()
        await self._end.wait()
        await self._cleanup()
        await runner.cleanup()
