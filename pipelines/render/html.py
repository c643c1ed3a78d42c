"""Renders a report as one HTML file that needs nothing else: styles, script and charts are inside it.

Templates escape everything; the only markup that enters them whole is our own SVG. A strict policy in the
page forbids every request and any script or style but its own.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import pyarrow as pa
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipelines.render.charts import NARROW, WIDE, ChartData, alt_text, chart_data, chart_svg, value_text, x_text
from pipelines.render.markdown import numeric_columns, shown
from pipelines.render.segments import paragraphs, segments
from pipelines.render.sources import gather
from pipelines.render.summary import badge, companies, documents, facts_line, key_figures, status_mark, warning
from pipelines.render.text import grouped, long_date, one_line, period_text, visible, with_unit
from tieout.model import Chart, Page, Report

_MOST_TABLE_ROWS = 24  # a chart with more points than this gets its summary in words instead of a table


def render_html(
    report: Report,
    rows: Mapping[str, pa.Table],
    pages: Iterable[Page] = (),
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """Return `report.html`.

    `rows` feed the charts, `pages` give the lines around quotations, `pictures` are PNG cut-outs of pages by
    span or figure id. The same report gives the same text. Raises TieoutError when a chart's SQL fails.
    """
    sources = gather(report, pages, pictures)
    template = _environment().get_template("report.html")
    style, script = _asset("report.css"), _asset("report.js")
    return template.render(
        report=report,
        draft=report.draft,
        sources=sources,
        counts=report.ledger.counts,
        badge=badge(report),
        warning=warning(report),
        about=facts_line(report),
        companies=companies(report),
        documents=documents(report),
        tiles=key_figures(report, sources),
        charts=[[_chart(chart, rows) for chart in section.charts] for section in report.draft.sections],
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _chart(chart: Chart, rows: Mapping[str, pa.Table]) -> dict[str, Any] | None:
    data = chart_data(chart, rows)
    if data is None:
        return None
    drawings = {
        name: Markup(chart_svg(data, size, prefix=f"{chart.id}-{name}", themed=True))  # noqa: S704 - our own drawing
        for name, size in (("wide", WIDE), ("narrow", NARROW))
    }
    return {"chart": chart, "alt": alt_text(data), "table": _points(data), **drawings}


def _points(data: ChartData) -> dict[str, Any] | None:
    if len(data.x) > _MOST_TABLE_ROWS:
        return None
    columns = [name for name, _ in data.series]
    lines = [
        (x_text(x), ["–" if v[i] is None else value_text(v[i] or 0.0, data.chart.unit) for _, v in data.series])
        for i, x in enumerate(data.x)
    ]
    return {"columns": columns, "lines": lines}


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


def _data_url(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode("ascii")


def _asset(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "day": long_date,
        "period": period_text,
        "grouped": grouped,
        "with_unit": with_unit,
        "shown": shown,
        "data_url": _data_url,
        "line": one_line,
    }
    environment.globals |= {
        "segments": segments,
        "paragraphs": paragraphs,
        "numeric_columns": numeric_columns,
        "tile_columns": lambda count: 3 if count in (3, 5, 6, 9) else 4,
        "status_mark": status_mark,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Spell out control characters and direction overrides in every text that the template prints."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value)
