"""Adds the pages to the service: found by themselves, in one frame, for whoever has signed in."""

from __future__ import annotations

import importlib
import logging
import pkgutil
import secrets
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import panel as pn
import structlog
from fastapi import FastAPI
from panel.io.fastapi import add_applications
from pydantic import SecretStr
from starlette.responses import RedirectResponse

import dashboards.pages
from dashboards.theme import CSS, SHELL, WIDGETS
from dashboards.view import WENT_WRONG, Page, View
from tieout.application import Application
from tieout.errors import TieoutError
from tieout.model import GrantKind
from tieout.ports import Changes

COOKIE = "tieout_session"
_log = structlog.get_logger(__name__)


def discover() -> list[Page]:
    """Return the pages of `dashboards.pages` in the menu's order. Raises ValueError for two of one path."""
    modules = (
        importlib.import_module(f"{dashboards.pages.__name__}.{found.name}")
        for found in pkgutil.iter_modules(dashboards.pages.__path__)
    )
    pages = sorted((module.PAGE for module in modules if hasattr(module, "PAGE")), key=lambda page: page.order)
    paths = [page.path for page in pages]
    if len(paths) != len(set(paths)):
        raise ValueError(f"two pages have one path: {paths}")
    return pages


def add_pages(app: FastAPI, desk: Application, changes: Changes) -> None:
    """Serve the pages from `app`, which is guarded: nobody gets here without a session."""
    pn.extension("tabulator", nthreads=4)
    pn.widgets.Widget.param.update(
        stylesheets=[WIDGETS]
    )  # each is a world of its own, which the page's styles do not reach
    logging.getLogger("panel").setLevel(logging.WARNING)  # it tells of each callback of each session
    pages = discover()
    app.state.dashboards = True
    app.add_api_route("/", lambda: RedirectResponse(pages[0].path), include_in_schema=False, response_model=None)
    add_applications(
        {page.path: _shower(page, pages, desk, changes) for page in pages},
        app=app,
        title={page.path: f"{page.title} · tieout" for page in pages},
        admin=False,
        session_history=0,
        index_enabled=False,
        sign_sessions=True,
        secret_key=secrets.token_urlsafe(32),
    )


def _shower(page: Page, pages: list[Page], desk: Application, changes: Changes) -> Callable[[], Any]:
    """Return a function, which alone Panel calls for each browser."""
    return lambda: _show(page, pages, desk, changes)


def _show(page: Page, pages: list[Page], desk: Application, changes: Changes) -> Any:
    """Build the page for the browser that asks."""
    cookie = (pn.state.cookies or {}).get(COOKIE, "")
    view = View(desk, changes, lambda: desk.authenticate(SecretStr(cookie), GrantKind.SESSION))
    try:
        who = view.who()
        body = [view.notice, *page.build(view)]
    except TieoutError as error:
        return _framed(page, pages, "", [pn.pane.HTML(f'<p role="alert">{escape(error.message)}</p>')])
    except Exception:  # whoever looks is told no more than that; a traceback names tables, paths and values
        _log.exception("page_failed", page=page.path)
        return _framed(page, pages, "", [pn.pane.HTML(f'<p role="alert">{WENT_WRONG}</p>')])
    return _framed(page, pages, f"{who.id} · {who.workspace}", body)


def _framed(page: Page, pages: list[Page], who: str, body: list[Any]) -> Any:
    template = pn.template.base.Template(SHELL, location=True)
    template.add_variable("heading", page.title)
    template.add_variable("menu", list(_menu(page, pages)))
    template.add_variable("who", who)
    template.add_variable("css", CSS)
    template.add_panel("body", pn.Column(*body, sizing_mode="stretch_width", css_classes=["page"]))
    return template


def _menu(page: Page, pages: list[Page]) -> Iterator[dict[str, Any]]:
    for one in pages:
        if one.menu:
            yield {"path": one.path, "title": one.title, "here": one is page}
