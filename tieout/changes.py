"""Wakes the threads of this process that wait for something to be committed, so that nobody polls busily."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class LocalChanges:
    """A counter under a condition: `Changes` for one process. Other processes' commits are seen by slow polling."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0
        self._listeners: dict[object, Callable[[], None]] = {}

    def notify(self) -> None:
        """Wake all who wait."""
        with self._condition:
            self._count += 1
            self._condition.notify_all()
            listeners = list(self._listeners.values())
        for listener in listeners:
            listener()

    def wait(self, seen: int, timeout_s: float) -> int:
        """Return the count of changes once it differs from `seen`, at the latest after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        with self._condition:
            while self._count == seen and (left := deadline - time.monotonic()) > 0:
                self._condition.wait(left)
            return self._count

    def listen(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back at each change; return the function that ends it."""
        key = object()
        with self._condition:
            self._listeners[key] = callback

        def end() -> None:
            with self._condition:
                self._listeners.pop(key, None)

        return end


_WRITES = frozenset(
    {
        "create_run",
        "cancel_run",
        "resume_run",
        "append_event",
        "claim_step",
        "complete_step",
        "fail_step",
        "hand_back",
        "release_lost",
        "put_artifact",
    }
)


class Announcing:
    """A run store whose writes are announced after they are committed; everything else passes through."""

    def __init__(self, store: Any, notify: Callable[[], None]) -> None:
        self._store = store
        self._notify = notify

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._store, name)
        if name not in _WRITES:
            return attribute

        def announced(*args: Any, **kwargs: Any) -> Any:
            outcome = attribute(*args, **kwargs)
            self._notify()
            return outcome

        return announced
