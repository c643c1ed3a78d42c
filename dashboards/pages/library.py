"""Library: documents with their pages and pieces, reading new ones in, and a search that says why it found what."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import panel as pn

from dashboards.parts import facts, heading, text
from dashboards.table import Table
from dashboards.view import Page, View
from tieout.errors import InvalidInput, TieoutError
from tieout.files import safe_name
from tieout.model import Document, Hit, Principal
from tieout.ports import IngestOutcome

_HITS = 10
_LARGEST = 50 * 2**20
_NOTHING = "No document is chosen: click one in the table, or open a hit."


def build(view: View) -> Sequence[Any]:
    """Return search, documents, the chosen document's page, and a place to add files."""
    shown = _Library(view)
    view.live(shown.refresh)
    return shown.body


class _Library:
    """What one browser sees of the library."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._known: list[Document] = []
        self._query = pn.widgets.TextInput(
            label="Search",
            placeholder="iPhone net sales in 2022",
            max_width=420,
            min_width=250,
            sizing_mode="stretch_width",
        )
        self._search = pn.widgets.Button(label="Search", color="primary")
        self._hits = pn.Column(sizing_mode="stretch_width")
        columns = [
            "Document",
            "Company",
            "Form",
            "Fiscal year",
            "Filed on",
            "Pages",
            "Bytes",
            "Read in (UTC)",
            "Open to",
        ]
        self._table = Table(
            "documents",
            columns,
            chosen=self._choose,
            plain=["Fiscal year"],
            nothing="The library is empty.",
            page_size=12,
        )
        self._document = pn.widgets.Select(
            label="Document", options={"none": ""}, max_width=420, min_width=250, sizing_mode="stretch_width"
        )
        self._page = pn.widgets.IntInput(label="Page", value=1, start=1, width=110)
        self._shown = pn.Column(sizing_mode="stretch_width")
        self._file = pn.widgets.FileInput(label="Files to add", accept=".pdf,.html,.htm,.md,.txt", multiple=True)
        self._progress = text("")
        self.refresh()
        view.sync(self._query, value="query")
        view.sync(self._document, value="document")
        view.sync(self._page, value="page")
        self._search.on_click(lambda _: view.doing(self._find))
        self._query.param.watch(lambda _: view.doing(self._find), "value")
        self._document.param.watch(lambda _: view.doing(self._show), "value")
        self._page.param.watch(lambda _: view.doing(self._show), "value")
        self._file.param.watch(lambda _: view.doing(self._take_in), "value")
        view.doing(self._find)
        view.doing(self._show)

    @property
    def body(self) -> list[Any]:
        """Return the blocks, one below the other."""
        add = text('<p class="quiet">PDF, HTML, Markdown or text; each is read, or refused by name.</p>')
        return [
            pn.FlexBox(self._query, self._search, align_items="flex-end"),
            self._hits,
            heading("Documents"),
            self._table.panel,
            heading("A document's pages"),
            pn.FlexBox(self._document, self._page),
            self._shown,
            heading("Add files"),
            *(add, self._file, self._progress),
        ]

    def refresh(self) -> None:
        """Look at the documents again."""
        self._known = self._view.desk.documents(self._view.who())
        self._table.show([_row(one) for one in self._known])
        options = {"none": ""} | {one.name: one.id for one in self._known}
        if options != self._document.options:
            self._document.options = options

    def _choose(self, row: int) -> None:
        self._page.value = 1
        self._document.value = self._known[row].id

    def _find(self) -> None:
        words = (self._query.value or "").strip()
        if not words:
            self._hits.objects = []
            return
        found = self._view.desk.search(self._view.who(), words, limit=_HITS)
        said = f"{len(found)} passages, the best first" if found else "Nothing in the library fits."
        self._hits.objects = [
            text(f'<p class="quiet">{said}</p>'),
            *(self._hit(n, one) for n, one in enumerate(found, 1)),
        ]

    def _hit(self, number: int, hit: Hit) -> Any:
        span = hit.span
        query = quote(self._query.value or "")
        address = f"/library?document={quote(span.document_id)}&amp;page={span.page}&amp;query={query}"
        why = "".join(f"<li>{escape(one)}</li>" for one in hit.why)
        where = f"{span.document}, page {span.page}" + (f" (printed {span.page_label})" if span.page_label else "")
        heading_ = f"<small>{escape(hit.heading)}</small>" if hit.heading else ""
        return text(
            f'<h3>{number}. <a href="{address}">{escape(where)}</a></h3>{heading_}'
            f"<blockquote>{escape(span.quote[:600])}{'…' if len(span.quote) > 600 else ''}</blockquote>"
            f"<details><summary>Why it came up (score {hit.score:.3f})</summary><ul>{why}</ul></details>"
        )

    def _show(self) -> None:
        """Show the chosen page: drawn, as text, and in its pieces."""
        chosen = next((one for one in self._known if one.id == self._document.value), None)
        if chosen is None:
            self._shown.objects = [text(f'<p class="quiet">{_NOTHING}</p>')]
            return
        self._page.end = chosen.page_count
        number = min(max(1, self._page.value or 1), chosen.page_count)
        page = self._view.desk.pages(self._view.who(), chosen.id)[number - 1]
        pieces = [one for one in self._view.desk.chunks(self._view.who(), chosen.id) if one.page == number]
        drawn = ""
        if chosen.media_type == "application/pdf":
            address = f"/api/v1/documents/{quote(chosen.id)}/pages/{number}/picture"
            drawn = f'<img src="{address}" alt="{escape(chosen.name)}, page {number}" loading="lazy">'
        table = Table(f"pieces-{number}", ["From", "To", "Kind", "Heading", "Text"], page_size=6)
        table.show([[one.start, one.end, one.kind, one.heading, one.text[:300]] for one in pieces])
        about = facts(
            {
                "File": escape(chosen.name),
                "Title": escape(chosen.title),
                "Page": f"{number} of {chosen.page_count}" + (f", printed {escape(page.label)}" if page.label else ""),
                "SHA-256": f"<code>{escape(chosen.sha256)}</code>",
            }
        )
        words = f"<details><summary>Its text, with its numbers</summary><pre>{escape(page.text)}</pre></details>"
        self._shown.objects = [text(about + drawn + words), heading("Its pieces, as search quotes them"), table.panel]

    def _take_in(self) -> None:
        """Read the files that were chosen, telling of each as it is done."""
        names, contents = self._file.filename, self._file.value
        if not contents:
            return
        names, contents = ([names], [contents]) if isinstance(names, str) else (names, contents)
        large = [name for name, data in zip(names, contents, strict=True) if len(data) > _LARGEST]
        if large:
            raise InvalidInput(f"{', '.join(large)}: at most {_LARGEST >> 20} MB are read here.")
        files = list(zip(names, contents, strict=True))
        self._progress.object = f"<p>Reading {len(files)} file{'s' if len(files) > 1 else ''}…</p>"
        pn.state.execute(partial(self._ingest, self._view.who(), files), schedule="thread")

    def _ingest(self, who: Principal, files: Sequence[tuple[str, bytes]]) -> None:
        lines: list[str] = []

        def told(outcome: IngestOutcome, done: int, total: int) -> None:
            reason = f": {outcome.reason}" if outcome.reason else ""
            lines.append(f"<li>{escape(outcome.name)} {escape(outcome.status + reason)}</li>")
            self._progress.object = f"<p>{done} of {total} read.</p><ul>{''.join(lines)}</ul>"

        try:
            with tempfile.TemporaryDirectory() as folder:
                paths = [Path(folder) / str(at) / safe_name(name) for at, (name, _) in enumerate(files)]
                for path, (_, data) in zip(paths, files, strict=True):
                    path.parent.mkdir()  # two files may have one name
                    path.write_bytes(data)
                self._view.desk.ingest(who, paths, progress=told)
        except TieoutError as error:
            self._progress.object = f'<p class="open">{escape(error.message)}</p>'
        self.refresh()


def _row(one: Document) -> list[object]:
    return [
        *(one.name, one.company or "", one.form or "", one.fiscal_year, one.filed_on, one.page_count, one.size),
        f"{one.ingested_at:%Y-%m-%d %H:%M}",
        ", ".join(one.audiences) or "all of the workspace",
    ]


PAGE = Page("/library", "Library", build, order=40)
