"""SQL from outside: one SELECT over the given tables, and nothing else is reachable."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.lake.sandbox import Limits, query
from tieout.errors import InvalidInput

T = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})
SECRET_OF_A_CALLER = pa.table({"secret": [42]})


def rows(sql: str, **parameters: object) -> list[dict[str, object]]:
    """Run SQL over the table t."""
    found: list[dict[str, object]] = query(sql, parameters, {"t": T}).to_pylist()
    return found


def test_ordinary_selects_work() -> None:
    assert rows("SELECT count(*) AS n FROM t WHERE a >= $least", least=2) == [{"n": 2}]
    assert rows("WITH u AS (SELECT a * 2 AS a FROM t) SELECT max(u.a) AS m FROM u JOIN t USING (a)") == [{"m": 2}]
    assert rows("SELECT a, lag(a) OVER (ORDER BY a) AS before FROM T ORDER BY a DESC LIMIT 1") == [
        {"a": 3, "before": 2}
    ]
    assert rows("SELECT sum(n) AS s FROM range(4) r(n)") == [{"s": 6}]
    assert rows("FROM t WHERE b IS NULL") == [{"a": 3, "b": None}]
    assert rows("SELECT $x AS text", x="'; DROP TABLE t; --") == [{"text": "'; DROP TABLE t; --"}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{file}')",
        "SELECT * FROM read_text('{file}')",
        "SELECT * FROM read_blob('{file}')",
        "SELECT * FROM read_parquet('{file}')",
        "SELECT * FROM read_json('{file}')",
        "SELECT * FROM '{file}'",
        'SELECT * FROM "{file}"',
        "SELECT * FROM glob('/*')",
        "SELECT * FROM sniff_csv('{file}')",
        "SELECT (SELECT count(*) FROM read_csv('{file}'))",
        "SELECT * FROM t WHERE a IN (SELECT 1 FROM read_text('{file}'))",
        "WITH t AS (SELECT * FROM read_text('{file}')) SELECT * FROM t",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM query_table('t')",
        "SELECT getenv('HOME')",
        "SELECT main.getenv('HOME')",
        "SELECT current_setting('home_directory')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM pragma_database_list()",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM SECRET_OF_A_CALLER",
        "ATTACH '{file}'",
        "COPY t TO '{file}.out'",
        "COPY (SELECT 1) TO '{file}.out'",
        "EXPORT DATABASE '{file}.out'",
        "SET threads = 8",
        "RESET threads",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE u AS SELECT 1",
        "INSERT INTO t VALUES (4, 'z')",
        "DELETE FROM t",
        "DROP VIEW t",
        "WITH u AS (DELETE FROM t RETURNING *) SELECT * FROM u",
        "EXPLAIN ANALYZE SELECT 1",
        "DESCRIBE t",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY t TO '{file}.out'",
        "",
        "-- nothing",
        "SELEC 1",
        "SELECT $missing",
        "SELECT no_such_column FROM t",
    ],
)
def test_everything_else_is_refused(sql: str, tmp_path: Path) -> None:
    file = tmp_path / "secret.csv"
    file.write_text("password\nhunter2\n")
    with pytest.raises(InvalidInput) as caught:
        rows(sql.replace("{file}", str(file)))
    assert "hunter2" not in str(caught.value)
    assert os.listdir(tmp_path) == ["secret.csv"]  # noqa: PTH208


def test_rows_bytes_memory_and_time_are_limited() -> None:
    limits = Limits(rows=100, result_bytes=2000, memory="100MB", seconds=0.5)
    for sql, words in (
        ("FROM range(101)", "more than 100 rows"),
        ("SELECT b || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' || range FROM range(33), t", "MB"),
        ("SELECT string_agg(range::VARCHAR) FROM range(100000000)", "stopped after|Out of Memory"),
        ("SELECT sum(x.range * y.range) FROM range(1000000) x, range(1000000) y", "stopped after 0.5 s"),
        ("SELECT len(range(300000000))", "not allowed"),
        ("SELECT repeat('x', 1000000000)", "not allowed"),
        ("SELECT " + "1 + " * 9_000 + "1", "characters long"),
        ("SELECT " + "(" * 2_000 + "1" + ")" * 2_000, "cannot be read"),
    ):
        with pytest.raises(InvalidInput, match=words):
            query(sql, {}, {"t": T}, limits)


def test_a_tables_name_cannot_be_sql() -> None:
    with pytest.raises(InvalidInput, match="cannot be a table's name"):
        query("SELECT 1", {}, {'t"; DROP': T})


@given(st.text(max_size=80))
def test_any_text_is_an_answer_or_invalid_input(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        query(text, {}, {"t": T}, Limits(seconds=5))
