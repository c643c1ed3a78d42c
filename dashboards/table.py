"""A table as every page has it: sorted and paged in the browser, and exported as CSV and Parquet."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import panel as pn
import polars as pl

PAGE_SIZE = 25


class Table:
    """Rows under named columns. `panel` is what a page shows; what is exported is what is shown, whole."""

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        *,
        links: Mapping[str, str] | None = None,
        chosen: Callable[[int], None] | None = None,
        widths: Mapping[str, int] | None = None,
        nothing: str = "There is nothing to show.",
        page_size: int = PAGE_SIZE,
    ) -> None:
        """`name` becomes the files' name. `links`: a column's cells lead to this address with the cell behind it.

        `chosen` is called with a row's number, counted from 0 in the order of `show`, when a person clicks it.
        """
        self._columns = list(columns)
        self._nothing = nothing
        self._frame = pd.DataFrame(columns=self._columns)
        formatters = {column: {"type": "link", "urlPrefix": prefix} for column, prefix in (links or {}).items()}
        self.widget = pn.widgets.Tabulator(
            self._frame,
            show_index=False,
            disabled=True,
            pagination="local",
            page_size=page_size,
            selectable=False,
            sizing_mode="stretch_width",
            layout="fit_data_stretch",
            formatters=formatters,
            widths=dict(widths or {}),
            configuration={"placeholder": nothing},
            stylesheets=[_CSS],
        )
        if chosen is not None:
            self.widget.on_click(lambda event: chosen(int(event.row)))
        self.panel = pn.Column(
            self.widget,
            pn.FlexBox(_export(f"{name}.csv", self._csv), _export(f"{name}.parquet", self._parquet)),
            sizing_mode="stretch_width",
        )

    def show(self, rows: Sequence[Sequence[Any]]) -> None:
        """Show these rows. A table that stays as it was is not drawn again: who reads in it is not disturbed."""
        frame = pd.DataFrame([list(row) for row in rows], columns=self._columns)
        if not frame.equals(self._frame):
            self._frame = frame
            self.widget.value = frame

    def _csv(self) -> io.BytesIO:
        return io.BytesIO(self._frame.to_csv(index=False).encode())

    def _parquet(self) -> io.BytesIO:
        out = io.BytesIO()
        # A column may hold numbers in some rows and nothing in others; text keeps what is neither.
        frame = pl.DataFrame({name: list(self._frame[name]) for name in self._columns}, strict=False)
        frame.write_parquet(out)
        out.seek(0)
        return out


def download(name: str, make: Callable[[], io.BytesIO], label: str) -> Any:
    """Return a link that makes a file when it is clicked."""
    return pn.widgets.FileDownload(
        callback=make, filename=name, label=label, embed=False, auto=True, color="default", button_style="outline"
    )


def _export(name: str, make: Callable[[], io.BytesIO]) -> Any:
    return download(name, make, f"Export {name}")


_CSS = """
:host { --tabulator-border: 1px }
.tabulator { background: var(--paper); color: var(--ink); border: 1px solid var(--line); font-size: 14px }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-footer {
  background: var(--panel); color: var(--ink); border-color: var(--line) }
.tabulator .tabulator-tableholder { background: var(--paper) }
.tabulator .tabulator-tableholder .tabulator-table { background: var(--paper); color: var(--ink) }
.tabulator .tabulator-tableholder .tabulator-placeholder .tabulator-placeholder-contents { color: var(--soft);
  font-size: 14px; font-weight: normal }
.tabulator-row, .tabulator-row.tabulator-row-even { background: var(--paper); color: var(--ink);
  border-bottom: 1px solid var(--line) }
.tabulator-row:hover { background: var(--panel) !important }
.tabulator-row .tabulator-cell { border-color: var(--line) } .tabulator-row a { color: var(--brand) }
.tabulator .tabulator-footer .tabulator-page { background: var(--paper); color: var(--ink) }
.tabulator .tabulator-footer .tabulator-page.active { color: var(--brand); font-weight: bold }
"""
