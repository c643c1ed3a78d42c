"""The last two parents of a join that end at the same moment, a thousand times: the join begins once each time."""

from __future__ import annotations

from tests.support.crash_site import CrashSite

RUNS = 1_000


def test_the_last_two_siblings_together_a_thousand_times_open_the_join_once(site: CrashSite) -> None:
    shape = {"left": (), "right": (), "end": ("left", "right")}
    for _ in range(RUNS):
        site.submit(shape, actions={"left": "together", "right": "together"})
    site.start(threads=4)
    site.await_ends()
    site.judge()
    for run in site.looked():
        assert site.kinds(run)["step_started"] == 3
