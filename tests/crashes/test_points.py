"""Processes that are killed at each point of a step's way: every run ends done, every message arrives once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.support.crash_agent import DRAFT, plan
from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite
from tests.support.crash_worker import ANN
from tieout.model import StepState

KILLS = [
    Point("broker.enqueue_many", "before"),  # a run or a successor is ready, and its hint unsent
    Point("broker.enqueue_many", "after"),
    Point("store.claim_step", "after"),  # claimed and not begun
    Point("store.begin_effect", "before", step="left"),
    Point("store.begin_effect", "after", step="left"),  # the intent stands, nothing was sent
    Point("channel.send", "after", step="left"),  # sent, and not recorded
    Point("store.finish_effect", "after", step="left"),  # recorded, the step not complete
    Point("store.complete_step", "before", step="left"),
    Point("store.complete_step", "after", step="begin"),  # complete, the successors' hints unsent
    Point("store.complete_step", "after", step="left"),  # complete, perhaps the last before the join
    Point("store.complete_step", "after", step="end"),
    Point("executor.execute_steps", "after"),  # complete, and its hint unacknowledged
    Point("store.renew_leases", "before"),
    Point("store.promote_due", "after"),
    Point("store.ready_steps", "after"),
]


@pytest.mark.parametrize("point", KILLS, ids=str)
def test_killed_at_any_point_every_run_ends_done_and_every_message_arrives_once(site: CrashSite, point: Point) -> None:
    for _ in range(3):
        site.submit()
    lease_s = 0.6 if point.at == "store.renew_leases" else 30.0
    site.start(point, lease_s=lease_s)
    site.await_point(point)
    site.await_ends()
    site.judge()


AGAIN = [
    Point("store.begin_effect", "before", step="left", times=3),
    Point("store.begin_effect", "after", step="left", times=3),
    Point("store.complete_step", "before", step="left", times=3),
]


@pytest.mark.parametrize("point", AGAIN, ids=str)
def test_killed_three_times_at_the_same_point_nothing_is_sent_twice(site: CrashSite, point: Point) -> None:
    run = site.submit()
    site.start(point)
    site.await_point(point, 2)
    site.await_ends()
    site.judge()
    assert site.step(run, "left").attempt == 4


def test_a_run_whose_submitter_is_killed_before_its_hint_is_done_and_its_key_gives_the_same_run(
    site: CrashSite,
) -> None:
    request = replace(site.request(), idempotency_key="asked once")
    site.start()
    site.submit_and_die(request, Point("store.create_run", "after"))
    again = site.store.create_run(ANN, request, plan(request), now=datetime.now(UTC))
    site.runs.append(again.id)
    site.await_ends()
    site.judge()


def test_hints_delivered_three_times_more_and_after_the_end_repeat_nothing(site: CrashSite) -> None:
    """As with a broker that hears of no acknowledgement."""
    runs = [site.submit() for _ in range(10)]
    site.start(echo=3)
    site.await_ends()
    site.judge()
    assert {site.kinds(run)["step_started"] for run in runs} == {4}


@pytest.mark.parametrize("point", [one for one in KILLS if one.at.startswith("store.")][::2], ids=str)
def test_steps_that_were_added_and_steps_that_wait_survive_too(site: CrashSite, point: Point) -> None:
    """One step adds others at run time, one sleeps, one asks; a person says yes."""
    shape = {"begin": (), "left": ("begin",), "ask": ("left",), "nap": ("begin",), "end": ("ask", "nap")}
    run = site.submit(shape, actions={"begin": "spread", "ask": "ask", "nap": "sleep"})
    site.start(replace(point, step=None))
    site.until(lambda: site.store.waits(ANN, run_id=run.id) and site.kinds(run)["approval_asked"])
    site.store.decide_wait(ANN, run.id, "publish", "approved", draft_sha256=DRAFT, now=datetime.now(UTC))
    site.await_ends()
    site.judge()
    assert site.step(run, "end").state is StepState.DONE
