"""A service with pages over the demo's data folder, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from dashboards.site import add_pages
from tests.acceptance.chat_site import install_agent
from tests.support.browser import Visit, chromium, visit
from tests.support.service import running
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, Run, RunRequest, WorkerKind
from tieout.sample import load_sample_pack
from tieout.settings import read_settings

ADA = Principal("ada", "default", Role.ADMIN)
QUESTION = "How did Apple's revenue, margins and cash flow change in fiscal 2022, and how has the stock done since?"


@dataclass
class Site:
    """A running service, its use cases, and the run that it has."""

    url: str
    desk: Application
    run: Run


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Answer the sample pack's question and serve it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(install_agent(tmp_path_factory.mktemp("agents"))))
        yield from _served(tmp_path_factory)


def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    settings = read_settings(home=Path(tmp_path_factory.mktemp("pages")))
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk:
        load_sample_pack(desk, ADA, tell=lambda _: None)
        run = desk.wait(ADA, desk.start_run(ADA, RunRequest(QUESTION)).id, timeout_s=120)
        assert run.state.final, run
        with running(desk, dashboards=lambda app: add_pages(app, desk, desk.changes)) as service:
            yield Site(service.url, desk, run)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(site: Site, browser: Browser) -> Iterator[Visit]:
    """Give a tab in which Ada is signed in; a page that complains or reaches out fails the test."""
    with visit(browser, site.url, site.desk, ADA) as tab:
        yield tab
    assert tab.errors == []
    assert tab.abroad == []
