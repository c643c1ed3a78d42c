"""Rows in a neutral form that every database of ours reads: JSON lists, one a line, beside a list of the columns.

Times are ISO 8601 in UTC, decimals and JSON columns keep their own text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    inspect,
    select,
    type_coerce,
)

from store.all_tables import all_tables
from store.columns import ExactDecimal, Json, UtcDateTime
from tieout.errors import NotAvailable, RefusedFile

SCHEMA = "sql/schema.json"
NOT_KEPT = frozenset({"workers", "buckets"})  # they say what lives and how fast, here and now
MEMBER = re.compile(r"sql/([a-z_]{1,60})/\d{6}\.ndjson")
_PIECE = 4_000_000  # bytes of one member
_BATCH = 1000  # rows
_KINDS: tuple[tuple[type[Any], str], ...] = (  # the first that fits decides
    (Boolean, "bool"),
    (UtcDateTime, "time"),
    (Json, "json"),
    (ExactDecimal, "decimal"),
    (Date, "date"),
    (Float, "float"),
    (Integer, "int"),
    (String, "text"),
)
_TYPES: Mapping[str, Any] = {
    "bool": Boolean(),
    "time": UtcDateTime(),
    "json": Text(),
    "decimal": String(64),
    "date": Date(),
    "float": Float(),
    "int": BigInteger(),
    "text": Text(),
}
_READ: Mapping[str, Callable[[str], object]] = {"time": datetime.fromisoformat, "date": date.fromisoformat}


def write_records(
    connection: Connection, put: Callable[[str, bytes], None], tables: Sequence[Table] | None = None
) -> dict[str, int]:
    """Put all rows that the connection sees as members of an archive; return how many there are by table.

    Raises NotAvailable when the database has a table that nobody here knows.
    """
    if tables is None:
        tables = [table for table in all_tables() if table.name not in NOT_KEPT]
    there = set(inspect(connection).get_table_names()) - NOT_KEPT - {"alembic_version"}
    unknown = there ^ {table.name for table in tables}
    if unknown:
        raise NotAvailable(f"the tables {', '.join(sorted(unknown))} are not where they should be: no backup was made")
    schema = [{"table": table.name, "columns": {c.name: _kind(c) for c in table.columns}} for table in tables]
    put(SCHEMA, json.dumps({"tables": schema}).encode())
    return {table.name: _write_table(connection, put, table) for table in tables}


def _write_table(connection: Connection, put: Callable[[str, bytes], None], table: Table) -> int:
    kinds = [_kind(column) for column in table.columns]
    # The text of a JSON column is kept as it is: nothing to parse, nothing that could change.
    columns = [type_coerce(c, Text) if kind == "json" else c for c, kind in zip(table.columns, kinds, strict=True)]
    query = select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
    rows = piece = 0
    lines: list[bytes] = []
    size = 0

    def flush() -> None:
        nonlocal piece, size
        if lines:
            put(f"sql/{table.name}/{piece:06}.ndjson", b"".join(lines))
            piece, size = piece + 1, 0
            lines.clear()

    for row in connection.execute(query):
        line = json.dumps([_plain(value) for value in row], separators=(",", ":")).encode() + b"\n"
        lines.append(line)
        rows, size = rows + 1, size + len(line)
        if size >= _PIECE:
            flush()
    flush()
    return rows


class RecordReader:
    """Puts the rows of an archive's members into a database that has the tables, empty."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._tables: dict[str, tuple[Table, list[tuple[str, str]]]] = {}
        self.counts: dict[str, int] = {}

    def read_schema(self, data: bytes) -> None:
        """Take the list of tables. Raises RefusedFile when the database does not have one of them."""
        inspector = inspect(self._connection)
        there = set(inspector.get_table_names())
        try:
            for entry in json.loads(data)["tables"]:
                name, columns = str(entry["table"]), dict(entry["columns"])
                known = {column["name"] for column in inspector.get_columns(name)} if name in there else set()
                if name in NOT_KEPT or not set(columns) <= known:
                    raise RefusedFile(f"the backup's table {name[:60]!r} is not one of its schema revision's")
                table = Table(name, MetaData(), *(Column(key, _TYPES[kind]) for key, kind in columns.items()))
                self._tables[name] = table, list(columns.items())
                self.counts[name] = 0
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RefusedFile(f"the backup's list of tables cannot be read ({type(error).__name__})") from error

    def read_rows(self, name: str, lines: Iterable[bytes]) -> None:
        """Insert the rows of one member of the table `name`. Raises RefusedFile."""
        if name not in self._tables:
            raise RefusedFile(f"the backup has rows of {name!r}, which is not one of its tables")
        table, columns = self._tables[name]
        for batch in _batches(lines):
            try:
                rows = [_row(line, columns) for line in batch]
            except (ValueError, TypeError) as error:
                raise RefusedFile(f"a row of the backup's table {name} cannot be read ({error})") from error
            self._connection.execute(insert(table), rows)
            self.counts[name] += len(rows)


def _kind(column: Column[Any]) -> str:
    return next(kind for of, kind in _KINDS if isinstance(column.type, of))


def _plain(value: object) -> object:
    return value if isinstance(value, str | int | float | None) else _text(value)


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def _row(line: bytes, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    values = json.loads(line)
    return {
        key: _READ[kind](value) if kind in _READ and value is not None else value
        for (key, kind), value in zip(columns, values, strict=True)
    }


def _batches(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
