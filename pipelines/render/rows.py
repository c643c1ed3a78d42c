"""Opens the rows behind a report in a locked in-memory DuckDB, and packs them for the notebook."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tieout.errors import TieoutError
from tieout.model import Fact

SIGNIFICANT_DIGITS = 15  # a double keeps so many decimal digits whatever its value
TOLERANCE = Decimal("1e-12")  # the order in which doubles are added differs between machines


@contextmanager
def open_rows(rows: Mapping[str, pa.Table]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a connection with the tables of `rows`, no access to files or network, its settings locked."""
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    try:
        for name, table in rows.items():
            connection.register(name, table)
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def evaluate(connection: duckdb.DuckDBPyConnection, fact: Fact) -> Decimal:
    """Return the fact's value computed again from its SQL. Raises TieoutError when it gives no number."""
    try:
        row = connection.execute(fact.sql, dict(fact.parameters)).fetchone()
    except duckdb.Error as error:
        raise TieoutError(f"Fact {fact.name!r} ({fact.id}): its SQL fails over the report's rows: {error}") from error
    value = as_decimal(row[0]) if row else None
    if value is None:
        raise TieoutError(
            f"Fact {fact.name!r} ({fact.id}) has no value over the report's rows; pass all rows that it reads."
        )
    return value


def as_decimal(value: Any) -> Decimal | None:
    """Return a DuckDB value as Decimal, a double rounded to 15 significant digits; None for no finite number."""
    if value is None or isinstance(value, str):
        return None
    number = Decimal(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def same_value(first: Decimal, second: Decimal) -> bool:
    """Return whether two computations agree: equal, or apart by less than the order of addition explains."""
    return abs(first - second) <= TOLERANCE * max(abs(first), abs(second))


def canonical(table: pa.Table) -> pa.Table:
    """Return the rows in one fixed order and without metadata, so that the same rows make the same bytes."""
    table = pa.table({name: table[name] for name in table.column_names}).combine_chunks()
    keys = [(field.name, "ascending") for field in table.schema if not pa.types.is_nested(field.type)]
    return table.sort_by(keys) if keys and table.num_rows > 1 else table


def to_parquet(table: pa.Table) -> bytes:
    """Return the rows as one Parquet file, zstd, the same bytes for the same rows."""
    sink = io.BytesIO()
    pq.write_table(canonical(table), sink, compression="zstd", compression_level=19)
    return sink.getvalue()
