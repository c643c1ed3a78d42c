"""The page of operations shows queues, dead letters, schedules, workers, cost and the trail, each to whom it is for."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit, visit
from tieout.model import Principal, Role, RunRequest, ScheduleSpec, ScheduleState

BEN = Principal("ben", "default", Role.VIEWER)


def test_an_admin_sees_workers_usage_and_what_was_done(site: Site, tab: Visit) -> None:
    page = tab.open("/operations")
    expect(page.get_by_role("gridcell", name="at work")).to_be_visible()
    expect(page.get_by_role("gridcell", name="run submitted").first).to_be_visible()
    page.get_by_label("By", exact=True).select_option("principal")
    expect(page.get_by_role("gridcell", name="ada").first).to_be_visible()
    page.wait_for_url("**by=principal**")


def test_a_schedule_is_paused_and_resumed_here(site: Site, tab: Visit) -> None:
    schedule = site.desk.add_schedule(ADA, ScheduleSpec("weekly", "cron: 0 9 * * MON UTC", RunRequest("What changed?")))
    page = tab.open(f"/operations?schedule={schedule.id}")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("weekly is paused.")).to_be_visible()
    assert site.desk.schedule(ADA, schedule.id).state is ScheduleState.PAUSED
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.get_by_text("weekly goes on.")).to_be_visible()


def test_a_viewer_sees_neither_workers_nor_the_trail(site: Site, browser: Browser) -> None:
    site.desk.put_member(ADA, BEN.id, BEN.role)
    with visit(browser, site.url, site.desk, BEN) as tab:
        page = tab.open("/operations")
        expect(page.get_by_text("No process works.")).to_be_visible()
        expect(page.get_by_text("Nobody has done anything yet.")).to_be_visible()
