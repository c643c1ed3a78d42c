"""The same work on LangGraph and DBOS: durable steps that do nothing, on SQLite, each commit flushed to the disk.

    python benchmarks/engine_peers.py langgraph|dbos [--runs N]

prints one JSON object. A run is first → eight in parallel → last, as in `engine.py`, and also a chain of ten: the
better shape counts, with as many runs at once as serve the peer best. Settings are read back from the database.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, TypedDict

WIDTH = 8
STEPS = WIDTH + 2
AT_ONCE = (1, 4, 8)  # the best is reported: more threads help one peer and hurt the other

Drain = Callable[[int, int], None]  # drain(runs, how many at once)


def langgraph(folder: Path) -> Iterator[tuple[str, Drain, sqlite3.Connection]]:
    """Yield (shape, how to drain, a connection to ask for settings) for LangGraph's SQLite checkpointer."""
    from langgraph.checkpoint.sqlite import SqliteSaver
    from langgraph.graph import END, START, StateGraph

    class State(TypedDict):
        done: Annotated[list[str], lambda left, right: left + right]

    def node(name: str) -> Callable[[State], dict[str, list[str]]]:
        return lambda _: {"done": [name]}

    fan: list[tuple[str, str]] = [(START, "first"), ("last", END)]
    for number in range(WIDTH):
        fan += [("first", f"work_{number}"), (f"work_{number}", "last")]
    names = [f"step_{number}" for number in range(STEPS)]
    chain = list(zip([START, *names], [*names, END], strict=True))
    for shape, edges in (("fan", fan), ("chain", chain)):
        with closing(sqlite3.connect(folder / f"{shape}.db", check_same_thread=False)) as connection:
            connection.execute("PRAGMA synchronous = FULL")
            builder = StateGraph(State)
            for name in sorted({name for edge in edges for name in edge} - {START, END}):
                builder.add_node(name, node(name))
            into: dict[str, list[str]] = {}
            for source, target in edges:
                into.setdefault(target, []).append(source)
            for target, sources in into.items():
                builder.add_edge(sources[0] if len(sources) == 1 else sources, target)
            graph = builder.compile(checkpointer=SqliteSaver(connection))

            def run(_: int, graph: Any = graph) -> None:
                config = {"configurable": {"thread_id": uuid.uuid4().hex}}
                state = graph.invoke({"done": []}, config, durability="sync")
                assert len(state["done"]) == STEPS

            yield shape, lambda runs, at_once, run=run: _in_threads(run, runs, at_once), connection


def dbos(folder: Path) -> Iterator[tuple[str, Drain, sqlite3.Connection]]:
    """Yield the same for DBOS on SQLite; the file is switched to WAL first, which DBOS by itself does not."""
    import asyncio

    from dbos import DBOS

    logging.disable(logging.WARNING)
    _lend_subsec()
    file = folder / "dbos.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        DBOS(config={"name": "peer", "system_database_url": f"sqlite:///{file}", "enable_otlp": False})

        @DBOS.step()
        def nothing(number: int) -> int:
            return number

        @DBOS.step()
        async def nothing_async(number: int) -> int:
            return number

        @DBOS.workflow()
        def chain() -> int:
            return sum(nothing(number) for number in range(STEPS))

        @DBOS.workflow()
        async def fan() -> int:
            first = await nothing_async(0)
            middle = await asyncio.gather(*(nothing_async(number) for number in range(1, WIDTH + 1)))
            return first + sum(middle) + await nothing_async(STEPS - 1)

        async def run_fans(runs: int, at_once: int) -> None:
            gate = asyncio.Semaphore(at_once)

            async def one() -> None:
                async with gate:
                    assert await fan() == sum(range(STEPS))

            await asyncio.gather(*(one() for _ in range(runs)))

        def run_chain(_: int) -> None:
            assert chain() == sum(range(STEPS))

        DBOS.launch()
        try:
            yield "fan", lambda runs, at_once: asyncio.run(run_fans(runs, at_once)), connection
            yield "chain", lambda runs, at_once: _in_threads(run_chain, runs, at_once), connection
        finally:
            DBOS.destroy()


def _lend_subsec() -> None:
    """Lend SQLite before 3.42 the `unixepoch('subsec')` that DBOS takes every Python 3.12 to have."""
    if sqlite3.sqlite_version_info >= (3, 42):
        return
    from sqlalchemy import Engine, event

    def lend(connection: Any, _: Any) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.create_function("unixepoch", 1, lambda _: time.time())

    event.listen(Engine, "connect", lend)


PEERS = {"langgraph": langgraph, "dbos": dbos}


def measure(name: str, runs: int, folder: Path) -> dict[str, Any]:
    """Return the peer's steps per second in each shape and the best of them, with the settings that it ran with."""
    speeds: dict[str, float] = {}
    settings: dict[str, Any] = {}
    for shape, drain, connection in PEERS[name](folder):
        drain(max(2, runs // 20), 1)  # warm up
        for at_once in AT_ONCE:
            began = time.perf_counter()
            drain(runs, at_once)
            speed = round(runs * STEPS / (time.perf_counter() - began), 1)
            if speed > speeds.get(shape, 0.0):
                speeds[shape], settings[f"{shape}_at_once"] = speed, at_once
        settings |= _settings(connection)
    shapes = {f"{name}_{shape}_steps_per_s": speed for shape, speed in speeds.items()}
    return {f"{name}_steps_per_s": max(speeds.values()), **shapes, f"{name}_settings": settings}


def _settings(connection: sqlite3.Connection) -> dict[str, str]:
    journal = connection.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = ("OFF", "NORMAL", "FULL", "EXTRA")[connection.execute("PRAGMA synchronous").fetchone()[0]]
    return {"journal_mode": journal, "synchronous": synchronous}


def _in_threads(run: Callable[[int], None], runs: int, at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        for _ in pool.map(run, range(runs)):
            pass


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep standard output for the numbers: peers print banners."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def main() -> None:
    """Measure one peer and print a JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _quiet():
        numbers = measure(options.peer, options.runs, Path(folder))
    print(json.dumps(numbers))


if __name__ == "__main__":
    main()
