"""A scheduler over a real store whose runs have one step that nobody executes; as a program, one that gets killed.

`python -m tests.support.scheduling URL` runs a scheduler until it is killed. With a POINT and a TIME it looks once, at
that time, and kills itself at the point.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, override

from pipelines.engine.scheduler import Scheduler
from store import schedules as module
from store.database import Database, open_database
from store.runs import SqlRunStore
from store.schedules import SqlScheduleStore
from tieout.model import Plan, Principal, Run, RunRequest, StepSpec

PLAN = Plan("toy", "1", (StepSpec("only", "work"),))
WHO = Principal("ann", "desk")
POINTS = ("before the claim", "inside the claim", "after the claim", "after the run")


@dataclass(frozen=True)
class Desk:
    """The stores of one process."""

    database: Database
    clock: Callable[[], datetime]

    @property
    def schedules(self) -> SqlScheduleStore:
        """The schedule store."""
        return SqlScheduleStore(self.database)

    @property
    def runs(self) -> SqlRunStore:
        """The run store."""
        return SqlRunStore(self.database)

    def start_run(self, principal: Principal, request: RunRequest) -> Run:
        """Commit a run as the use case does."""
        return self.runs.create_run(principal, request, PLAN, now=self.clock())

    def scheduler(self, **options: Any) -> Scheduler:
        """Return a scheduler that starts this desk's runs."""
        return Scheduler(self.schedules, self.start_run, self.runs.get_run, clock=self.clock, **options)


def die() -> None:
    """End this process as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


class DyingStore(SqlScheduleStore):
    """A store that ends its process around the claim."""

    point = ""

    @override
    def advance(self, *args: Any, **options: Any) -> Any:
        """Claim, and die before or after."""
        if self.point == "before the claim":
            die()
        fires = super().advance(*args, **options)
        if self.point == "after the claim":
            die()
        return fires


def look_and_die(url: str, point: str, now: datetime) -> None:
    """Run one look of a scheduler that dies at the point."""
    desk = Desk(open_database(url), lambda: now)
    store = DyingStore(desk.database)
    store.point = point
    insert = module._insert_fire

    def insert_and_die(*args: Any) -> bool:
        insert(*args)
        die()
        return True

    def start_and_die(principal: Principal, request: RunRequest) -> Run:
        desk.start_run(principal, request)
        die()
        raise AssertionError("unreachable")

    if point == "inside the claim":
        module._insert_fire = insert_and_die
    start = start_and_die if point == "after the run" else desk.start_run
    Scheduler(store, start, desk.runs.get_run, clock=lambda: now).run_once()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        look_and_die(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3]))
    else:
        Desk(open_database(sys.argv[1]), lambda: datetime.now(UTC)).scheduler(lease_s=1.0).start()
        threading.Event().wait()
