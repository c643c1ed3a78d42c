"""Every page loads quietly and by itself, in both themes and from a phone's width on; nobody sees one unasked."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from dashboards.site import discover
from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit, visit
from tieout.model import Principal, Role, RunRequest
from tieout.ports import ImportOptions

PAGES = [page for page in discover() if page.menu]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_page_loads_quietly_and_fits(site: Site, browser: Browser, path: str, width: int, dark: bool) -> None:
    with visit(browser, site.url, site.desk, ADA, width=width, dark=dark) as tab:
        page = tab.open(path)
        page.wait_for_timeout(500)
        page.wait_for_function(f"document.documentElement.scrollWidth <= {width}")  # once all is drawn
        assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert tab.errors == []
    assert tab.abroad == []


def test_the_menu_leads_to_every_page(tab: Visit) -> None:
    page = tab.open(PAGES[0].path)
    for one in PAGES:
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=one.title, exact=True).click()
        page.wait_for_url(f"**{one.path}")
        assert page.get_by_role("heading", level=1).inner_text() == one.title


def test_no_page_and_no_socket_is_there_for_who_has_not_signed_in(site: Site) -> None:
    for one in PAGES:
        for path in (one.path, f"{one.path}/ws", f"{one.path}/autoload.js", f"{one.path}/metadata"):
            assert httpx.get(site.url + path).status_code == 401, path
    assert httpx.get(f"{site.url}/static/js/bokeh.min.js").status_code == 401


def test_whoever_is_of_another_workspace_learns_nothing_of_a_run(site: Site, browser: Browser) -> None:
    stranger = Principal("eve", "elsewhere", Role.ADMIN)
    site.desk.put_member(stranger, stranger.id, Role.ADMIN)
    with visit(browser, site.url, site.desk, stranger) as tab:
        for path in (f"/run?id={site.run.id}", f"/report?run={site.run.id}"):
            page = tab.open(path)
            expect(page.get_by_role("alert")).to_contain_text(site.run.id)
            assert "Apple" not in page.content()
        for path in ("/desk", "/runs", "/library", "/operations", "/market"):
            assert "Apple" not in tab.open(path).content()
        for path in (
            f"/runs/{site.run.id}",
            f"/runs/{site.run.id}/report",
            f"/runs/{site.run.id}/artifacts/ledger.json",
        ):
            assert tab.page.request.get(site.url + path).status == 404


def test_what_people_and_files_write_is_text_on_every_page(site: Site, tab: Visit, tmp_path: Path) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\">"
    file = tmp_path / f"{evil.replace('/', '')}.csv"
    file.write_text("date,EVIL\n2024-01-02,10\n2024-01-03,11\n")
    site.desk.import_bars(ADA, file, ImportOptions(vendor="feed", adjustment="none"))
    memo = tmp_path / "memo.md"
    memo.write_text(f"# {evil}\n\nRevenue was {evil} 12 million dollars.\n")
    site.desk.ingest(ADA, [memo])
    (document,) = [one for one in site.desk.documents(ADA) if one.name == "memo.md"]
    run = site.desk.start_run(ADA, RunRequest(evil, agent="publish"))
    paths = ["/desk", "/runs", f"/run?id={run.id}", "/operations", "/market?series=EVIL/feed/none"]
    for path in (*paths, f"/library?document={document.id}&query=revenue"):
        page = tab.open(path)
        page.wait_for_timeout(1_000)
        assert page.title().endswith("tieout"), path
        assert page.evaluate(_PICTURES) == 0, path
    site.desk.cancel(ADA, run.id)


_PICTURES = """() => {
  let found = 0
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot)
      if (one.matches("img[onerror]")) found += 1
    }
  }
  walk(document)
  return found
}"""


def test_every_control_of_every_page_has_a_name(tab: Visit) -> None:
    for one in PAGES:
        page = tab.open(one.path)
        page.wait_for_timeout(500)
        nameless = page.evaluate(_NAMELESS)
        assert nameless == [], one.path


def test_a_page_that_fails_says_so_without_telling_how(
    site: Site, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret table name")

    monkeypatch.setattr("tieout.application.Application.states", fail)
    with visit(browser, site.url, site.desk, ADA) as tab:
        page = tab.open("/operations")
        expect(page.get_by_role("alert")).to_contain_text("the service's log says what")
        assert "secret" not in page.content()


# Controls in the page and in the worlds of its widgets whose name a screen reader would not find.
_NAMELESS = """() => {
  const found = []
  const walk = (root) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.shadowRoot) walk(one.shadowRoot)
      if (!one.matches("button, a[href], input:not([type=hidden]), select, textarea, iframe")) continue
      if (one.offsetParent === null && one.getClientRects().length === 0) continue
      const label = one.labels && one.labels.length && one.labels[0].textContent.trim()
      const named = label || one.getAttribute("aria-label") || one.getAttribute("title") || one.textContent.trim()
        || one.getAttribute("placeholder") || one.closest(".choices")
      if (!named) found.push(one.outerHTML.slice(0, 160))
    }
  }
  walk(document)
  return found
}"""


def test_a_session_that_ends_ends_the_page(site: Site, browser: Browser) -> None:
    with visit(browser, site.url, site.desk, ADA) as tab:
        page = tab.open(PAGES[0].path)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.goto(site.url + PAGES[0].path)
        assert "/sign-in" in page.url
