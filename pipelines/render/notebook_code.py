"""Writes the code cells of a report's notebook. Data enters a cell only as a Python literal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pipelines.render.text import one_line, plain_decimal
from tieout.errors import InvalidInput
from tieout.model import Chart, Fact

SETUP = '''\
import base64
import io
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq

con = duckdb.connect(":memory:", config={"threads": "1"})
reproduced = set()


def load(name, data):
    """Make a table of the Parquet file that the cell carries."""
    table = pq.read_table(io.BytesIO(base64.b64decode(data)))
    con.register(name, table)
    print(f"{name}: {table.num_rows:,} rows, {table.num_columns} columns")


def to_decimal(value):
    """Round a double to 15 significant digits; leave exact types exact."""
    return Decimal(f"{value:.15g}") if isinstance(value, float) else Decimal(value)


def check(key, name, sql, parameters, expected, unit):
    """Compute a number again and compare it with the report's."""
    value = to_decimal(con.execute(sql, parameters).fetchone()[0])
    assert abs(value - expected) <= Decimal("1e-12") * max(abs(value), abs(expected)), (
        f"{name}: computed {value:f}, the report says {expected:f}"
    )
    reproduced.add(key)
    plain = lambda number: f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"
    print(f"{name} = {plain(value)} {unit} (report: {plain(expected)}): reproduced")


def draw(title, kind, unit, sql, parameters):
    """Draw a chart from the rows; without matplotlib, print its points."""
    cursor = con.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    rows = cursor.fetchall()
    try:
        from matplotlib.figure import Figure
        from IPython.display import Image
    except ImportError:
        print(*names, sep="\\t")
        for row in rows:
            print(*row, sep="\\t")
        return None
    figure = Figure(figsize=(8, 4), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    x, colours = [row[0] for row in rows], ("#0067a5", "#c4500b", "#00795a", "#8f4b86", "#8a6a00", "#4a4f57")
    factor, word = (100, "per cent") if unit == "fraction" else (1, unit)
    count = len(names) - 1
    for i, name in enumerate(names[1:]):
        y = [float("nan") if row[i + 1] is None else float(row[i + 1]) * factor for row in rows]
        if kind == "bar":
            width = 0.8 / count
            axes.bar([j + (i - (count - 1) / 2) * width for j in range(len(x))], y, width, label=name, color=colours[i])
        else:
            axes.plot(x, y, label=name, color=colours[i])
    if kind == "bar":
        axes.set_xticks(range(len(x)), [str(value) for value in x])
    axes.set_title(title, loc="left")
    axes.set_ylabel(word)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    if count > 1:
        axes.legend(frameon=False)
    for text in figure.findobj(lambda artist: hasattr(artist, "set_parse_math")):
        text.set_parse_math(False)
    sink = io.BytesIO()
    figure.savefig(sink, format="png")
    return Image(data=sink.getvalue(), alt=title)'''


def data_cell(name: str, lines: list[str]) -> str:
    """Return a cell that loads one table from base64 lines."""
    return "\n".join([f"load({literal(name)}, (", *[f"    {literal(line)}" for line in lines or [""]], "))"])


def fact_cell(fact: Fact) -> str:
    """Return a cell that computes one fact from its SQL and bound parameters and asserts the report's value."""
    expected = literal(plain_decimal(fact.value))
    name, unit = literal(one_line(fact.name)), literal(one_line(fact.unit))
    return "\n".join(
        [
            f"sql = {sql_literal(fact.sql)}",
            f"parameters = {mapping_literal(fact.parameters)}",
            f"check({literal(fact.id)}, {name}, sql, parameters, Decimal({expected}), {unit})",
        ]
    )


def chart_cell(chart: Chart) -> str:
    """Return a cell that draws one chart."""
    return "\n".join(
        [
            f"sql = {sql_literal(chart.sql)}",
            f"parameters = {mapping_literal(chart.parameters)}",
            f"draw({literal(one_line(chart.title))}, {literal(chart.kind)}, {literal(chart.unit)}, sql, parameters)",
        ]
    )


def final_cell(total: int) -> str:
    """Return the cell that counts what was reproduced."""
    return (
        f'assert len(reproduced) == {total}, f"only {{len(reproduced)}} of {total} computed numbers reproduced"\n'
        f'print(f"{{len(reproduced)}} of {total} computed numbers reproduced")'
    )


def sql_literal(sql: str) -> str:
    """Return SQL as a Python literal, one string per line so that it reads like SQL."""
    lines = sql.strip("\n").split("\n")
    if len(lines) == 1:
        return literal(lines[0])
    return "\n".join(["(", *[f"    {literal(line + chr(10))}" for line in lines], ")"])


def mapping_literal(values: Mapping[str, Any]) -> str:
    """Return parameters as a Python dict literal, by name."""
    pairs = [f"{literal(name)}: {literal(value)}" for name, value in sorted(values.items())]
    return "{" + ", ".join(pairs) + "}"


def literal(value: Any) -> str:
    """Return a Python literal of a plain value. Raises InvalidInput for a type that has none."""
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, str):
        return ascii(str(value)) if not value.isprintable() else repr(str(value))
    if isinstance(value, float):
        return repr(value) if value == value and abs(value) != float("inf") else f"float({str(value)!r})"
    if isinstance(value, Decimal):
        return f"Decimal({str(value)!r})"
    if isinstance(value, datetime):
        return f"datetime.fromisoformat({value.isoformat()!r})"
    if isinstance(value, date):
        return f"date({value.year}, {value.month}, {value.day})"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(literal(item) for item in value) + "]"
    raise InvalidInput(f"A SQL parameter of type {type(value).__name__} cannot stand in a notebook; use plain values.")
