"""The desk shows what goes on and what waits for whoever looks, as it happens, and lets them decide."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit, visit
from tieout.model import Principal, Role, RunRequest, RunState

BEN = Principal("ben", "default", Role.VIEWER)


def publish(site: Site, *approvers: str) -> str:
    run = site.desk.start_run(ADA, RunRequest("Publish the memo", agent="publish", params={"approvers": approvers}))
    return run.id


def test_the_first_page_is_the_desk_with_the_recent_report_and_its_numbers(site: Site, tab: Visit) -> None:
    page = tab.open("/")
    page.wait_for_url("**/desk")
    report = page.get_by_role("listitem").filter(has_text=site.run.request.question)
    expect(report).to_contain_text("numbers tied")
    assert report.get_by_role("link").get_attribute("href") == f"/runs/{site.run.id}"


def test_an_approval_comes_up_while_one_looks_and_is_decided_here(site: Site, tab: Visit) -> None:
    page = tab.open("/desk")
    run_id = publish(site)
    button = page.get_by_role("button", name="Approve publish")
    expect(button).to_be_visible(timeout=5_000)
    expect(page.get_by_text("Look at it")).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert site.desk.wait(ADA, run_id, timeout_s=30).state is RunState.DONE
    (wait,) = site.desk.waits(ADA, run_id=run_id)
    assert (wait.decision, wait.decided_by) == ("approved", "ada")


def test_what_waits_for_others_is_not_shown(site: Site, tab: Visit) -> None:
    run_id = publish(site, "zoe")
    page = tab.open("/desk")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    site.desk.cancel(ADA, run_id)


def test_a_viewer_who_decides_is_refused_in_words(site: Site, browser: Browser) -> None:
    site.desk.put_member(ADA, BEN.id, BEN.role)
    run_id = publish(site)
    with visit(browser, site.url, site.desk, BEN) as tab:
        page = tab.open("/desk")
        page.get_by_role("button", name="Approve publish").click()
        expect(page.get_by_text("one must be member")).to_be_visible()
    assert site.desk.run(ADA, run_id).state is RunState.WAITING
    site.desk.cancel(ADA, run_id)
