"""Keeps a process's row in the list of workers while it shows life by other means than PostgreSQL's locks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import structlog

from tieout.errors import TieoutError
from tieout.model import Worker
from tieout.ports import Liveness, WorkerStore

_BEAT_S = 10.0  # for people only: no verdict rests on it
_REMEMBER = timedelta(days=7)
_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class EnrolledLiveness:
    """A sign of life whose owners stand in the list of workers, too."""

    def __init__(
        self,
        liveness: Liveness,
        workers: WorkerStore,
        describe: Callable[[str], Worker],
        *,
        beat_s: float = _BEAT_S,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """`describe` returns the row of an owner of this process."""
        self._liveness = liveness
        self._workers = workers
        self._describe = describe
        self._beat_s = beat_s
        self._clock = clock
        self._beating: dict[str, tuple[threading.Thread, threading.Event]] = {}

    def hold(self, owner: str) -> None:
        """Show life and enter the row. Raises NotAvailable, and what the store raises; nothing is held then."""
        self._liveness.hold(owner)
        try:
            self._workers.forget(before=self._clock() - _REMEMBER)
            self._workers.register(self._describe(owner))
        except BaseException:
            self._liveness.release(owner)
            raise
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(owner, ended), name="tieout-beat", daemon=True)
        self._beating[owner] = (thread, ended)
        thread.start()

    def release(self, owner: str) -> None:
        """Say goodbye in the row, as far as the store can be written, and end the sign of life."""
        if owner in self._beating:
            thread, ended = self._beating.pop(owner)
            ended.set()
            thread.join(5.0)
            self._quietly(lambda: self._workers.leave(owner, now=self._clock()))
        self._liveness.release(owner)

    def alive(self, owner: str) -> bool:
        """Return whether the owner may still be at work."""
        return self._liveness.alive(owner)

    def alive_many(self, owners: Collection[str]) -> frozenset[str]:
        """Return those owners that may still be at work."""
        return self._liveness.alive_many(owners)

    def _beat(self, owner: str, ended: threading.Event) -> None:
        while not ended.wait(self._beat_s):
            self._quietly(lambda: self._workers.beat(owner, now=self._clock()))

    def _quietly(self, write: Callable[[], object]) -> None:
        try:
            write()
        except TieoutError as error:
            _log.warning("worker_row_not_written", reason=error.message)
