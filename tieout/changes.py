"""Wakes the threads of this process that wait for something to be committed, so that nobody polls busily."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from tieout.model import Run
from tieout.ports import Advanced, Claimed

_STRIPES = 1024


class LocalChanges:
    """`Changes` for one process: a counter, and beside it the count at the last change of each run.

    Runs share a fixed number of such counts, so that memory does not grow with them: now and then a follower wakes
    for a run that is not its own, and never misses one that is.
    """

    poll_s = 0.5

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._last_of_all = 0
        self._last_of_run = [0] * _STRIPES
        self._waiting: dict[str | None, _Waiting] = {}
        self._listeners: dict[str | None, dict[object, Callable[[], None]]] = {}

    def notify(self, run_id: str | None = None) -> None:
        """Wake who waits for this run or for any; with None, all."""
        with self._lock:
            self._count += 1
            if run_id is None:
                self._last_of_all = self._count
            else:
                self._last_of_run[hash(run_id) % _STRIPES] = self._count
            for waiting in _concerned(self._waiting, run_id):
                waiting.condition.notify_all()
            listeners = [call for of_run in _concerned(self._listeners, run_id) for call in of_run.values()]
        for listener in listeners:
            listener()

    def wait(self, seen: int, timeout_s: float, run_id: str | None = None) -> int:
        """Return the count of changes once there are some after `seen`, at the latest after `timeout_s` seconds.

        With a run's id, once the run may have changed.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            if not self._changed(seen, run_id) and timeout_s > 0:
                with self._waiter(run_id) as condition:
                    while not self._changed(seen, run_id) and (left := deadline - time.monotonic()) > 0:
                        condition.wait(left)
            return self._count

    def listen(self, callback: Callable[[], None], run_id: str | None = None) -> Callable[[], None]:
        """Call back at each change, of this run only when given; return the function that ends it."""
        key = object()
        with self._lock:
            self._listeners.setdefault(run_id, {})[key] = callback

        def end() -> None:
            with self._lock:
                of_run = self._listeners.get(run_id, {})
                of_run.pop(key, None)
                if not of_run:
                    self._listeners.pop(run_id, None)

        return end

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _changed(self, seen: int, run_id: str | None) -> bool:
        if run_id is None:
            return self._count != seen
        return max(self._last_of_all, self._last_of_run[hash(run_id) % _STRIPES]) > seen

    @contextmanager
    def _waiter(self, run_id: str | None) -> Iterator[threading.Condition]:
        waiting = self._waiting.setdefault(run_id, _Waiting(self._lock))
        waiting.threads += 1
        try:
            yield waiting.condition
        finally:
            waiting.threads -= 1
            if not waiting.threads:
                del self._waiting[run_id]


class _Waiting:
    """The threads that wait for one run, under the lock of the changes."""

    def __init__(self, lock: threading.Lock) -> None:
        self.condition = threading.Condition(lock)
        self.threads = 0


def _concerned[T](by_run: dict[str | None, T], run_id: str | None) -> Iterable[T]:
    """Return what stands under any run, and what stands under this one; with None, all."""
    if run_id is None:
        return by_run.values()
    return [by_run[key] for key in (None, run_id) if key in by_run]


_READS = frozenset(
    "steps events artifacts ready_steps waits dead_letters unknown_effects lost_claims depths audit usage deeds "
    "states".split()
)
_READING = ("running_", "get_", "list_", "find_", "count_", "holds_", "is_", "has_", "next_")
_UNSEEN = frozenset({"renew_leases"})  # nobody follows leases
_LOOKS = frozenset({"advance", "claim_step", "promote_due", "end_sub_runs", "release_lost"})  # mostly change nothing
_FEW = 16


class Announcing:
    """A run store whose writes are announced after they are committed; reads pass through.

    Whatever does not look like a read is taken for a write: a needless wake-up costs a look at SQL, a missing one a
    follower's patience.
    """

    def __init__(self, store: Any, notify: Callable[[str | None], None]) -> None:
        self._store = store
        self._notify = notify

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if not callable(attribute) or not announces(name):
            return attribute

        @wraps(attribute)
        def announced(*args: Any, **kwargs: Any) -> Any:
            outcome = attribute(*args, **kwargs)
            concerned = runs_in((*args, *kwargs.values(), outcome))
            if name in _LOOKS and not concerned:
                return outcome
            for run_id in concerned if 0 < len(concerned) <= _FEW else {None}:
                self._notify(run_id)
            return outcome

        setattr(self, name, announced)  # found without this function from now on
        return announced


def announces(name: str) -> bool:
    """Return whether a store's method of this name is announced."""
    return not (name.startswith(("_", *_READING)) or name in _READS or name in _UNSEEN)


def runs_in(values: Iterable[object]) -> set[str | None]:
    """Return the ids of the runs that a call's arguments and outcome name; None stands for others beside them.

    An id that was given as text is not trusted: stores take unique prefixes, too. A run that a step of another waits
    for may have changed that one as well, which is not named.
    """
    runs: set[str | None] = set()
    for value in values:
        if isinstance(value, list | tuple):
            runs |= runs_in(value)
        elif isinstance(value, Advanced):
            runs |= runs_in(value.opened) | runs_in(value.claimed)
        elif isinstance(value, Claimed | Run):
            run = value.run if isinstance(value, Claimed) else value
            runs |= {run.id} if run.parent_step is None else {run.id, None}
        elif isinstance(run_id := getattr(value, "run_id", None), str):  # steps, events, waits, dead letters
            runs.add(run_id)
    return runs
