"""The columns of the lake's tables, and how the vocabulary's records become their rows.

Prices are float64 on purpose: that is the precision in which vendors compute and publish adjusted prices,
and it is exact for every price printed with up to 15 digits. Reported figures are DECIMAL(30, 8): they are
printed numbers, and a sum of them must not drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa

from tieout.errors import InvalidInput, NotFound
from tieout.model import Figure, Period

ADJUSTMENTS = ("none", "splits", "splits_dividends")
FIGURE_DECIMALS = 8

BARS = pa.schema(
    [
        ("ticker", pa.string()),
        ("vendor", pa.string()),
        ("adjustment", pa.string()),
        ("day", pa.date32()),
        ("open", pa.float64()),
        ("high", pa.float64()),
        ("low", pa.float64()),
        ("close", pa.float64()),
        ("volume", pa.float64()),
        ("currency", pa.string()),
        ("time_zone", pa.string()),
        ("known_on", pa.date32()),
        ("source", pa.string()),
    ]
)

FIGURES = pa.schema(
    [
        ("id", pa.string()),
        ("document_id", pa.string()),
        ("page", pa.int32()),
        ("start_offset", pa.int32()),
        ("end_offset", pa.int32()),
        ("text", pa.string()),
        ("value", pa.decimal128(30, FIGURE_DECIMALS)),
        ("unit", pa.string()),
        ("scale", pa.int64()),
        ("decimals", pa.int32()),
        ("row_label", pa.string()),
        ("path", pa.string()),
        ("column_label", pa.string()),
        ("table_title", pa.string()),
        ("concept", pa.string()),
        ("dimension", pa.string()),
        ("period_kind", pa.string()),
        ("fiscal_year", pa.int32()),
        ("fiscal_quarter", pa.int32()),
        ("period_months", pa.int32()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("period_label", pa.string()),
        ("row_start", pa.int32()),
        ("row_end", pa.int32()),
        ("known_on", pa.date32()),
    ]
)

SCHEMAS = {"bars": BARS, "figures": FIGURES}
KEYS = {"bars": ("ticker", "vendor", "adjustment", "day"), "figures": ("id",)}


def schema_of(table: str) -> pa.Schema:
    """Return the columns of a table. Raises NotFound naming those there are."""
    try:
        return SCHEMAS[table]
    except KeyError:
        raise NotFound(f"the lake has no table {table!r}: it has {', '.join(SCHEMAS)}") from None


def figure_rows(figures: Sequence[Figure]) -> pa.Table:
    """Return figures as rows of the `figures` table. Raises InvalidInput for a value that the column cannot hold."""
    return pa.Table.from_pylist([_figure_row(figure) for figure in figures], schema=FIGURES)


def _figure_row(figure: Figure) -> dict[str, object]:
    period = figure.period or Period(kind="")
    return {
        "id": figure.id,
        "document_id": figure.document_id,
        "page": figure.page,
        "start_offset": figure.start,
        "end_offset": figure.end,
        "text": figure.text,
        "value": _exact(figure),
        "unit": figure.unit,
        "scale": figure.scale,
        "decimals": figure.decimals,
        "row_label": figure.row,
        "path": " › ".join(figure.path),
        "column_label": figure.column,
        "table_title": figure.table,
        "concept": figure.concept,
        "dimension": figure.dimension,
        "period_kind": period.kind or None,
        "fiscal_year": period.fiscal_year,
        "fiscal_quarter": period.fiscal_quarter,
        "period_months": period.months,
        "period_start": period.start,
        "period_end": period.end,
        "period_label": period.label or None,
        "row_start": figure.row_start,
        "row_end": figure.row_end,
        "known_on": figure.known_on,
    }


def _exact(figure: Figure) -> Decimal:
    value = figure.value
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() > 21:
        raise InvalidInput(f"figure {figure.id}: {figure.text!r} is not a number that the lake can hold")
    if -exponent > FIGURE_DECIMALS and value != round(value, FIGURE_DECIMALS):
        raise InvalidInput(f"figure {figure.id}: {value} has more than {FIGURE_DECIMALS} decimal places")
    return round(value, FIGURE_DECIMALS)
