"""A deploy in the middle of runs: a run keeps the plan that it started with, whoever goes on with it."""

from __future__ import annotations

from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite
from tieout.model import RunState


def test_a_run_goes_on_with_its_own_plan_after_a_deploy(site: CrashSite) -> None:
    """Version 2 plans one step where version 1 planned four, and knows the actions of both."""
    old = site.submit()
    point = Point("store.complete_step", "after", step="begin")
    (first,) = site.start(point, count=1)
    first.join(60)
    site.workers.clear()
    site.start(version="2")
    site.await_ends()
    assert [site.step(old, key).state for key in ("begin", "left", "right", "end")] == ["done"] * 4
    assert site.looked()[0].plan.version == "1"
    site.judge()


def test_an_action_that_a_new_version_does_not_have_is_left_to_a_worker_that_has_it(site: CrashSite) -> None:
    old = site.submit({"begin": (), "sit": ("begin",), "end": ("sit",)}, actions={"sit": "park"})
    (site.folder / "go").touch()
    site.start(version="2", count=1)
    site.until(lambda: site.kinds(old)["step_deferred"] >= 1)
    assert "no action 'park'" in (site.step(old, "sit").error or "")
    assert site.looked()[0].state is RunState.RUNNING
    site.kill_all()
    site.start(version="1", count=1)
    site.await_ends()
    assert site.step(old, "sit").attempt == 1
    site.judge()
