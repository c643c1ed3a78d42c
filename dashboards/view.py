"""What a page is built with: the use cases, whoever looks, what the address says, and news as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Protocol

import panel as pn
import structlog

from tieout.application import Application
from tieout.errors import PermissionDenied, TieoutError
from tieout.model import Principal
from tieout.ports import Changes

_NOTICE = """
p { margin: 0; padding: .5rem .8rem; border-left: 4px solid var(--brand); background: var(--panel); color: var(--ink) }
p.alert { border-color: #d1242f }
"""
WENT_WRONG = "Something went wrong here; the service's log says what."
# What asyncio says once the service has ended: nobody looks any more.
_STOPPED = ("Event loop is closed", "Executor shutdown has been called", "cannot schedule new futures after shutdown")
_log = structlog.get_logger(__name__)
_LOOK_MS = 400  # between looks at whether something changed: a change shows within a second


class View:
    """One browser's look at one page."""

    def __init__(self, desk: Application, changes: Changes, who: Callable[[], Principal | None]) -> None:
        """Take the use cases, the wake-ups of this process, and a function that says who looks now."""
        self.desk = desk
        self._changes = changes
        self._who = who
        self.notice = pn.pane.HTML("", sizing_mode="stretch_width", stylesheets=[_NOTICE])

    def who(self) -> Principal:
        """Return who looks, with the role that they have now. Raises PermissionDenied once their session has ended."""
        found = self._who()
        if found is None:
            raise PermissionDenied("Your session has ended: sign in again.")
        return found

    @property
    def query(self) -> Mapping[str, Any]:
        """Return what stands behind the `?` of the address."""
        location = pn.state.location
        return dict(location.query_params) if location is not None else {}

    def sync(self, widget: Any, **names: str) -> None:
        """Keep parameters of a widget in the address, by these names, so that a link or a reload brings them back."""
        if pn.state.location is not None:
            pn.state.location.sync(widget, dict(names))

    def live(self, refresh: Callable[[], None]) -> None:
        """Call `refresh` now, and again within a second of each change of any run."""
        seen = self._changes.wait(-1, 0.0)
        refresh()

        def look() -> None:
            nonlocal seen
            count = self._changes.wait(seen, 0.0)
            if count != seen:
                seen = count
                self.doing(refresh)

        pn.state.add_periodic_callback(look, _LOOK_MS)

    def doing(self, work: Callable[[], object], *, done: str = "") -> None:
        """Do what a person asked for; tell them when it worked, and in words when it did not."""
        try:
            work()
        except TieoutError as error:
            self._tell(error.message, "alert")
        except Exception as error:
            if str(error) in _STOPPED:
                return
            _log.exception("page_action_failed")
            self._tell(WENT_WRONG, "alert")
        else:
            if done:
                self.say(done)

    def say(self, words: str) -> None:
        """Tell what was done."""
        self._tell(words, "status")

    def say_html(self, html: str) -> None:
        """Tell what was done, in markup of our own."""
        self.notice.object = f'<p class="status" role="status">{html}</p>'

    def _tell(self, text: str, role: str) -> None:
        """Say it at the top of the page; screen readers say it at once."""
        try:
            self.notice.object = f'<p class="{role}" role="{role}">{escape(text)}</p>'
        except RuntimeError as error:
            if str(error) not in _STOPPED:
                raise


class Build(Protocol):
    """Makes the page for one view."""

    def __call__(self, view: View) -> Sequence[Any]:
        """Return what the page shows, one below the other."""
        ...


@dataclass(frozen=True)
class Page:
    """One page: its path, its name in the menu, and what builds it; one module in `dashboards/pages` exposes one."""

    path: str
    title: str
    build: Build
    order: int = 100
    menu: bool = True  # whether the menu leads to it; other pages link to one of a single thing
