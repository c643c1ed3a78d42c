"""Renders all forms of a report at once: what the last step of a research run keeps as its artifacts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from pipelines.render.charts import alt_text, chart_data, chart_png, chart_svg
from pipelines.render.html import render_html
from pipelines.render.ledger_json import render_ledger
from pipelines.render.markdown import render_markdown
from pipelines.render.notebook import render_notebook
from tieout.model import Chart, Page, Report


@dataclass(frozen=True)
class Rendered:
    """A file of a report, ready to be kept."""

    name: str
    media_type: str
    data: bytes


def render_all(
    report: Report,
    rows: Mapping[str, pa.Table],
    *,
    pages: Iterable[Page] = (),
    pictures: Mapping[str, bytes] | None = None,
) -> list[Rendered]:
    """Return report.md, report.html, report.ipynb, ledger.json, and each chart as SVG and PNG.

    The same report gives the same bytes. Raises TieoutError when a fact or chart does not compute over `rows`.
    """
    pages = tuple(pages)
    images: list[Rendered] = []
    names: dict[str, tuple[str, str]] = {}
    for number, chart in enumerate(_charts(report), start=1):
        data = chart_data(chart, rows)
        if data is None:
            continue
        stem = f"chart-{number}"
        images.append(Rendered(f"{stem}.svg", "image/svg+xml", chart_svg(data, prefix=stem).encode()))
        images.append(Rendered(f"{stem}.png", "image/png", chart_png(data)))
        names[chart.id] = (f"{stem}.png", alt_text(data))
    return [
        Rendered("report.md", "text/markdown", render_markdown(report, pages, charts=names).encode()),
        Rendered("report.html", "text/html", render_html(report, rows, pages, pictures).encode()),
        Rendered("report.ipynb", "application/x-ipynb+json", render_notebook(report, rows, pages).encode()),
        Rendered("ledger.json", "application/json", render_ledger(report)),
        *images,
    ]


def _charts(report: Report) -> list[Chart]:
    return [chart for section in report.draft.sections for chart in section.charts]
