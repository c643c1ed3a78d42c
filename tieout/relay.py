"""Carries wake-ups between processes over a line (Redis, PostgreSQL), in front of the changes of this process.

A wake-up is a hint: it may be dropped, joined with others or come twice. So a commit never waits for the line, what
piled up meanwhile travels as one message, and whenever a line was down all who wait look once.
"""

from __future__ import annotations

import json
import secrets
import selectors
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import Protocol

import structlog

from tieout.changes import LocalChanges
from tieout.ports import READY

MOST_BYTES = 7_000  # PostgreSQL refuses a payload of 8,000
_GATHER_S = 0.005  # after each message: what is told meanwhile goes together, so that a busy process spends little
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0
_WORTH_TELLING = 2  # failures in a row
_GOODBYE_S = 2.0
_log = structlog.get_logger(__name__)


class Line(Protocol):
    """A way to reach other processes: one connection to send, another to receive, each used by one thread.

    Any method may raise when the line is down; the same method called again tries anew.
    """

    def send(self, text: str) -> None:
        """Send a text (at most `MOST_BYTES`, ASCII) to all who receive; connect when needed."""
        ...

    def open(self) -> int:
        """Connect to receive; return a file descriptor that is readable when something has come."""
        ...

    def receive(self) -> Iterable[str]:
        """Return all texts that have come, without waiting."""
        ...

    def hang_up(self) -> None:
        """Close the receiving connection if it is open."""
        ...

    def close(self) -> None:
        """Close the sending connection if it is open."""
        ...


class RelayedChanges:
    """`Changes` for several processes. The threads start when first needed; `close` ends them."""

    poll_s = 2.0  # the fall-back while the line is down

    def __init__(self, line: Line, *, name: str) -> None:
        """Take the line; `name` is what logs call it."""
        self._line = line
        self._name = name
        self._local = LocalChanges()
        self._origin = secrets.token_hex(6)
        self._lock = threading.Lock()
        self._pending: set[str | None] = set()
        self._due = threading.Event()
        self._hurried = threading.Event()
        self._closing = threading.Event()
        self._sender: threading.Thread | None = None
        self._receiver: threading.Thread | None = None
        self._resources = ExitStack()
        self._bell: socket.socket | None = None

    def notify(self, run_id: str | None = None) -> None:
        """Wake who waits for this run, or for any, in all processes; with None, all. Never waits for the line."""
        self._local.notify(run_id)
        with self._lock:
            if self._closing.is_set():
                return
            self._pending.add(run_id)
            if self._sender is None:
                self._sender = self._start(self._send_forever, "sender")
        if run_id == READY:
            self._hurried.set()
        self._due.set()

    def wait(self, seen: int, timeout_s: float, run_id: str | None = None) -> int:
        """Return the count of changes once there are some after `seen`, at the latest after `timeout_s` seconds."""
        if timeout_s > 0:
            self._hear()
        return self._local.wait(seen, timeout_s, run_id)

    def listen(self, callback: Callable[[], None], run_id: str | None = None) -> Callable[[], None]:
        """Call back at each change, of this run only when given; return the function that ends it."""
        end = self._local.listen(callback, run_id)
        self._hear()
        return end

    def close(self) -> None:
        """Send what is still to be sent, if the line is up, and end the threads. Waking goes on in this process."""
        with self._lock:
            if self._closing.is_set():
                return
            self._closing.set()
            sender, receiver, bell = self._sender, self._receiver, self._bell
        self._due.set()
        if bell is not None:
            bell.send(b"!")
        for thread in (sender, receiver):
            if thread is not None:
                thread.join(_GOODBYE_S)
        self._resources.close()

    def _start(self, work: Callable[[], None], what: str) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"tieout-changes-{what}", daemon=True)
        thread.start()
        return thread

    # ------------------------------------------------------------ sending

    def _send_forever(self) -> None:
        trouble = _Trouble(self._name, "send", self._closing)
        while True:
            self._due.wait()
            self._due.clear()
            self._hurried.clear()
            last = self._closing.is_set()
            with self._lock:
                pending, self._pending = self._pending, set()
            try:
                if pending:
                    self._line.send(self._written(pending))
                    trouble.over()
                    # What is ready follows the news of its run at once: a worker may be idle.
                    (self._closing if READY in pending else self._hurried).wait(_GATHER_S)
            except Exception as error:
                self._due.set()  # what was not sent is not kept: all others will look, once
                with self._lock:
                    self._pending = {None}
                if not last:
                    trouble.pause(error)
            if last:
                break
        with suppress(Exception):
            self._line.close()

    def _written(self, pending: set[str | None]) -> str:
        ids = None if None in pending else sorted(filter(None, pending))
        text = json.dumps([self._origin, ids], separators=(",", ":"))
        return text if len(text) <= MOST_BYTES else json.dumps([self._origin, None])

    # ------------------------------------------------------------ receiving

    def _hear(self) -> None:
        if self._receiver is not None:
            return
        with self._lock:
            if self._receiver is None and not self._closing.is_set():
                ear, self._bell = socket.socketpair()
                self._resources.enter_context(ear)
                self._resources.enter_context(self._bell)
                self._receiver = self._start(lambda: self._receive_forever(ear), "receiver")

    def _receive_forever(self, ear: socket.socket) -> None:
        trouble = _Trouble(self._name, "receive", self._closing)
        while not self._closing.is_set():
            try:
                line = self._line.open()
                trouble.over()
                self._local.notify()  # who waits may have missed what was committed before
                with selectors.DefaultSelector() as selector:
                    selector.register(line, selectors.EVENT_READ)
                    selector.register(ear, selectors.EVENT_READ)
                    while not self._closing.is_set():
                        selector.select()
                        for text in self._line.receive():
                            self._take(text)
            except Exception as error:
                if not self._closing.is_set():
                    trouble.pause(error)
            finally:
                with suppress(Exception):
                    self._line.hang_up()

    def _take(self, text: str) -> None:
        try:
            origin, ids = json.loads(text)
            if origin != self._origin:  # what this process sent, it has told already
                for run_id in [None] if ids is None else ids:
                    self._local.notify(run_id)
        except (ValueError, TypeError):
            self._local.notify()  # somebody said something


class _Trouble:
    """Says once that a line is down and once that it is up again, and waits longer each time in between.

    Not at the first failure: servers and routers cut idle connections, and the next one is made at once.
    """

    def __init__(self, name: str, what: str, closing: threading.Event) -> None:
        self._name = name
        self._what = what
        self._closing = closing
        self._failures = 0

    def pause(self, error: Exception) -> None:
        """Wait before the next try, no longer than until the end; say so once."""
        self._failures += 1
        if self._failures == _WORTH_TELLING:
            _log.warning("wake_ups_lost", line=self._name, cannot=self._what, reason=str(error))
        self._closing.wait(min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10)))

    def over(self) -> None:
        """Say that it works again, if it did not."""
        if self._failures >= _WORTH_TELLING:
            _log.info("wake_ups_restored", line=self._name)
        self._failures = 0
