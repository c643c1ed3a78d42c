"""A real browser that signs in to a real service, and notes what a page should not do."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, Page, sync_playwright

from tieout.application import Application
from tieout.model import Principal

PATIENCE_MS = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium, which `make services` installs."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: run `make services`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """A signed-in person's tab."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)  # console errors, uncaught exceptions
    abroad: list[str] = field(default_factory=list)  # requests to other hosts

    def open(self, path: str) -> Page:
        """Go to a page and wait until it is drawn."""
        self.page.goto(self.url + path)
        self.page.wait_for_selector("main h1", timeout=PATIENCE_MS)
        self.page.wait_for_function("window.Bokeh && Bokeh.documents.length > 0 && Bokeh.documents[0].is_idle")
        return self.page


@contextmanager
def visit(
    browser: Browser, url: str, desk: Application, who: Principal, *, width: int = 1280, dark: bool = False
) -> Iterator[Visit]:
    """Sign a person in by a link, as they do, and give their tab."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    tab = Visit(page, url)
    page.on("console", lambda said: tab.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: tab.errors.append(str(error)))
    page.on("request", lambda asked: tab.abroad.append(asked.url) if not _own(asked.url, url) else None)
    try:
        page.goto(f"{url}/sign-in?link={desk.sign_in_link(who).get_secret_value()}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda now: "/sign-in" not in now)
        yield tab
    finally:
        context.close()


def _own(asked: str, url: str) -> bool:
    return asked.startswith((url, url.replace("http:", "ws:", 1), "data:", "blob:"))
