"""Charts as every page has them: drawn by Bokeh, legible in both themes, exported as PNG and HTML."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import panel as pn
import polars as pl
from bokeh.embed import file_html
from bokeh.layouts import column
from bokeh.models import BasicTicker, ColumnDataSource, HoverTool, LinearColorMapper, NumeralTickFormatter
from bokeh.models.annotations import ColorBar
from bokeh.plotting import figure
from bokeh.resources import INLINE

from dashboards.table import download

# Colours that hold against white and near-black, and apart from each other for the colour-blind (after Okabe and Ito).
COLOURS = ("#1f83c4", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c00", "#7a6fd0")
_GREY, _UP, _DOWN = "#7d8590", "#1a9e5c", "#d1453b"
_DAY_MS = 86_400_000
_TOOLS = "pan,xwheel_zoom,box_zoom,reset"

# The layout draws itself onto a canvas, over the colour of the page.
_PNG = """
const view = Bokeh.index.find_one(layout)
const drawn = view.export("png").canvas
const canvas = document.createElement("canvas")
canvas.width = drawn.width
canvas.height = drawn.height
const context = canvas.getContext("2d")
context.fillStyle = getComputedStyle(document.body).backgroundColor
context.fillRect(0, 0, canvas.width, canvas.height)
context.drawImage(drawn, 0, 0)
canvas.toBlob((blob) => {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 10000)
})
"""
_NOTE = "p { color: var(--soft); font-size: 13px; margin: 0 }"


class Chart:
    """Figures below each other, with their exports. `panel` is what a page shows."""

    def __init__(self, name: str) -> None:
        """`name` becomes the files' name; nothing is drawn yet."""
        self._name = name
        self._build: Callable[[], Sequence[Any]] = list
        self._note = ""
        self.panel = pn.Column(sizing_mode="stretch_width")
        self._html = download(f"{name}.html", self._page, f"Export {name}.html")

    def show(self, build: Callable[[], Sequence[Any]], note: str) -> None:
        """Draw the figures that `build` makes; it is called again for a file. `note` says what is drawn, in words."""
        self._build, self._note = build, note
        layout = column(*build(), sizing_mode="stretch_width")
        png = pn.widgets.Button(label=f"Export {self._name}.png", color="default")
        told = pn.pane.HTML(f"<p>{escape(note)}</p>", sizing_mode="stretch_width", stylesheets=[_NOTE])
        drawn = pn.pane.Bokeh(layout, sizing_mode="stretch_width")
        png.jscallback(args={"layout": layout, "name": f"{self._name}.png"}, clicks=_PNG)
        self.panel.objects = [told, drawn, pn.FlexBox(png, self._html)]

    def clear(self, words: str) -> None:
        """Say why nothing is drawn."""
        self.panel.objects = [pn.pane.HTML(f"<p>{escape(words)}</p>", sizing_mode="stretch_width", stylesheets=[_NOTE])]

    def _page(self) -> io.BytesIO:
        whole = column(*self._build(), sizing_mode="stretch_width")
        return io.BytesIO(file_html(whole, INLINE, f"{self._name} · tieout").encode())


def _plain(title: str, height: int, **options: Any) -> Any:
    made: Any = figure(title=title, height=height, sizing_mode="stretch_width", tools=_TOOLS, **options)
    made.background_fill_alpha = made.border_fill_alpha = 0
    made.title.text_color, made.title.text_font_size = _GREY, "13px"
    made.outline_line_color = None
    made.toolbar.logo = None
    made.toolbar.autohide = True
    for axis in made.axis:
        axis.axis_line_color = axis.major_tick_line_color = _GREY
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = _GREY
    made.grid.grid_line_color, made.grid.grid_line_alpha = _GREY, 0.22
    return made


def _legend(made: Any) -> None:
    for legend in list(made.legend):
        made.add_layout(legend, "above")
        legend.background_fill_alpha, legend.border_line_alpha = 0, 0
        legend.label_text_color, legend.orientation = _GREY, "horizontal"
        legend.click_policy, legend.padding, legend.label_text_font_size = "hide", 2, "12px"


def price_figures(bars: pl.DataFrame, title: str, sessions: int, indicators: Sequence[str]) -> list[Any]:
    """Return candles with averages, and below them volume, RSI and MACD as far as asked for and there."""
    source = ColumnDataSource({name: bars[name].to_numpy() for name in bars.columns})
    price = _plain(title, 380, x_axis_type="datetime")
    wide = _DAY_MS * sessions * 0.7
    rose, fell = bars.filter(pl.col("close") >= pl.col("open")), bars.filter(pl.col("close") < pl.col("open"))
    whole = bool((bars["high"] != bars["low"]).any())
    if whole:
        for part, colour in ((rose, _UP), (fell, _DOWN)):
            some = ColumnDataSource({name: part[name].to_numpy() for name in part.columns})
            price.segment("day", "high", "day", "low", source=some, color=colour)
            price.vbar("day", wide, "open", "close", source=some, color=colour, line_color=colour)
    else:
        price.line("day", "close", source=source, color=COLOURS[0], line_width=1.6, legend_label="close")
    for name, colour, label in (("sma_50", COLOURS[1], "50-day mean"), ("sma_200", COLOURS[3], "200-day mean")):
        if name in indicators:
            price.line("day", name, source=source, color=colour, line_width=1.4, legend_label=label)
    tips = [("day", "@day{%F}"), ("close", "@close{0,0.00}")]
    tips += [("open", "@open{0,0.00}"), ("high", "@high{0,0.00}"), ("low", "@low{0,0.00}")] if whole else []
    invisible = price.scatter("day", "close", source=source, alpha=0, size=6)
    hover = HoverTool(tooltips=tips, formatters={"@day": "datetime"}, mode="vline", renderers=[invisible])
    price.add_tools(hover)
    _legend(price)
    found = [price]
    if "volume" in indicators and bars["volume"].is_not_null().any():
        volume = _plain("Volume, shares", 130, x_axis_type="datetime", x_range=price.x_range)
        volume.vbar("day", wide, "volume", source=source, color=COLOURS[4], alpha=0.8)
        volume.yaxis.formatter = NumeralTickFormatter(format="0a")
        found.append(volume)
    if "rsi" in indicators:
        rsi = _plain("RSI (14)", 130, x_axis_type="datetime", x_range=price.x_range, y_range=(0, 100))
        rsi.line("day", "rsi", source=source, color=COLOURS[5])
        for level in (30, 70):
            rsi.hspan(level, color=_GREY, line_dash="dashed", alpha=0.6)
        found.append(rsi)
    if "macd" in indicators:
        macd = _plain("MACD (12, 26, 9), % of the slow average", 140, x_axis_type="datetime", x_range=price.x_range)
        macd.vbar("day", wide, "histogram", source=source, color=_GREY, alpha=0.5)
        macd.line("day", "macd", source=source, color=COLOURS[0], legend_label="MACD")
        macd.line("day", "signal", source=source, color=COLOURS[1], legend_label="signal")
        _legend(macd)
        found.append(macd)
    return found


def line_figure(lines: pl.DataFrame, title: str, unit: str, *, height: int = 340) -> Any:
    """Return a line for each column but `day`."""
    made = _plain(title, height, x_axis_type="datetime")
    names = [name for name in lines.columns if name != "day"]
    source = ColumnDataSource(
        {"day": lines["day"].to_numpy()} | {f"c{n}": lines[name].to_numpy() for n, name in enumerate(names)}
    )
    for number, name in enumerate(names):
        colour = COLOURS[number % len(COLOURS)]
        drawn = made.line("day", f"c{number}", source=source, color=colour, line_width=1.6, legend_label=name)
        if number == 0:
            tips = [("day", "@day{%F}"), *((one, f"@c{n}{{0,0.00}} {unit}") for n, one in enumerate(names))]
            hover = HoverTool(tooltips=tips, formatters={"@day": "datetime"}, mode="vline", renderers=[drawn])
            made.add_tools(hover)
    _legend(made)
    return made


def matrix_figure(names: Sequence[str], values: Sequence[Sequence[float | None]], title: str) -> Any:
    """Return a square of correlations, each with its number."""
    cells = [(one, other, values[row][at]) for row, one in enumerate(names) for at, other in enumerate(names)]
    source = ColumnDataSource(
        {
            "x": [other for _, other, _ in cells],
            "y": [one for one, _, _ in cells],
            "value": [value if value is not None else float("nan") for _, _, value in cells],
            "text": ["" if value is None else f"{value:.2f}" for _, _, value in cells],
        }
    )
    made = _plain(title, 120 + 44 * len(names), x_range=list(names), y_range=list(reversed(names)))
    colours = LinearColorMapper(palette=["#2b6cb0", "#8fb4d8", "#e8ecf0", "#e8b08f", "#c05621"], low=-1, high=1)
    made.rect("x", "y", 0.96, 0.94, source=source, fill_color={"field": "value", "transform": colours}, line_color=None)
    made.text(
        "x",
        "y",
        text="text",
        source=source,
        text_align="center",
        text_baseline="middle",
        text_color="#1b1f24",
        text_font_size="13px",
    )
    bar = ColorBar(
        color_mapper=colours,
        ticker=BasicTicker(desired_num_ticks=5),
        width=10,
        background_fill_alpha=0,
        major_label_text_color=_GREY,
    )
    made.add_layout(bar, "right")
    made.grid.grid_line_color = None
    return made
