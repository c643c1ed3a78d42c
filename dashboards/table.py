"""A table as every page has it: sorted and paged in the browser, and exported as CSV and Parquet."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import count
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
        plain: Sequence[str] = (),
        nothing: str = "There is nothing to show.",
        page_size: int = PAGE_SIZE,
    ) -> None:
        """`name` becomes the files' name. `links`: a column's cells lead to this address with the cell behind it.

        Numbers of the columns `plain` are names, such as years, and are printed without separators.
        `chosen` is called with a row's number, counted from 0 in the order of `show`, when a person clicks it.
        """
        self._columns = list(columns)
        self._plain = {self._columns.index(name) for name in plain}
        self._rows: list[list[Any]] = []
        formatters = {column: {"type": "link", "urlPrefix": prefix} for column, prefix in (links or {}).items()}
        self.widget = pn.widgets.Tabulator(
            pd.DataFrame(columns=self._columns),
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
        if list(map(list, rows)) == self._rows:
            return
        self._rows = [list(row) for row in rows]
        shown = [
            [str(cell) if at in self._plain and cell is not None else _shown(cell) for at, cell in enumerate(row)]
            for row in rows
        ]
        self.widget.value = pd.DataFrame(shown, columns=self._columns)

    def _csv(self) -> io.BytesIO:
        return io.BytesIO(self._frame().write_csv().encode())

    def _parquet(self) -> io.BytesIO:
        out = io.BytesIO()
        self._frame().write_parquet(out)
        out.seek(0)
        return out

    def _frame(self) -> pl.DataFrame:
        """Return what is shown with its types; lists become text."""
        columns = {name: [_flat(row[index]) for row in self._rows] for index, name in enumerate(self._columns)}
        return pl.DataFrame(columns, strict=False)


def _flat(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _shown(value: Any) -> Any:
    """Return a cell as the browser gets it."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return value.isoformat() if isinstance(value, date) else _flat(value)


def download(name: str, make: Callable[[], io.BytesIO], label: str) -> Any:
    """Return a button that makes a file and hands it to the browser, by mouse and by keyboard."""
    button = pn.widgets.Button(label=label, color="default")
    carrier = pn.widgets.TextInput(value="", visible=False)
    carrier.jscallback(args={"name": name}, value=_SAVE)
    times = count(1)

    def hand_over(_: object) -> None:
        carrier.value = f"{next(times)}:{b64encode(make().getvalue()).decode('ascii')}"  # a new value each time

    button.on_click(hand_over)
    return pn.Row(button, carrier)


def _export(name: str, make: Callable[[], io.BytesIO]) -> Any:
    return download(name, make, f"Export {name}")


_SAVE = """
const bytes = Uint8Array.from(atob(cb_obj.value.split(":")[1]), (one) => one.charCodeAt(0))
const link = document.createElement("a")
link.href = URL.createObjectURL(new Blob([bytes]))
link.download = name
link.click()
setTimeout(() => URL.revokeObjectURL(link.href), 10000)
"""

_CSS = """
.tabulator, .tabulator .tabulator-tableholder, .tabulator .tabulator-tableholder .tabulator-table, .tabulator-row,
.tabulator-row.tabulator-row-even { background: var(--paper) !important; color: var(--ink) !important }
.tabulator { border: 1px solid var(--line); font-size: 14px }
.tabulator .tabulator-header, .tabulator .tabulator-header .tabulator-col, .tabulator .tabulator-footer {
  background: var(--panel) !important; color: var(--ink) !important; border-color: var(--line) !important }
.tabulator .tabulator-placeholder .tabulator-placeholder-contents { color: var(--soft) !important; font-size: 14px;
  font-weight: normal }
.tabulator-row { border-bottom: 1px solid var(--line) !important }
.tabulator-row:hover { background: var(--panel) !important }
.tabulator-row .tabulator-cell { border-color: var(--line) !important } .tabulator-row a { color: var(--brand) }
.tabulator .tabulator-footer .tabulator-page { background: var(--paper); color: var(--ink) }
.tabulator .tabulator-footer .tabulator-page.active { color: var(--brand) !important; font-weight: bold }
"""
