"""The engine: Dramatiq workers that execute hinted steps, a dispatcher that hints, a keeper that renews and sweeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from dramatiq import Actor
from dramatiq.broker import Broker
from dramatiq.worker import Worker

from pipelines.engine import brokers
from pipelines.engine.dispatcher import Dispatcher
from pipelines.engine.liveness import LeaseLiveness, Liveness
from tieout.changes import LocalChanges
from tieout.errors import TieoutError
from tieout.execution import Executor
from tieout.ports import Changes, RunStore

_POLL_S = 0.5  # retries that come due and other processes' runs are seen this late at the most
_TICK_S = 0.5
_HINTS_PER_WORKER = 4  # how many ready steps the broker may hold for each worker thread
_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class DramatiqEngine:
    """Runs steps in this process. What a broker loses, doubles or delays changes nothing but the speed."""

    def __init__(
        self,
        broker: Broker,
        store: RunStore,
        executor: Executor,
        owner: str,
        *,
        workers: int = 4,
        lease_s: float = 30.0,
        liveness: Liveness | None = None,
        changes: Changes | None = None,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        """Take the parts and declare the actor on `broker`, which belongs to this engine alone.

        `owner` names this process among all that share the store; it is never used again by another.
        """
        self.changes: Changes = changes or LocalChanges()
        self.owner = owner
        self._broker = broker
        self._store = store
        self._executor = executor
        self._workers = workers
        self._lease_s = lease_s
        self._liveness = liveness or LeaseLiveness()
        self._clock = clock
        self._actor = Actor(
            self._execute, broker=broker, actor_name="execute_step", queue_name=brokers.QUEUE, priority=0, options={}
        )
        self._dispatcher = Dispatcher(self._hint)
        self._waking = threading.Event()
        self._stopping = threading.Event()  # no new work
        self._ended = threading.Event()  # no work at all
        self._threads: list[threading.Thread] = []
        self._worker: Worker | None = None
        self._trouble: TieoutError | None = None
        self._middleware = list(broker.middleware)

    @property
    def trouble(self) -> TieoutError | None:
        """Why the store could not be read or written (a full disk, say), or None since it could be again."""
        return self._trouble

    def wake(self) -> None:
        """Say that something may be ready."""
        self._waking.set()

    def start(self) -> None:
        """Take over the steps of dead processes, then start workers, dispatcher and keeper.

        Raises what the store raises when it cannot be read.
        """
        if self._worker is not None:
            return
        self._stopping.clear()
        self._ended.clear()
        self._dispatcher.forget()
        self._trouble = None
        self._liveness.hold(self.owner)
        try:
            # What this owner still seems to run is from before its last stop: nothing has started yet.
            self._sweep(lambda owner: owner != self.owner and self._liveness.alive(owner))
        except BaseException:
            self._liveness.release(self.owner)
            raise
        self._worker = Worker(self._broker, worker_threads=self._workers, worker_timeout=brokers.poll_ms(self._broker))
        self._worker.queue_prefetch = self._workers  # what waits, waits where every process can take it
        self._worker.start()
        self._threads = [
            threading.Thread(target=self._dispatch_forever, name="tieout-dispatcher", daemon=True),
            threading.Thread(target=self._keep_forever, name="tieout-keeper", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self.wake()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Let running steps finish within the time, hand the others back, then stop.

        A step handed back is ready for the next start, its attempt not counted. Its thread cannot be ended from
        outside: it goes on until its action returns, and what it then writes is refused.
        """
        if self._worker is None:
            return
        self._stopping.set()
        self.wake()
        try:
            self._worker.stop(timeout=max(1, int(timeout_s * 1000)))
            self._executor.hand_back_all()
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join(timeout=5.0)
            self._broker.middleware = list(self._middleware)  # the stopped worker's own piece is not used again
            self._worker, self._threads = None, []
            self._liveness.release(self.owner)
            self.changes.notify()

    # ------------------------------------------------------------ worker threads

    def _execute(self, step_id: str) -> None:
        """Carry out a hint: the actor. The outcome is in the store; a hint that comes late or twice does nothing."""
        if not self._stopping.is_set():
            self._guarded("step_not_executed", lambda: self._execute_step(step_id))

    def _execute_step(self, step_id: str) -> None:
        if self._executor.execute_step(step_id, owner=self.owner, lease_s=self._lease_s):
            self._trouble = None
            self.wake()
            self.changes.notify()

    def _hint(self, step_id: str) -> None:
        self._actor.send(step_id)

    # ------------------------------------------------------------ dispatcher

    def _dispatch_forever(self) -> None:
        while not self._stopping.is_set():
            self._waking.wait(_POLL_S)
            self._waking.clear()
            if not self._stopping.is_set():
                self._guarded("dispatch_failed", self._dispatch)

    def _dispatch(self) -> None:
        ready = self._store.ready_steps(limit=self._workers * _HINTS_PER_WORKER, now=self._clock())
        self._dispatcher.dispatch(ready, idle=self._is_idle)

    def _is_idle(self) -> bool:
        return len(self._executor.running()) < self._workers and brokers.waiting(self._broker) == 0

    # ------------------------------------------------------------ keeper

    def _keep_forever(self) -> None:
        # One thread for both, so that a process that slept renews its own leases before it judges any.
        due = time.monotonic() + self._lease_s / 3
        while not self._ended.wait(min(_TICK_S, self._lease_s / 3)):
            self._guarded("time_limits_unchecked", self._executor.fail_overdue)
            if time.monotonic() >= due:
                self._guarded("leases_not_renewed", self._renew)
                self._guarded("sweep_failed", self._sweep)
                due = time.monotonic() + self._lease_s / 3

    def _renew(self) -> None:
        running = self._executor.running()
        if running:
            self._store.renew_leases(self.owner, lease_s=self._lease_s, now=self._clock(), steps=running)

    def _sweep(self, alive: Callable[[str], bool] | None = None) -> None:
        if self._store.release_lost(now=self._clock(), alive=alive or self._liveness.alive):
            self.wake()

    def _guarded(self, failed: str, work: Callable[[], object]) -> None:
        """Run a piece of work; whatever it raises, the thread lives on and tries again, not too soon."""
        try:
            work()
        except Exception as error:
            _log.warning(failed, owner=self.owner, reason=f"{type(error).__name__}: {error}")
            if isinstance(error, TieoutError):
                self._trouble = error
                self.changes.notify()
            self._ended.wait(1.0)
