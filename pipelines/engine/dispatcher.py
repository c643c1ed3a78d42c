"""Decides which ready steps to hint at: few at a time, each once, and again when a hint seems lost."""

from __future__ import annotations

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
    """Remembers the hints that it sent. Used by one thread."""

    def __init__(self, send: Callable[[str], None], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._hints: dict[str, _Hint] = {}

    def dispatch(self, ready: Sequence[ReadyStep], *, idle: Callable[[], bool]) -> int:
        """Send a hint for each ready step that needs one; return how many.

        `idle` says that workers are free and the broker is empty: what is ready and was hinted at is then lost.
        """
        now = self._clock()
        known = {step.step_id for step in ready}
        self._hints = {step_id: hint for step_id, hint in self._hints.items() if step_id in known}
        old = [step_id for step_id, hint in self._hints.items() if now - hint.sent_at >= _GRACE_S]
        lost = bool(old) and idle()
        sent = 0
        for step in ready:
            hint = self._hints.get(step.step_id)
            if hint is not None and not self._is_due(hint, now, lost=lost):
                continue
            self._send(step.step_id)
            self._hints[step.step_id] = _Hint(now, 1 if hint is None else hint.times + 1)
            sent += 1
        return sent

    def forget(self) -> None:
        """Forget all hints, as after a loss of the broker."""
        self._hints.clear()

    @staticmethod
    def _is_due(hint: _Hint, now: float, *, lost: bool) -> bool:
        age = now - hint.sent_at
        return (lost and age >= _GRACE_S) or age >= min(_LONGEST_RESEND_S, _RESEND_S * 2 ** (hint.times - 1))
