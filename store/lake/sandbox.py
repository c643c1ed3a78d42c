"""Runs one SELECT over given Arrow tables and nothing else: no files, settings, other statements or endless time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from tieout.errors import InvalidInput

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
# Functions that look outside, run text as SQL, or make large values outside DuckDB's own memory accounting.
_DENIED = frozenset(
    {
        "getenv", "current_setting", "set_config", "query", "query_table", "write_log", "getvariable", "nextval",
        "currval", "repeat", "lpad", "rpad", "printf", "format", "list_resize", "array_resize", "bar",
        "range", "generate_series",  # as values; as tables they stream and stay within the limits
        "current_database", "current_schemas", "version", "txid_current", "pg_typeof", "parse_duckdb_log_message",
    }
)  # fmt: skip
_SQL_LIMIT = 20_000
_GRACE = 40  # times 50 ms for DuckDB to notice an interruption
_CONFIG = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "temp_directory": "",
    "threads": "1",  # the same additions in the same order each time: a fact comes out the same to the last bit
}


@dataclass(frozen=True)
class Limits:
    """What one SELECT may use: rows and bytes of its result, DuckDB's memory, and time on the clock."""

    rows: int = 100_000
    result_bytes: int = 128 * 2**20
    memory: str = "512MB"
    seconds: float = 10.0


def connect(limits: Limits = Limits()) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB that cannot reach files, network, extensions or Python's variables; then lock it so."""
    connection = duckdb.connect(":memory:", config={**_CONFIG, "memory_limit": limits.memory})
    connection.execute("SET lock_configuration = true")
    return connection


def check_select(connection: duckdb.DuckDBPyConnection, sql: str, tables: frozenset[str]) -> None:
    """Raise InvalidInput unless `sql` is exactly one SELECT over `tables` that calls no denied function."""
    if len(sql) > _SQL_LIMIT:
        raise InvalidInput(f"the SQL is {len(sql)} characters long: at most {_SQL_LIMIT} are allowed")
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise InvalidInput(f"the SQL cannot be read: {_first_line(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        kinds = ", ".join(str(statement.type).rsplit(".", 1)[-1] for statement in statements) or "nothing"
        raise InvalidInput(f"exactly one SELECT statement is allowed here, this is {kinds}")
    answer = connection.execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchall()
    tree = json.loads(answer[0][0])
    if tree.get("error"):
        raise InvalidInput(f"this SELECT is not allowed here: {tree.get('error_message', 'it cannot be checked')}")
    _check_tree(tree, tables)


def select(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any], limits: Limits = Limits()
) -> pa.Table:
    """Run a checked SELECT in a worker thread within the limits and return its rows.

    Raises InvalidInput for an SQL error, a missing parameter, too many rows or bytes, and for too much time.
    The connection is of no more use after a time-out: DuckDB may still be leaving a loop that it cannot interrupt.
    """
    return _within(limits, connection, lambda: _fetch(connection, sql, parameters, limits))


def first_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any], limits: Limits = Limits()
) -> tuple[list[tuple[Any, ...]], int]:
    """Run a checked SELECT as `select` does; return its first two rows as Python values, and how many columns it has.

    Binds the statement once where `select` binds it twice, which is most of the time of a small SELECT.
    """

    def work() -> tuple[list[tuple[Any, ...]], int]:
        result = connection.execute(sql, dict(parameters))
        rows = result.fetchmany(2)
        columns = len(result.description or ())
        connection.abort()  # of more rows nothing is wanted
        return rows, columns

    return _within(limits, connection, work)


def _within[T](limits: Limits, connection: duckdb.DuckDBPyConnection, run: Callable[[], T]) -> T:
    outcome: list[T | BaseException] = []

    def work() -> None:
        try:
            outcome.append(run())
        except BaseException as error:  # handed to the calling thread below
            outcome.append(error)

    worker = threading.Thread(target=work, name="lake-select", daemon=True)
    worker.start()
    try:
        worker.join(limits.seconds)
    finally:  # on a time-out, and when the caller itself is interrupted
        late = worker.is_alive()
        for _ in range(_GRACE if late else 0):
            connection.interrupt()
            worker.join(0.05)
    if late:
        raise InvalidInput(f"the SELECT was stopped after {limits.seconds:g} s: ask for less")
    result = outcome[0]
    if isinstance(result, duckdb.Error):
        raise InvalidInput(f"the SELECT failed: {_first_line(result)}") from result
    if isinstance(result, BaseException):
        raise result
    return result


def query(
    sql: str, parameters: Mapping[str, Any], tables: Mapping[str, pa.Table], limits: Limits = Limits()
) -> pa.Table:
    """Run one SELECT from outside over the given Arrow tables only. Raises InvalidInput."""
    for name in tables:
        if not name.isidentifier():
            raise InvalidInput(f"{name!r} cannot be a table's name: use letters, digits and _")
    connection = connect(limits)
    check_select(connection, sql, frozenset(name.lower() for name in tables))
    for name, table in tables.items():
        connection.register(name, table)
    return select(connection, sql, parameters, limits)  # the connection ends with its last reference


def _fetch(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any], limits: Limits) -> pa.Table:
    reader = connection.sql(sql, params=dict(parameters)).to_arrow_reader(8_192)
    batches, rows, size = [], 0, 0
    for batch in reader:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows > limits.rows:
            raise InvalidInput(f"the SELECT returns more than {limits.rows:,} rows: add a LIMIT or aggregate")
        if size > limits.result_bytes:
            raise InvalidInput(f"the SELECT returns more than {limits.result_bytes >> 20} MB: ask for less")
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)


def _check_tree(tree: Any, tables: frozenset[str]) -> None:
    nodes = list(_nodes(tree))
    tabular = {id(node["function"]) for node in nodes if node.get("type") == "TABLE_FUNCTION"}
    own = {str(item["key"]).lower() for node in nodes for item in _cte_items(node)}
    for node in nodes:
        kind = node.get("type")
        if kind == "TABLE_FUNCTION":
            name = str(node.get("function", {}).get("function_name", "")).lower()
            if name not in _TABLE_FUNCTIONS:
                raise InvalidInput(f"the function {name}(…) may not be read from here: only the given tables may")
        elif kind == "BASE_TABLE":
            name = str(node.get("table_name", "")).lower()
            if node.get("schema_name") or node.get("catalog_name") or name not in tables | own:
                raise InvalidInput(f"there is no table {name!r} here: the tables are {', '.join(sorted(tables))}")
        elif kind == "SHOW_REF":
            raise InvalidInput("exactly one SELECT statement is allowed here, this describes tables")
        elif kind == "FUNCTION" and id(node) not in tabular and str(node["function_name"]).lower() in _DENIED:
            raise InvalidInput(f"the function {node['function_name']}(…) is not allowed here")


def _cte_items(node: Mapping[str, Any]) -> list[Any]:
    held = node.get("cte_map")
    return list(held.get("map", [])) if isinstance(held, dict) else []


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the parse tree, without recursion: the text may be nested deeply."""
    todo = [tree]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            yield item
            todo.extend(item.values())
        elif isinstance(item, list):
            todo.extend(item)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
