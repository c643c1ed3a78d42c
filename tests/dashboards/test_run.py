"""The page of a run shows its steps and events as they come, and lets one stop it or do it again."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit
from tieout.model import RunRequest, RunState


def test_a_finished_run_is_shown_as_graph_timeline_steps_and_events(site: Site, tab: Visit) -> None:
    page = tab.open(f"/run?id={site.run.id}")
    graph = page.get_by_role("img", name="8 steps: resolve done")
    expect(graph).to_be_visible()
    expect(page.get_by_role("img", name="When each step ran")).to_be_visible()
    expect(page.get_by_text("run_submitted")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_role("link", name="Open the report")).to_have_attribute("href", f"/report?run={site.run.id}")


def test_a_run_that_waits_is_cancelled_by_keyboard_and_the_page_says_so(site: Site, tab: Visit) -> None:
    run = site.desk.start_run(ADA, RunRequest("Publish the memo", agent="publish"))
    page = tab.open(f"/runs/{run.id}")
    page.wait_for_url(f"**/run?id={run.id}")
    expect(page.get_by_role("button", name="Approve publish")).to_be_visible()
    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is cancelled")).to_be_visible()
    expect(page.get_by_role("img", name="publish cancelled")).to_be_visible()
    expect(page.get_by_text("run_cancelled")).to_be_visible()
    assert site.desk.run(ADA, run.id).state is RunState.CANCELLED


def test_a_change_shows_within_a_second(site: Site, tab: Visit) -> None:
    run = site.desk.start_run(ADA, RunRequest("Publish the memo", agent="publish"))
    page = tab.open(f"/run?id={run.id}")
    expect(page.get_by_role("button", name="Approve publish")).to_be_visible()
    site.desk.cancel(ADA, run.id)
    expect(page.get_by_role("img", name="publish cancelled")).to_be_visible(timeout=3_000)


def test_a_run_that_is_not_there_is_said_in_words(tab: Visit) -> None:
    page = tab.open("/run?id=run_nothing")
    expect(page.get_by_role("alert")).to_contain_text("run_nothing")
