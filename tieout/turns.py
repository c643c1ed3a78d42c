"""Hands claimed steps to the threads of a process, and has what they complete committed in sets.

A thread that has a result posts it and asks for the next step. If nobody writes just then, it writes: all results that
were posted, and claims of hinted steps, in one transaction. The others go on with what was claimed meanwhile, or wait
for the write. So one flush of the disk, or one round trip, serves many steps, and a result waits for one write at the
most. Steps are claimed for the threads that wait and, while steps are quick, some ahead of them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from tieout.ports import StepOutcome
from tieout.step_context import Execution

type Posted = tuple[Execution, StepOutcome]  # a step that was carried out, with its plain result

_AHEAD_S = 0.01  # how long a step that is claimed ahead should wait for its thread
_MOST_AHEAD = 32
_LEARNS = 1 / 16  # the weight of the newest in the usual duration of a step
_UNKNOWN_S = 0.1  # the usual duration before any step was carried out


class Turns:
    """What the threads of one process do next. Safe for many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._posted: list[Posted] = []
        self._wanted: list[str] = []  # hinted steps
        self._claimed: deque[tuple[Execution, float]] = deque()  # not begun, and since when (time.monotonic)
        self._writing = False
        self._waiting = 0  # threads, for the end of a write
        self._called = False  # one of them was woken and has not come yet
        self._dry = False  # nothing was hinted at when it was last looked
        self._usual_s = _UNKNOWN_S

    def want(self, step_id: str) -> None:
        """Have a step claimed by the next write; the thread then calls `next`."""
        with self._changed:
            self._wanted.append(step_id)

    def post(self, execution: Execution, outcome: StepOutcome) -> None:
        """Have a result committed by the next write; the thread then calls `next`."""
        with self._changed:
            self._posted.append((execution, outcome))

    def took(self, seconds: float) -> None:
        """Learn how long a step has taken."""
        self._usual_s += (seconds - self._usual_s) * _LEARNS

    def next(
        self,
        take: Callable[[int], Sequence[str]],
        write: Callable[[Sequence[Posted], Sequence[str]], Iterable[Execution]],
    ) -> Execution | None:
        """Return a claimed step to carry out; None when there is none and nothing is left to be written.

        `take` gives ids of hinted steps, up to so many. `write` commits results and claims steps; what it raises is
        raised once nothing waits to be written.
        """
        trouble: Exception | None = None
        with self._changed:
            while True:
                if not self._writing and (self._posted or self._wanted or not self._claimed):
                    try:
                        self._write(take, write)
                    except Exception as error:
                        trouble = trouble or error
                    if trouble is not None and not self._posted:
                        raise trouble
                elif self._claimed:
                    execution, _ = self._claimed.popleft()
                    self._call_one()
                    return execution
                else:
                    self._wait()
                if self._dry and not (self._writing or self._claimed or self._posted or self._wanted):
                    return None

    def not_begun(self, *, after_s: float) -> list[Execution]:
        """Take back the steps that were claimed so many seconds ago and are not begun; return them."""
        with self._changed:
            before = time.monotonic() - after_s
            taken = [execution for execution, since in self._claimed if since <= before]
            self._claimed = deque(one for one in self._claimed if one[1] > before)
            return taken

    def _write(
        self,
        take: Callable[[int], Sequence[str]],
        write: Callable[[Sequence[Posted], Sequence[str]], Iterable[Execution]],
    ) -> None:
        """Write all that waits, with the lock set free meanwhile."""
        posted, self._posted = self._posted, []
        wanted, self._wanted = self._wanted, []
        room = max(self._waiting + 1, self._ahead()) - len(self._claimed) - len(wanted)
        self._writing, self._dry = True, False
        claimed: Iterable[Execution] = ()
        self._changed.release()
        try:
            if room > 0:
                hinted = take(room)
                self._dry = not (hinted or posted or wanted)  # what is written may lead to more
                wanted += hinted
            if posted or wanted:
                claimed = write(posted, wanted)
        except Exception:
            raise
        except BaseException:  # an interrupt of this thread: another one writes
            self._posted[:0] = posted
            raise
        finally:
            self._changed.acquire()
            now = time.monotonic()
            self._claimed.extend((execution, now) for execution in claimed)
            self._writing = False
            if self._dry and not self._claimed:
                self._called = False
                self._changed.notify_all()
            else:
                self._call_one()

    def _ahead(self) -> int:
        return int(min(_MOST_AHEAD, _AHEAD_S / max(self._usual_s, 1e-6)))

    def _wait(self) -> None:
        self._waiting += 1
        self._changed.wait()
        self._waiting -= 1
        self._called = False

    def _call_one(self) -> None:
        """Wake one thread that waits; it wakes the next one when there is more to do than for itself."""
        if self._waiting and not self._called:
            self._called = True
            self._changed.notify()
