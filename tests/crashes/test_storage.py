"""A disk that is full and a database that others hold, in the middle of work: nothing is lost, nothing done twice."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite

FULL = [
    Point("store.claim_step", "after", "fill", step="left"),
    Point("store.begin_effect", "after", "fill", step="left"),
    Point("channel.send", "after", "fill", step="left"),
    Point("store.finish_effect", "after", "fill", step="left"),
    Point("store.complete_step", "after", "fill", step="begin"),
]


@pytest.mark.parametrize("point", FULL, ids=str)
def test_a_disk_that_is_full_at_any_point_costs_neither_run_nor_message(embedded: CrashSite, point: Point) -> None:
    """The process may not let a file grow, as on a full disk, until there is room."""
    runs = [embedded.submit() for _ in range(3)]
    embedded.start(point, lease_s=1.0, log="/dev/null")
    embedded.await_point(point)
    time.sleep(1.0)  # long enough for an outcome to be tried and given up
    (embedded.folder / "room").touch()
    embedded.await_ends()
    embedded.judge()
    assert all(embedded.kinds(run)["step_failed"] == 0 for run in runs)


def test_a_database_that_another_process_holds_costs_neither_run_nor_message(embedded: CrashSite) -> None:
    """SQLITE_BUSY: each time for longer than a writer waits."""
    path = Path(embedded.database.engine.url.database or "")
    embedded.start(busy_timeout_s=0.05)
    embedded.await_at_work()
    with sqlite3.connect(path, isolation_level=None, timeout=30) as holder:
        for _ in range(10):
            for _ in range(3):
                embedded.submit()
            holder.execute("BEGIN IMMEDIATE")
            time.sleep(0.3)
            holder.execute("ROLLBACK")
    holder.close()
    embedded.await_ends()
    embedded.judge()
