"""One process of `tieout worker`: runs steps until its supervisor, a signal or the supervisor's death ends it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tieout.errors import InvalidInput, TieoutError

if TYPE_CHECKING:
    from tieout.application import Application
    from tieout.settings import Settings

DRAIN, END = b"d", b"e"  # what the supervisor writes into the standard input of its processes
LONGEST_DRAIN_S = 600.0
_MARGIN_S = 2.0  # for a step that reached its limit to be failed in the store
_LAST_S = 10.0  # for handing back and closing, when nobody waits any more


def require_team(settings: Settings) -> None:
    """Raise InvalidInput in the embedded profile, where one process owns the data folder."""
    if settings.profile != "team":
        raise InvalidInput(
            f"`tieout worker` is for the team profile. In the embedded profile one process owns {settings.folder}: "
            "start `tieout up`, which runs workers, too. For the team profile set TIEOUT_PROFILE=team and "
            "TIEOUT_DATABASE_URL."
        )


class Orders:
    """What this process was told: to drain (take nothing new, finish what runs), and then to end at once."""

    def __init__(self, source: int | None = None) -> None:
        """`source` is the descriptor of a pipe whose other end the supervisor alone holds; it dies with him."""
        self.drain = threading.Event()
        self.hurry = threading.Event()
        self._source = source

    def obey(self) -> None:
        """Listen to the pipe and to SIGTERM and SIGINT, which both mean to drain. Call it from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.drain.set())
        if self._source is not None:
            threading.Thread(target=self._listen, name="tieout-orders", daemon=True).start()

    def _listen(self) -> None:
        # Not through sys.stdin: a thread that waits inside its buffer would break the interpreter's shutdown.
        while heard := os.read(self._source or 0, 16):
            if END in heard:
                self._end()
            self.drain.set()
        self._end()  # the supervisor is dead

    def _end(self) -> None:
        self.hurry.set()
        self.drain.set()
        last = threading.Timer(_LAST_S, os._exit, (1,))
        last.daemon = True
        last.start()


def work(settings: Settings, orders: Orders, *, drain_s: float | None, tell: Callable[[str], None]) -> None:
    """Run steps until told to drain, then let those that run finish and hand back what does not.

    `drain_s` bounds that wait; None means until the last running step must have reached its own limit, at most ten
    minutes. Raises InvalidInput in the embedded profile, NotAvailable when a part cannot be reached at the start.
    """
    from tieout.bootstrap import open_desk
    from tieout.model import WorkerKind

    require_team(settings)
    orders.obey()
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(settings, work=True, kind=WorkerKind.WORKER))
        if settings.metrics_port:
            from tieout.metrics import served

            port = stack.enter_context(served(desk.metrics, settings.metrics_host, settings.metrics_port))
            tell(f"Worker process {os.getpid()} serves metrics at http://{settings.metrics_host}:{port}/metrics.")
        tell(f"Worker process {os.getpid()} is ready: {settings.workers} threads, {desk.engine.owner}.")
        orders.drain.wait()
        finished = _drain(desk, orders, drain_s, tell)
    if not finished:
        # Threads that are still in a step cannot be ended from outside; what they write is refused. Nobody waits for
        # them, nor for what the interpreter would join on its way out.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _drain(desk: Application, orders: Orders, drain_s: float | None, tell: Callable[[str], None]) -> bool:
    """Stop the engine; return whether all that ran had the time to finish."""
    patience = min(LONGEST_DRAIN_S, _limit_s(desk) + _MARGIN_S) if drain_s is None else drain_s
    until = time.monotonic() + patience
    tell(f"Worker process {os.getpid()} drains: it takes no new steps and finishes what runs, within {patience:.0f} s.")
    stopping = threading.Thread(target=desk.engine.stop, kwargs={"timeout_s": patience}, daemon=True)
    stopping.start()
    while stopping.is_alive() and time.monotonic() < until and not orders.hurry.wait(0.05):
        pass
    finished = not stopping.is_alive()
    desk.engine.stop(timeout_s=0.0)  # nothing when it has stopped; else it hands back without waiting further
    return finished


def _limit_s(desk: Application) -> float:
    """Return in how many seconds the last running step of this process reaches its limit."""
    if desk.worker_store is None:
        return LONGEST_DRAIN_S
    try:
        return max(0.0, desk.worker_store.time_left_s(desk.engine.owner, now=datetime.now(UTC)))
    except TieoutError:
        return LONGEST_DRAIN_S  # the database is away; it may come back while steps run
