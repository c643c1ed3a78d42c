"""Draws a report's charts from the rows behind it: SVG for pages, PNG for chats, text for screen readers.

Drawing uses Figure objects only (no pyplot). The two settings that matplotlib reads globally while it
writes SVG are held under a lock. Colours are the Okabe-Ito set, safe for colour-blind readers; in an SVG
they are CSS variables, so that a page can give them a light and a dark value.
"""

from __future__ import annotations

import io
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb
import matplotlib
import matplotlib.dates
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator

from pipelines.render.rows import open_rows
from pipelines.render.svg import INK, MUTED, RULE, SERIES, clean_svg
from pipelines.render.text import long_date, visible
from tieout.errors import InvalidInput, TieoutError
from tieout.model import Chart

WIDE = (7.4, 3.5)
NARROW = (3.7, 3.1)
_DRAWING = threading.Lock()
_SCALES = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
_MARKERS = ("o", "s", "^", "D", "v", "P")
_DASHES: tuple[Any, ...] = ("-", "-", (0, (5, 1.6)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)))


@dataclass(frozen=True)
class ChartData:
    """The points of a chart: `x` in order, then one tuple of values per named series (None is a gap)."""

    chart: Chart
    x: tuple[Any, ...]
    series: tuple[tuple[str, tuple[float | None, ...]], ...]


def chart_data(chart: Chart, rows: Mapping[str, pa.Table]) -> ChartData | None:
    """Return the chart's points over `rows`; None when there are none.

    Raises TieoutError when its SQL fails, InvalidInput when it does not give x and 1 to 6 numeric columns.
    """
    try:
        with open_rows(rows) as connection:
            cursor = connection.execute(chart.sql, dict(chart.parameters))
            names = [column[0] for column in cursor.description or ()]
            table = cursor.fetchall()
    except duckdb.Error as error:
        raise TieoutError(
            f"Chart {chart.title!r} ({chart.id}): its SQL fails over the report's rows: {error}"
        ) from error
    if not 2 <= len(names) <= len(SERIES) + 1:
        raise InvalidInput(
            f"Chart {chart.title!r} needs x and 1 to {len(SERIES)} series; its SQL gives {len(names)} columns."
        )
    columns = list(zip(*table, strict=True)) if table else [()] * len(names)
    series = tuple(
        (name, tuple(_number(v) for v in column)) for name, column in zip(names[1:], columns[1:], strict=True)
    )
    series = tuple((name, values) for name, values in series if any(v is not None for v in values))
    return ChartData(chart, tuple(columns[0]), series) if series else None


def _number(value: Any) -> float | None:
    if value is None or not math.isfinite(float(value)):
        return None
    return float(value)


def alt_text(data: ChartData) -> str:
    """Return a summary of the chart in words: what it is, its reach, and each series' start, end, low and high."""
    kind = "Line chart" if data.chart.kind == "line" else "Bar chart"
    reach = f"from {x_text(data.x[0])} to {x_text(data.x[-1])}"
    lines = [f"{kind}: {data.chart.title}, {reach}."]
    for name, values in data.series:
        known = [(x, v) for x, v in zip(data.x, values, strict=True) if v is not None]
        if data.chart.kind == "bar" or len(known) <= 6:
            points = ", ".join(f"{x_text(x)} {value_text(v, data.chart.unit)}" for x, v in known)
            lines.append(f"{name}: {points}.")
            continue
        low, high = min(known, key=lambda point: point[1]), max(known, key=lambda point: point[1])
        ends = [value_text(known[i][1], data.chart.unit) for i in (0, -1)]
        lines.append(
            f"{name} starts at {ends[0]} and ends at {ends[1]}; lowest {value_text(low[1], data.chart.unit)} on "
            f"{x_text(low[0])}, highest {value_text(high[1], data.chart.unit)} on {x_text(high[0])}."
        )
    return visible(" ".join(lines))


def x_text(x: Any) -> str:
    """Return a point of the x axis in words."""
    return long_date(x) if isinstance(x, date) else str(x)


def value_text(value: float, unit: str) -> str:
    """Return a value for a label or the chart's table: `394.3 billion USD`, `43.3 %`, `108.2`."""
    if unit == "fraction":
        return f"{value * 100:.1f} %".replace("-", "−")
    factor, word = _scale([value], unit)
    number = f"{value / factor:,.1f}" if factor > 1 or abs(value) < 1000 else f"{value:,.0f}"
    name = "" if unit in ("index", "multiple", "points", "count") else unit
    return " ".join(part for part in (number.replace("-", "−"), word, name) if part)


def chart_svg(data: ChartData, size: tuple[float, float] = WIDE, *, prefix: str = "", themed: bool = False) -> str:
    """Return the chart as an SVG element, without scripts, dates or outside references.

    With `themed` colours are CSS variables of the page (`--ink`, `--s1`, …); `prefix` keeps ids apart.
    """
    figure = _figure(data, size)
    sink = io.StringIO()
    settings: Any = {"svg.hashsalt": "tieout", "svg.fonttype": "none"}
    canvas: Any = FigureCanvasSVG(figure)
    with _DRAWING, matplotlib.rc_context(settings):
        canvas.print_svg(sink, metadata={"Date": None, "Creator": None})
    return clean_svg(sink.getvalue(), prefix=prefix or data.chart.id, label=alt_text(data), themed=themed)


def chart_png(data: ChartData, size: tuple[float, float] = WIDE) -> bytes:
    """Return the chart as a PNG on white, 160 dots per inch."""
    figure = _figure(data, size, title=True)
    figure.set_facecolor("white")
    sink = io.BytesIO()
    canvas: Any = FigureCanvasAgg(figure)
    with _DRAWING:
        canvas.print_png(sink, metadata={"Software": None})
    return sink.getvalue()


def _figure(data: ChartData, size: tuple[float, float], *, title: bool = False) -> Figure:
    figure = Figure(figsize=size, dpi=160, layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    narrow = size[0] < 5
    if data.chart.kind == "line":
        _lines(axes, data)
    else:
        _bars(axes, data, narrow)
    _dress(axes, data, narrow)
    if title:
        axes.set_title(visible(data.chart.title), loc="left", color=INK, fontsize=11, fontweight="bold", pad=24)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a dollar sign is money here
    return figure


def _lines(axes: Axes, data: ChartData) -> None:
    for index, (name, values) in enumerate(data.series):
        points = [math.nan if v is None else v for v in values]
        axes.plot(
            list(data.x), points, label=_label(name), color=SERIES[index], linewidth=1.7, linestyle=_DASHES[index],
            marker=_MARKERS[index] if len(points) <= 12 else None, markersize=4,
        )  # fmt: skip
    if data.chart.unit == "index":
        axes.axhline(100, color=MUTED, linewidth=0.8)
    if data.x and isinstance(data.x[0], date | datetime):
        dates: Any = matplotlib.dates  # untyped
        locator = dates.AutoDateLocator(minticks=3, maxticks=7)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator, show_offset=False))
        axes.margins(x=0.01)


def _bars(axes: Axes, data: ChartData, narrow: bool) -> None:
    count = len(data.series)
    width = min(0.8 / count, 0.5)
    factor, _ = _scale([v for _, values in data.series for v in values if v is not None], data.chart.unit)
    for index, (name, values) in enumerate(data.series):
        places = [i + (index - (count - 1) / 2) * width for i in range(len(data.x))]
        heights = [math.nan if v is None else v for v in values]
        bars = axes.bar(places, heights, width * 0.92, label=_label(name), color=SERIES[index])
        if len(data.x) * count <= (9 if narrow else 18):
            labels = ["" if v is None else _bar_label(v, factor, data.chart.unit) for v in values]
            axes.bar_label(bars, labels, padding=2, fontsize=7 if narrow else 8, color=INK)
    axes.set_xticks(range(len(data.x)), [visible(x_text(x)) for x in data.x])
    if any(v is not None and v < 0 for _, values in data.series for v in values):
        axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.margins(y=0.12)


def _bar_label(value: float, factor: float, unit: str) -> str:
    shown = value * 100 if unit == "fraction" else value / factor
    whole = factor == 1 and unit != "fraction" and shown == int(shown)
    text = f"{shown:,.0f}" if whole else f"{shown:,.1f}"
    return text.replace("-", "−") + (" %" if unit == "fraction" else "")


def _label(name: str) -> str:
    # matplotlib leaves a label that starts with an underscore out of the legend
    return visible(name).lstrip("_") or "series"


def _dress(axes: Axes, data: ChartData, narrow: bool) -> None:
    small = 7.5 if narrow else 8.5
    values = [v for _, series in data.series for v in series if v is not None]
    factor, word = _scale(values, data.chart.unit)
    unit = data.chart.unit
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, min_n_ticks=3))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, factor, unit)))
    axes.set_ylabel("")
    caption = {"fraction": "per cent", "index": "index, start = 100"}.get(unit, " ".join(p for p in (unit, word) if p))
    axes.text(0, 1.03, visible(caption), transform=axes.transAxes, fontsize=small, color=MUTED, ha="left", va="bottom")
    axes.grid(axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(MUTED)
    axes.tick_params(axis="both", labelsize=small, labelcolor=INK, color=MUTED, length=0)
    if len(data.series) > 1:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2 if narrow else len(data.series), frameon=False,
            fontsize=small, labelcolor=INK, borderaxespad=0.1, handlelength=1.8, columnspacing=1.2,
        )  # fmt: skip


def _scale(values: Sequence[float], unit: str) -> tuple[float, str]:
    if unit in ("fraction", "index", "multiple", "points", "days"):
        return 1.0, ""
    top = max((abs(v) for v in values), default=0.0)
    return next(((factor, word) for factor, word in _SCALES if top >= factor), (1.0, ""))


def _tick(value: float, factor: float, unit: str) -> str:
    shown = value * 100 if unit == "fraction" else value / factor
    text = f"{shown:,.1f}".removesuffix(".0").replace("-", "−")
    return f"{text} %" if unit == "fraction" else text
