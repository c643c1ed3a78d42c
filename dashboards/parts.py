"""Pieces that several pages show: headings, a run in a line, the buttons of a decision."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import panel as pn

from dashboards.view import View
from tieout.model import OpenWait, Run

CSS = """
:host { color: var(--ink); font-size: 15px; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 1.1rem 0 .3rem } h3 { font-size: .95rem; margin: .8rem 0 .2rem }
ul { margin: 0; padding-left: 1.2rem } li { margin: .25rem 0 } p { margin: .3rem 0 }
small, .quiet { color: var(--soft) } a { color: var(--brand) }
a:focus-visible { outline: 3px solid #f9ab00; outline-offset: 1px }
pre { background: var(--panel); border: 1px solid var(--line); padding: .5rem .7rem; overflow-x: auto;
  font-size: 12.5px; white-space: pre-wrap }
code { background: var(--panel) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem .9rem; margin: .3rem 0 }
dt { color: var(--soft) } dd { margin: 0 } img { max-width: 100%; border: 1px solid var(--line); background: #fff }
mark { background: #ffe27a; color: #1b1f24 } .tied { color: #1a7f37 }
.open, .contradicted { color: #cf222e; font-weight: 600 }
blockquote { margin: .3rem 0; padding: .3rem .8rem; border-left: 3px solid var(--line) }
"""


def text(html: str) -> Any:
    """Return a block of our own markup; what comes from outside must be escaped by whoever makes it."""
    return pn.pane.HTML(html, sizing_mode="stretch_width", stylesheets=[CSS])


def heading(words: str) -> Any:
    """Return a heading of the second level."""
    return text(f"<h2>{escape(words)}</h2>")


def run_link(run: Run, words: str | None = None) -> str:
    """Return a link to a run's permalink, the same as everywhere."""
    return f'<a href="/runs/{quote(run.id)}">{escape(words if words is not None else run.request.question[:140])}</a>'


def facts(pairs: dict[str, str]) -> str:
    """Return names with their values, which must be markup already, as a list; empty ones are left out."""
    return (
        "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in pairs.items() if value) + "</dl>"
    )


def decision(view: View, wait: OpenWait) -> Any:
    """Return one approval with its buttons, bound to the draft that is shown."""
    until = f" It expires on {wait.until:%-d %B %Y, %H:%M} UTC." if wait.until else ""
    draft = (wait.draft_sha256 or "")[:12]
    about = (
        f'<p><b>{escape(wait.name)}</b> of <a href="/runs/{escape(wait.run_id)}">…{escape(wait.run_id[-6:])}</a>: '
        f"{escape(wait.note or 'no note')}. Draft <code>{escape(draft)}</code>.{until}</p>"
    )

    def decide(what: str) -> None:
        view.doing(
            lambda: view.desk.decide(view.who(), wait.run_id, wait.token, what, draft_sha256=wait.draft_sha256 or None),
            done=f"{wait.name} is {what}.",
        )

    approve = pn.widgets.Button(label=f"Approve {wait.name}", color="primary")
    refuse = pn.widgets.Button(label=f"Refuse {wait.name}", color="default")
    approve.on_click(lambda _: decide("approved"))
    refuse.on_click(lambda _: decide("refused"))
    return pn.Column(text(about), pn.FlexBox(approve, refuse), sizing_mode="stretch_width")
