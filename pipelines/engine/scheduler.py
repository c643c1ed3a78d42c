"""The scheduler: a thread that sleeps until the next planned time and begins its fire, once among all schedulers.

A fire goes three steps, each a transaction of its own:

1. The claim moves the schedule's `next_at` by one conditional update and commits the fire as `begun`, with the request.
   Of any number of schedulers one succeeds, whatever their clocks say. Killed before it: `next_at` stands, nothing
   happened, and the next look finds the time still due.
2. The run is started under an idempotency key made of schedule and planned time. Killed before it, or after it and
   before step 3: the fire is still `begun`, and once its `retry_at` has come any scheduler starts it again; the key
   gives the first run where there is one already. Two that do so together make one run.
3. The fire is finished with the run's id, or with the reason why there is none.

So a crash at any point neither loses a run nor doubles it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import structlog

from pipelines.engine.due_fires import FindRun, Move, plan_move
from tieout.errors import StorageFull, TieoutError
from tieout.model import Fire, FireState, Principal, Run, RunRequest, Schedule, ScheduleState
from tieout.ports.schedules import ScheduleStore, fire_reason
from tieout.recurrence import next_after, parse_rule

POLL_S = 1.0  # schedules that another process added, and a clock that was set, are noticed this late at the most
_BATCH = 50
_AT_ONCE = 8  # schedules that are due together and are worked on at a time
_KEPT = timedelta(days=400)  # how long fires are remembered
_FORGETTING_S = 3_600.0  # between two looks for old ones
_SOON = timedelta(seconds=90)
_MOST_ATTEMPTS = 100  # of starting one run while the store is full or busy: with the waits between, a day and a half
_LONGEST_WAIT_S = 1_500.0
_log = structlog.get_logger(__name__)

type StartRun = Callable[[Principal, RunRequest], Run]


def _now() -> datetime:
    return datetime.now(UTC)


class Scheduler:
    """Begins the fires of all workspaces' schedules. Any number of them may share a store."""

    def __init__(
        self,
        store: ScheduleStore,
        start_run: StartRun,
        find_run: FindRun,
        *,
        clock: Callable[[], datetime] = _now,
        poll_s: float = POLL_S,
        lease_s: float = 10.0,
    ) -> None:
        """Take the store and the use cases that start and find a run.

        `lease_s` is how long (seconds) others leave a begun fire to whoever began it.
        """
        self._store = store
        self._start_run = start_run
        self._find_run = find_run
        self._clock = clock
        self._poll_s = poll_s
        self._lease = timedelta(seconds=lease_s)
        self._forget_at = 0.0  # of the monotonic clock
        self._waking = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; does nothing when it runs."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="tieout-scheduler", daemon=True)
            self._thread.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Let the fire in hand be finished within the time, then stop."""
        if self._thread is not None:
            self._stopping.set()
            self._waking.set()
            self._thread.join(timeout_s)
            self._thread = None

    def wake(self) -> None:
        """Say that a schedule was added or changed; cheap, from any thread."""
        self._waking.set()

    def run_once(self) -> float:
        """Begin all that is due, and return how many seconds there are until more is (at most the poll's).

        Raises what the store raises; what was begun by then is finished later.
        """
        while not self._stopping.is_set():
            due = self._store.due_schedules(now=self._clock(), limit=_BATCH)
            moved = _each(self._advance, due)
            now = self._clock()
            stranded = self._store.take_stranded(now=now, retry_at=now + self._lease, limit=_BATCH)
            _each(self._start, stranded)
            if not any(moved) and not stranded:
                break
        self._look_ahead()
        self._forget()
        next_at = self._store.next_due()
        left = self._poll_s if next_at is None else (next_at - self._clock()).total_seconds()
        return min(max(left, 0.001), self._poll_s)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._waking.clear()  # before looking: a change that comes meanwhile is looked at again
            try:
                pause_s = self.run_once()
            except Exception as error:
                _log.warning("schedules_not_looked_at", reason=f"{type(error).__name__}: {error}")
                pause_s = self._poll_s
            self._waking.wait(pause_s)

    def _look_ahead(self) -> None:
        """Compute what follows on the times to come soon, so that a market's calendar is not loaded when one comes."""
        for schedule in self._store.due_schedules(now=self._clock() + _SOON, limit=_BATCH):
            if schedule.next_at is not None and not self._stopping.is_set():
                try:
                    next_after(parse_rule(schedule.spec.rule), schedule.next_at)
                except Exception as error:  # told when the time comes
                    _log.debug("schedule_not_looked_ahead", schedule=schedule.id, reason=str(error))

    def _forget(self) -> None:
        """Remove what is older than anybody asks about, now and then, a little at a time."""
        if time.monotonic() >= self._forget_at:
            self._forget_at = time.monotonic() + _FORGETTING_S
            self._store.forget_fires(before=self._clock() - _KEPT, limit=1_000)

    def _advance(self, schedule: Schedule) -> bool:
        """Claim the schedule's planned time and start its fires; return whether this scheduler got it."""
        now = self._clock()
        if schedule.next_at is None or schedule.next_at > now or self._stopping.is_set():
            return False
        move = self._planned(schedule, now)
        begun = self._store.advance(
            schedule,
            next_at=move.next_at,
            fires=move.fires,
            retry_at=now + self._lease,
            now=now,
            state=move.state,
            reason=move.reason,
        )
        for fire in begun:
            if fire.state is FireState.BEGUN:
                self._start(fire)
            else:
                _log.info("schedule_not_fired", **_words(fire), state=fire.state.value, reason=fire.reason)
        return bool(begun)

    def _planned(self, schedule: Schedule, now: datetime) -> Move:
        try:
            return plan_move(schedule, now, find_run=self._find_run)
        except TieoutError:
            raise  # of the store: nothing is decided
        except Exception as error:
            # A mistake of ours with this one schedule must not stand in the way of all others.
            _log.exception("schedule_failed", schedule=schedule.id)
            return Move((), None, ScheduleState.FAILED, f"its times could not be computed: {fire_reason(error)}")

    def _start(self, fire: Fire) -> None:
        """Start the run of a begun fire, and record it or why there is none."""
        try:
            run = self._start_run(fire.owner, fire.request)
        except Exception as error:
            self._not_started(fire, error)
        else:
            self._store.finish_fire(fire, run_id=run.id)
            late_s = (fire.begun_at - fire.planned_at).total_seconds()
            _log.info("schedule_fired", **_words(fire), run_id=run.id, late_s=round(late_s, 3))

    def _not_started(self, fire: Fire, error: Exception) -> None:
        passing = isinstance(error, StorageFull) or (isinstance(error, TieoutError) and error.retryable)
        if passing and fire.attempt < _MOST_ATTEMPTS:
            wait_s = min(_LONGEST_WAIT_S, 2.0 ** min(fire.attempt, 12))
            self._store.postpone_fire(
                fire, retry_at=self._clock() + timedelta(seconds=wait_s), reason=fire_reason(error)
            )
            return
        if not isinstance(error, TieoutError):
            _log.error("fire_failed", **_words(fire), exc_info=error)
        self._store.finish_fire(fire, reason=fire_reason(error))
        _log.warning("schedule_not_fired", **_words(fire), reason=fire_reason(error))


def _each[T, R](act: Callable[[T], R], things: Sequence[T]) -> list[R]:
    """Return what `act` gives for each, several at a time: they wait for the disk together, not one by one."""
    if len(things) < 2:
        return [act(thing) for thing in things]
    with ThreadPoolExecutor(min(_AT_ONCE, len(things)), thread_name_prefix="tieout-fires") as pool:
        return list(pool.map(act, things))


def _words(fire: Fire) -> dict[str, str]:
    return {"schedule": fire.schedule_id, "workspace": fire.workspace, "planned_at": fire.planned_at.isoformat()}
