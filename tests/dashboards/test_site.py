"""Every page loads quietly and by itself, in both themes and from a phone's width on; nobody sees one unasked."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser

from dashboards.site import discover
from tests.dashboards.conftest import ADA, Site
from tests.support.browser import Visit, visit

PAGES = [page for page in discover() if page.menu]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_a_page_loads_quietly_and_fits(site: Site, browser: Browser, path: str, width: int, dark: bool) -> None:
    with visit(browser, site.url, site.desk, ADA, width=width, dark=dark) as tab:
        page = tab.open(path)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "it is wider than the screen"
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


def test_a_session_that_ends_ends_the_page(site: Site, browser: Browser) -> None:
    with visit(browser, site.url, site.desk, ADA) as tab:
        page = tab.open(PAGES[0].path)
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.goto(site.url + PAGES[0].path)
        assert "/sign-in" in page.url
