"""Decides which ready steps to hint at: few at a time, each once, and again when a hint seems lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tieout.ports import ReadyStep

_GRACE_S = 0.25  # a hint younger than this is on its way, even if nobody seems to have it
_RESEND_S = 2.0  # then twice as long each time: all workers may simply be busy
_LONGEST_RESEND_S = 30.0


@dataclass
class _Hint:
    sent_at: float
    times: int = 1


class Dispatcher:
    """Remembers the hints that it sent. Safe for many threads."""

    def __init__(self, send: Callable[[Sequence[str]], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._hints: dict[str, _Hint] = {}
        self._lock = threading.Lock()
        self.resent = 0  # hints that were sent again, as they seemed lost

    def dispatch(self, ready: Sequence[ReadyStep], *, idle: Callable[[], bool]) -> int:
        """Send a hint for each ready step that needs one; return how many.

        `idle` says that workers are free and the broker is empty: what is ready and was hinted at is then lost.
        """
        now = self._clock()
        with self._lock:
            known = {step.step_id for step in ready}
            self._hints = {step_id: hint for step_id, hint in self._hints.items() if step_id in known}
            old = any(now - hint.sent_at >= _GRACE_S for hint in self._hints.values())
        lost = old and idle()
        with self._lock:
            due = [step.step_id for step in ready if self._is_due(step.step_id, now, lost=lost)]
            self._note(due, now)
        if due:
            self._send(due)
        return len(due)

    def offer(self, opened: Sequence[ReadyStep]) -> None:
        """Send hints at once for steps that have just become ready."""
        now = self._clock()
        with self._lock:
            fresh = [step.step_id for step in opened if step.step_id not in self._hints]
            self._note(fresh, now)
        if fresh:
            self._send(fresh)

    def forget(self) -> None:
        """Forget all hints, as after a loss of the broker."""
        with self._lock:
            self._hints.clear()

    def _note(self, step_ids: Sequence[str], now: float) -> None:
        for step_id in step_ids:
            before = self._hints.get(step_id)
            self.resent += before is not None
            self._hints[step_id] = _Hint(now, 1 if before is None else before.times + 1)

    def _is_due(self, step_id: str, now: float, *, lost: bool) -> bool:
        hint = self._hints.get(step_id)
        if hint is None:
            return True
        age = now - hint.sent_at
        return (lost and age >= _GRACE_S) or age >= min(_LONGEST_RESEND_S, _RESEND_S * 2 ** (hint.times - 1))
