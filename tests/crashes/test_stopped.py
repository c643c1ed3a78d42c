"""Processes that are stopped past their lease and go on later: others do their steps, and what they write is refused."""

from __future__ import annotations

import signal

import pytest

from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite, send_signal
from tieout.model import Run

STOPS = [
    Point("store.claim_step", "after", "stop", step="left"),
    Point("store.begin_effect", "before", "stop", step="left"),
    Point("store.begin_effect", "after", "stop", step="left"),
    Point("channel.send", "after", "stop", step="left"),
    Point("store.finish_effect", "after", "stop", step="left"),
    Point("store.complete_step", "before", "stop", step="left"),
]
LEASE_S = 0.8


def refused(site: CrashSite, run: Run) -> bool:
    """Return whether a late write of the run was refused, as a worker has logged."""
    lines = [line for line in site.told().splitlines() if run.id in line or site.step(run, "left").id in line]
    return any("step_abandoned" in line or "late_outcome_dropped" in line for line in lines)


@pytest.mark.parametrize("point", STOPS, ids=str)
def test_stopped_past_the_lease_another_does_the_work_and_the_late_writes_are_refused(
    site: CrashSite, point: Point
) -> None:
    run = site.submit()
    (stopped,) = site.start(point, lease_s=LEASE_S, count=1, threads=1)
    site.await_point(point)
    other = site.start(lease_s=LEASE_S, count=1)[1]
    site.await_ends()
    attempt = site.step(run, "left").attempt
    send_signal(stopped, signal.SIGCONT)
    site.until(lambda: refused(site, run))
    site.judge()
    assert (attempt, site.step(run, "left").attempt) == (2, 2)
    send_signal(other, signal.SIGSTOP)
    site.submit()  # and the one that slept works on
    site.await_ends()
    site.judge()


def test_stopped_before_it_renews_its_leases_it_writes_nothing_late(site: CrashSite) -> None:
    point = Point("store.renew_leases", "before", "stop")
    run = site.submit({"left": ()}, actions={"left": "park"})
    (stopped,) = site.start(point, lease_s=LEASE_S, count=1, threads=1)
    site.await_point(point)
    site.start(lease_s=LEASE_S, count=1)
    site.until(lambda: site.step(run, "left").attempt == 2)
    (site.folder / "go").touch()
    site.await_ends()
    send_signal(stopped, signal.SIGCONT)
    site.until(lambda: refused(site, run))
    site.judge()


def test_a_sweeper_that_is_stopped_in_the_middle_of_its_sweep_frees_nothing_twice(site: CrashSite) -> None:
    run = site.submit()
    killed = Point("store.claim_step", "after", step="left")
    (first,) = site.start(killed, count=1)
    first.join(60)
    site.workers.clear()
    point = Point("store._release", "before", "stop")
    (sweeper,) = site.start(point, count=1, threads=1)
    site.await_point(point)
    other = site.start(count=1)[1]
    site.await_ends()
    send_signal(sweeper, signal.SIGCONT)
    send_signal(other, signal.SIGSTOP)
    site.submit()
    site.await_ends()
    site.judge()
    assert site.step(run, "left").attempt == 2
