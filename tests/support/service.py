"""Runs the HTTP service on a real loopback socket in a thread."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from api.server import make_server
from api.service import create_app
from tests.support.desk import ADMIN
from tieout.application import Application

TOKEN = "correct-horse"


@dataclass
class Service:
    """A running service: where it is, and the switch that says it is about to stop."""

    url: str
    stopping: threading.Event


@contextmanager
def running(desk: Application, dashboards: Callable[[FastAPI], None] = lambda _app: None) -> Iterator[Service]:
    """Serve the desk until the block ends."""
    stopping = threading.Event()
    given = {"changes": desk.changes, "stopping": stopping.is_set, "dashboards": dashboards}
    app = create_app(desk, token=TOKEN, principal=ADMIN, **given)
    sock = socket.create_server(("127.0.0.1", 0))
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield Service(f"http://127.0.0.1:{sock.getsockname()[1]}", stopping)
    finally:
        stopping.set()
        desk.changes.notify()
        server.should_exit = True
        thread.join(30)
        sock.close()
