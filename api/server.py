"""Runs the HTTP application on a socket until a signal asks it to stop."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from typing import override

import uvicorn
from starlette.types import ASGIApp

_GRACE_S = 5  # for open requests to end


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us: its own handlers end the process before it has cleaned up."""

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        """Change no signal handler."""
        yield


def make_server(app: ASGIApp) -> Server:
    """Return a server for the application, without access log."""
    return Server(
        uvicorn.Config(app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=_GRACE_S)
    )


def run_until_signal(app: ASGIApp, sock: socket.socket, stopping: threading.Event, wake: Callable[[], None]) -> None:
    """Serve on a listening socket until SIGINT or SIGTERM; a second signal does not wait for open requests.

    At the first signal `stopping` is set and `wake` called, so that open event streams end.
    """
    server = make_server(app)

    def stop(_signal: int, _frame: object) -> None:
        server.force_exit = stopping.is_set()
        server.should_exit = True
        stopping.set()
        threading.Thread(target=wake, daemon=True).start()  # a handler may not wait for a lock that it interrupted

    previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        server.run(sockets=[sock])
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
