"""Measures what steps cost while ever more finished runs are stored: a run that ended must cost nothing more."""

from __future__ import annotations

import json
import secrets
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine_desk import FAN, OWNER, finish, open_desk, submit
from engine_sitting import Sitting
from engine_worker import WorkerProcess

from tieout.application import Application
from tieout.settings import read_settings

SIZES = (1_000, 10_000, 100_000)
BATCH = 2_000  # runs copied at a time


def stored_sqlite(sitting: Sitting) -> dict[str, float]:
    """Drain runs through the embedded engine with more and more finished runs in its database."""
    settings = sitting.embedded()
    numbers: dict[str, float] = {}
    with open_desk(read_settings(**settings), work=True) as desk:
        copied = _template(desk)
    file = Path(settings["home"]) / "tieout.db"
    stored = 0
    for size in _sizes(sitting):
        _fill_sqlite(file, copied, size - stored)
        stored = size
        with open_desk(read_settings(**settings), work=False) as desk:
            numbers |= _dispatch(desk, f"stored_{size}")
        with open_desk(read_settings(**settings), work=True) as desk:
            numbers |= _drain(desk, f"stored_{size}", 40 if sitting.quick else 150)
        print(f"stored {size}: {file.stat().st_size / 1e6:.0f} MB", file=sys.stderr)
    return numbers | _flatness(numbers, "stored")


def stored_postgres(sitting: Sitting) -> dict[str, float]:
    """Do the same through two worker processes over PostgreSQL and Redis."""
    settings = sitting.team()
    numbers: dict[str, float] = {}
    stored = 0
    with open_desk(read_settings(**settings), work=False) as desk:
        with WorkerProcess(settings) as worker:
            worker.wait_until_ready()
            copied = _template(desk)
        for size in _sizes(sitting):
            _fill_postgres(settings["database_url"], copied, size - stored)
            stored = size
            numbers |= _dispatch(desk, f"stored_pg_{size}")
            with WorkerProcess(settings) as one, WorkerProcess(settings) as two:
                one.wait_until_ready()
                two.wait_until_ready()
                numbers |= _drain(desk, f"stored_pg_{size}", 20 if sitting.quick else 100)
    return numbers | _flatness(numbers, "stored_pg")


def _sizes(sitting: Sitting) -> Sequence[int]:
    if sitting.quick:
        return SIZES[:2]
    return (*SIZES, 1_000_000) if sitting.million else SIZES


def _drain(desk: Application, name: str, runs: int) -> dict[str, float]:
    """Return the best steps per second of three drains: what else the machine does must not look like growth."""
    finish(desk, [submit(desk).id for _ in range(10)])
    seconds = []
    for _ in range(3):
        began = time.time()
        ended = finish(desk, [submit(desk).id for _ in range(runs)])
        seconds.append(max(run.finished_at.timestamp() for run in ended if run.finished_at) - began)
    return {f"{name}_steps_per_s": round(runs * len(FAN) / min(seconds), 1)}


def _dispatch(desk: Application, name: str) -> dict[str, float]:
    """Time the dispatcher's query while a hundred runs are ready, then cancel them."""
    waiting = [submit(desk).id for _ in range(100)]
    times = []
    for _ in range(50):
        began = time.perf_counter()
        ready = desk.store.ready_steps(limit=64, now=datetime.now(UTC))
        times.append(1000 * (time.perf_counter() - began))
        assert len(ready) == 64
    for run_id in waiting:
        desk.store.cancel_run(OWNER, run_id, now=datetime.now(UTC))
    return {f"{name}_dispatch_ms": round(statistics.median(times), 3)}


def _flatness(numbers: dict[str, float], name: str) -> dict[str, float]:
    speeds = [value for key, value in numbers.items() if key.endswith("_steps_per_s")]
    return {f"{name}_flatness": round(speeds[-1] / speeds[0], 3)}


# ------------------------------------------------------------ copies of a finished run


class Copied:
    """The rows of one finished run, and how to write them again under other ids, whatever columns there are."""

    def __init__(self, tables: dict[str, list[dict[str, Any]]], ids: list[str]) -> None:
        self._tables = tables
        self._ids = ids

    def tables(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each table that the run has rows in, parents first, with its columns."""
        for table, rows in self._tables.items():
            yield table, list(rows[0])

    def rows(self, table: str, names: Sequence[dict[str, str]]) -> Iterator[tuple[Any, ...]]:
        """Yield the table's rows once for each map of old ids to new ones."""
        original = self._tables[table]
        for new in names:
            for row in original:
                yield tuple(new.get(value, value) if isinstance(value, str) else value for value in row.values())

    def names(self, count: int) -> list[dict[str, str]]:
        """Return `count` maps of the run's ids to new ones, as far apart as real ones of several weeks."""
        return [{old: _new_id(old) for old in self._ids} for _ in range(count)]


def _new_id(old: str) -> str:
    """Return an id of the same form whose time is any: one that came in order would stay in the cache."""
    prefix, _, text = old.partition("_")
    return f"{prefix}_{text[:2]}{secrets.token_hex(12)}"


def _template(desk: Application) -> Copied:
    """Run one diamond of four steps and read all its rows, raw, as JSON has them."""
    run_id = submit(desk, "diamond").id
    finish(desk, [run_id])
    from store.tables import metadata

    engine = desk.store._database.engine  # type: ignore[attr-defined]
    with engine.connect() as connection:
        steps = {row[0] for row in connection.exec_driver_sql(f"SELECT id FROM steps WHERE run_id = '{run_id}'")}
        mine = {run_id, *steps}
        found: dict[str, list[dict[str, Any]]] = {}
        for table in metadata.sorted_tables:
            keys = [column.name for column in table.c if column.name in ("run_id", "step_id", "parent_id", "child_id")]
            if table.name == "runs":
                keys = ["id"]
            if not keys:
                continue
            listed = ", ".join(f"'{one}'" for one in sorted(mine))
            rows = connection.exec_driver_sql(f"SELECT * FROM {table.name} WHERE {keys[0]} IN ({listed})")
            if found_rows := [dict(row) for row in rows.mappings()]:
                found[table.name] = found_rows
    return Copied(json.loads(json.dumps(found, default=str)), sorted(mine))


def _fill_sqlite(file: Path, copied: Copied, count: int) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -4000000")
        connection.execute("BEGIN")
        for names in _batches(copied, count):
            for table, columns in copied.tables():
                marks = ", ".join("?" * len(columns))
                connection.executemany(
                    f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", copied.rows(table, names)
                )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fill_postgres(url: str, copied: Copied, count: int) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
            for names in _batches(copied, count):
                for table, columns in copied.tables():
                    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
                        for row in copied.rows(table, names):
                            copy.write_row(row)
        connection.execute("VACUUM (ANALYZE)")  # as autovacuum would have, long since
        connection.execute("CHECKPOINT")


def _batches(copied: Copied, count: int) -> Iterator[list[dict[str, str]]]:
    for start in range(0, count, BATCH):
        yield copied.names(min(BATCH, count - start))
