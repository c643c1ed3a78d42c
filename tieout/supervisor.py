"""Keeps the processes of `tieout worker` running: starts them, starts anew what dies, and passes on when to stop.

One process's death leaves its siblings alone. Each process reads its orders from a pipe that the supervisor holds:
should the supervisor itself be killed, the pipe breaks and they end, so that none is left behind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from tieout.worker import DRAIN, END

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_HEALTHY_S = 60.0  # who lived for so long starts with the first pause again
_LAST_S = 15.0  # for a process to end after it was told to end at once
_USAGE = 2  # the exit code of a process whose settings cannot be used: starting it again would not help
_SIGNAL = "signal"


def same_program(*arguments: str) -> list[str]:
    """Return the command that runs the program of this process again, with other arguments."""
    kept = len(sys.orig_argv) - len(sys.argv[1:])
    return [sys.executable, *sys.orig_argv[1:kept], *arguments]


@dataclass
class _Seat:
    """One of the processes that there should be, whichever it is just now."""

    number: int
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_s: float = _FIRST_PAUSE_S
    due: float = field(default=0.0)  # when to start the next one, of time.monotonic()


class Supervisor:
    """Runs `processes` copies of a command until it is told to stop. Used once."""

    def __init__(
        self,
        command: Sequence[str],
        processes: int,
        *,
        tell: Callable[[str], None],
        patience_s: float,
        first_pause_s: float = _FIRST_PAUSE_S,
    ) -> None:
        """`patience_s`: how long a draining process may take by its own account before it is killed."""
        self._command = [*command]
        self._seats = [_Seat(number, pause_s=first_pause_s) for number in range(1, processes + 1)]
        self._tell = tell
        self._patience_s = patience_s
        self._first_pause_s = first_pause_s
        self._news: SimpleQueue[_Seat | str] = SimpleQueue()  # a seat whose process ended, or a signal
        self._asked = 0  # how often to stop
        self._kill_at: float | None = None
        self._clean = True
        self._unusable = False

    def run(self) -> int:
        """Start the processes and stay until all have ended after a signal; return the exit code.

        SIGTERM or SIGINT drains; a second one ends at once. 0: all ended by themselves, having handed back what they
        did not finish. 2: the settings cannot be used. 1: some had to be killed.
        """
        with self._signals():
            while True:
                self._start_due()
                if self._asked and not self._running():
                    return _USAGE if self._unusable else int(not self._clean)
                try:
                    news = self._news.get(timeout=self._sleep_s())
                except Empty:
                    self._kill_late()
                    continue
                if isinstance(news, str):
                    self._stop()
                else:
                    self._ended(news)

    # ------------------------------------------------------------ processes

    def _start_due(self) -> None:
        for seat in self._seats:
            if not self._asked and seat.process is None and time.monotonic() >= seat.due:
                seat.started = time.monotonic()
                # A group of its own: Ctrl-C in a terminal reaches the supervisor alone, which passes it on.
                seat.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, process_group=0)  # noqa: S603
                threading.Thread(target=self._await, args=(seat, seat.process), daemon=True).start()

    def _await(self, seat: _Seat, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._news.put(seat)

    def _ended(self, seat: _Seat) -> None:
        process = seat.process
        if process is None:
            return
        seat.process = None
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        if self._asked:
            self._clean = self._clean and process.returncode == 0
            return
        if process.returncode == _USAGE:
            self._unusable = True
            self._stop()
            return
        lived = time.monotonic() - seat.started
        if lived >= _HEALTHY_S:
            seat.pause_s = self._first_pause_s
        seat.due = time.monotonic() + seat.pause_s
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
        self._tell(f"Worker process {process.pid} ended ({how}); another starts in {seat.pause_s:g} s.")
        seat.pause_s = min(_LONGEST_PAUSE_S, seat.pause_s * 2)

    def _running(self) -> list[subprocess.Popen[bytes]]:
        return [seat.process for seat in self._seats if seat.process is not None]

    # ------------------------------------------------------------ stopping

    def _stop(self) -> None:
        """Pass the wish on: drain at the first, end at once from the second on."""
        self._asked += 1
        first = self._asked == 1
        if first:
            self._tell("Draining: running steps may finish, nothing new is begun. Once more ends at once.")
        self._kill_at = time.monotonic() + (self._patience_s if first else 0.0) + _LAST_S
        for process in self._running():
            if process.stdin is not None:
                with suppress(OSError):  # it ended just now
                    process.stdin.write(DRAIN if first else END)
                    process.stdin.flush()

    def _kill_late(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            for process in self._running():
                self._tell(f"Worker process {process.pid} did not end in time and is killed.")
                process.kill()

    def _sleep_s(self) -> float:
        times = [seat.due for seat in self._seats if seat.process is None and not self._asked]
        if self._kill_at is not None:
            times.append(self._kill_at)
        return max(0.01, min(times) - time.monotonic()) if times else 3600.0

    @contextmanager
    def _signals(self) -> Iterator[None]:
        def noted(_number: int, _frame: object) -> None:
            self._news.put(_SIGNAL)  # the one kind of queue that a signal handler may use

        previous = {number: signal.signal(number, noted) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
