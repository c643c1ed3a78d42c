"""The engine: Dramatiq workers that execute hinted steps, a dispatcher that hints, a timer, a keeper that sweeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from dramatiq import Actor, Message
from dramatiq.worker import Worker

from pipelines.engine.brokers import QUEUE
from pipelines.engine.dispatcher import Dispatcher
from pipelines.engine.hint_broker import HintBroker
from pipelines.engine.liveness import LeaseLiveness
from pipelines.engine.timer import Timer
from tieout.changes import LocalChanges
from tieout.errors import TieoutError
from tieout.execution import Executor
from tieout.model import ReadyStep
from tieout.ports import NO_MEASURES, Changes, Liveness, Measures, RunStore

_ACTOR = "execute_step"
_POLL_S = 0.5  # other processes' runs are seen this late at the most
_BUSY_S = 0.02  # between two looks while there is more than the broker holds
_TICK_S = 0.5
_LATELY_S = 0.01  # whether others wait is looked up so often at the most
_HINTS_PER_WORKER = 8  # how many ready steps the broker may hold for each worker thread
_log = structlog.get_logger(__name__)


def _message(step_id: str) -> Message[None]:
    """Return a hint; Dramatiq's own way draws a random id for each, and nobody asks for it."""
    return Message(QUEUE, _ACTOR, (step_id,), {}, {}, message_id=step_id)


def _now() -> datetime:
    return datetime.now(UTC)


class DramatiqEngine:
    """Runs steps in this process. What a broker loses, doubles or delays changes nothing but the speed."""

    def __init__(
        self,
        broker: HintBroker,
        store: RunStore,
        executor: Executor,
        owner: str,
        *,
        workers: int = 4,
        lease_s: float = 30.0,
        liveness: Liveness | None = None,
        changes: Changes | None = None,
        measures: Measures = NO_MEASURES,
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
        self._measures = measures
        self._actor = Actor(self._execute, broker=broker, actor_name=_ACTOR, queue_name=QUEUE, priority=0, options={})
        self._dispatcher = Dispatcher(self._hint)
        self._timer = Timer(store, self._open, clock=clock, guarded=self._guarded)
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
        """Say that something may be ready, or due."""
        self._waking.set()
        self._timer.wake()

    def start(self) -> None:
        """Take over the steps of dead processes, then start workers, dispatcher, timer and keeper.

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
            self._sweep(starting=True)
        except BaseException:
            self._liveness.release(self.owner)
            raise
        self._worker = Worker(self._broker, worker_threads=self._workers, worker_timeout=self._broker.poll_ms)
        # What is not at work waits where any thread, or process, can take it.
        self._worker.queue_prefetch = self._workers
        self._worker.start()
        self._threads = [
            threading.Thread(target=self._dispatch_forever, name="tieout-dispatcher", daemon=True),
            threading.Thread(target=self._timer.run, name="tieout-timer", daemon=True, args=(self._stopping,)),
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
            self._guarded("claims_not_handed_back", lambda: self._executor.hand_back_waiting(after_s=0.0))
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
        """Carry out a hint, and others while some wait: the actor. What it wakes is a thread, not a single step.

        The outcome is in the store; a hint that comes late or twice does nothing.
        """
        if not self._stopping.is_set():
            self._guarded(
                "step_not_executed",
                lambda: self._executor.execute_steps(step_id, self, owner=self.owner, lease_s=self._lease_s),
            )

    def take(self, most: int) -> Sequence[str]:
        """Return steps that are hinted at next; none when none waits in the broker, or this engine stops."""
        if self._stopping.is_set():
            return ()
        return [str(message.args[0]) for message in self._broker.take(QUEUE, most)]

    def opened(self, steps: Sequence[ReadyStep]) -> None:
        """Hint at steps that have just become ready, unless others wait: then the dispatcher says whose turn it is."""
        self._trouble = None
        self._open(steps)

    def _open(self, opened: Sequence[ReadyStep]) -> None:
        if self._stopping.is_set():
            return
        waiting = self._broker.waiting(lately_s=_LATELY_S)
        if waiting == 0 and 0 < len(opened) <= self._workers:
            self._dispatcher.offer(opened)
        if waiting < self._workers:
            self._waking.set()

    def _hint(self, step_ids: Sequence[str]) -> None:
        self._broker.enqueue_many([_message(step_id) for step_id in step_ids])

    # ------------------------------------------------------------ dispatcher

    def _dispatch_forever(self) -> None:
        pause_s = _POLL_S
        while not self._stopping.is_set():
            self._waking.wait(pause_s)
            self._waking.clear()
            pause_s = _POLL_S
            if not self._stopping.is_set() and self._guarded("dispatch_failed", self._dispatch):
                pause_s = _BUSY_S

    def _dispatch(self) -> int:
        """Fill the broker up to what workers can soon take; return how many hints were sent."""
        if not self._broker.leads():
            return 0
        if self._broker.lost():
            self._dispatcher.forget()
            self._measures.broker_lost()
        waiting = self._broker.waiting()
        if waiting >= 2 * self._workers:
            return 1  # there is more than enough: look again soon
        ready = self._store.ready_steps(limit=self._workers * _HINTS_PER_WORKER + waiting, now=self._clock())
        before = self._dispatcher.resent
        sent = self._dispatcher.dispatch(ready, idle=self._is_idle)
        self._measures.hinted(sent, resent=self._dispatcher.resent - before)
        return sent

    def _is_idle(self) -> bool:
        return len(self._executor.running()) < self._workers and self._broker.waiting() == 0

    # ------------------------------------------------------------ keeper

    def _keep_forever(self) -> None:
        # One thread for all, so that a process that slept renews its own leases before it judges any.
        due = time.monotonic() + self._lease_s / 3
        while not self._ended.wait(min(_TICK_S, self._lease_s / 3)):
            self._guarded("time_limits_unchecked", self._executor.fail_overdue)
            self._guarded("claims_not_handed_back", lambda: self._executor.hand_back_waiting(after_s=_TICK_S / 2))
            if time.monotonic() >= due:
                self._guarded("leases_not_renewed", self._renew)
                due = time.monotonic() + self._lease_s / 3
            self._guarded("cancellations_unseen", self._executor.notice_lost)
            self._guarded("sweep_failed", self._sweep)

    def _renew(self) -> None:
        running = self._executor.running()
        if running:
            renewed = self._store.renew_leases(self.owner, lease_s=self._lease_s, now=self._clock(), steps=running)
            self._measures.leases(len(running), renewed)

    def _sweep(self, *, starting: bool = False) -> None:
        """Free the steps of the dead. Whoever is seen only now lives; the lease tells when even that is wrong."""
        owners = self._store.running_owners()
        dead = owners - {self.owner} - self._liveness.alive_many(owners - {self.owner})
        if starting:  # what this owner still seems to run is from before its last stop
            dead |= owners & {self.owner}
        freed = self._store.release_lost(now=self._clock(), alive=lambda owner: owner not in dead)
        if freed:
            self._measures.freed(len(freed))
            self._dispatcher.offer(freed)

    def _guarded(self, failed: str, work: Callable[[], object]) -> object:
        """Run a piece of work and return what it does; whatever it raises, the thread lives on and tries again."""
        try:
            return work()
        except Exception as error:
            _log.warning(failed, owner=self.owner, reason=f"{type(error).__name__}: {error}")
            if isinstance(error, TieoutError):
                self._trouble = error
                self.changes.notify()
            self._ended.wait(1.0)
            return None
