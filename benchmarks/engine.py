"""Claim: durable steps cost little: a step of a run is claimed, done and committed in well under a millisecond.

`sqlite_steps_per_s` runs chains and fans of steps that do nothing through the whole engine: dispatcher, in-process
broker, worker threads, and SQLite with every commit flushed to the disk. `sqlite_start_p50_ms` and
`sqlite_start_p95_ms` are from the submission of a run to the start of its first step on an idle engine.
`cpu_ms_per_step` is processor time. `fdatasync_ms` is one flush of the same disk: no durable commit is faster.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from pipelines.agents.discover import AgentCatalogue
from pipelines.engine.brokers import in_process_broker
from pipelines.engine.engine import DramatiqEngine
from store.database import open_database
from store.runs import SqlRunStore
from tieout.changes import LocalChanges
from tieout.execution import Executor
from tieout.model import Plan, Principal, RunRequest, StepSpec
from tieout.ports import Agent, Parts, StepContext, StepOutcome

OWNER = Principal("benchmark", "default")
WIDTH = 8  # steps between the first and the last of a run
NO_PARTS = cast(Parts, None)  # the steps use none


def plan(_: RunRequest) -> Plan:
    """Return first → eight in parallel → last."""
    middle = tuple(StepSpec(f"work_{number}", "nothing", ("first",)) for number in range(WIDTH))
    last = StepSpec("last", "nothing", tuple(step.key for step in middle))
    return Plan("idle", "1", (StepSpec("first", "nothing"), *middle, last))


def nothing(_: StepContext) -> StepOutcome:
    """Do nothing."""
    return StepOutcome({})


IDLE = Agent("idle", "1", "Does nothing, durably.", plan, {"nothing": nothing})


@contextmanager
def engine_in(folder: Path, workers: int) -> Iterator[tuple[SqlRunStore, DramatiqEngine]]:
    """Give a started engine over a new SQLite store in a folder; stop and close both in the end."""
    database = open_database(f"sqlite:///{folder / 'tieout.db'}")
    store = SqlRunStore(database)
    executor = Executor(store, AgentCatalogue([IDLE]), NO_PARTS)
    engine = DramatiqEngine(in_process_broker(), store, executor, "benchmark", workers=workers, changes=LocalChanges())
    engine.start()
    try:
        yield store, engine
    finally:
        engine.stop()
        database.close()


def submit(store: SqlRunStore, engine: DramatiqEngine) -> str:
    """Start one run; return its id."""
    request = RunRequest("nothing", agent=IDLE.name)
    run = store.create_run(OWNER, request, plan(request), now=datetime.now(UTC))
    engine.wake()
    return run.id


def finish(store: SqlRunStore, engine: DramatiqEngine, run_ids: list[str]) -> None:
    """Wait until all runs are final; exit when one did not end as done."""
    waiting, seen = list(run_ids), -1
    while waiting:
        seen = engine.changes.wait(seen, 0.5)
        while waiting and (run := store.get_run(OWNER, waiting[-1])).state.final:
            if run.state != "done":
                sys.exit(f"run {run.id} ended as {run.state}: {run.error}")
            waiting.pop()
        time.sleep(0.01)


def throughput(folder: Path, runs: int, workers: int) -> dict[str, float]:
    """Drain many runs at once; return steps and runs by time."""
    with engine_in(folder, workers) as (store, engine):
        finish(store, engine, [submit(store, engine)])  # warm up
        used, began = time.process_time(), time.perf_counter()
        finish(store, engine, [submit(store, engine) for _ in range(runs)])
        seconds, processor = time.perf_counter() - began, time.process_time() - used
    steps = runs * (WIDTH + 2)
    return {
        "runs": runs,
        "steps": steps,
        "sqlite_steps_per_s": round(steps / seconds, 1),
        "runs_per_min": round(60 * runs / seconds, 1),
        "cpu_ms_per_step": round(1000 * processor / steps, 3),
    }


def start_times(folder: Path, runs: int, workers: int) -> dict[str, float]:
    """Submit runs one by one to an idle engine; return the times from submission to start in milliseconds."""
    times = []
    with engine_in(folder, workers) as (store, engine):
        for _ in range(runs):
            began = datetime.now(UTC)
            run_id = submit(store, engine)
            finish(store, engine, [run_id])
            first = store.steps(OWNER, run_id)[0].started_at
            assert first is not None
            times.append((first - began).total_seconds() * 1000)
    times.sort()
    return {
        "sqlite_start_p50_ms": round(statistics.median(times), 2),
        "sqlite_start_p95_ms": round(times[int(0.95 * (len(times) - 1))], 2),
    }


def flush_time(folder: Path, times: int) -> float:
    """Return the median milliseconds of one small write with its flush to the disk."""
    measured = []
    with (folder / "flush").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(b"x" * 4096)
            began = time.perf_counter()
            getattr(os, "fdatasync", os.fsync)(file.fileno())
            measured.append(time.perf_counter() - began)
    return round(statistics.median(measured) * 1000, 3)


def measure(runs: int, workers: int) -> dict[str, float]:
    """Measure everything in one sitting, in a folder that is removed."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / part for part in ("drain", "start", "flush")]
        for folder in folders:
            folder.mkdir()
        return {
            **throughput(folders[0], runs, workers),
            **start_times(folders[1], max(20, runs // 10), workers),
            "fdatasync_ms": flush_time(folders[2], 200),
        }


def main() -> None:
    """Print a table, or one JSON object of name to number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="50 runs instead of 500")
    parser.add_argument("--workers", type=int, default=4, help="worker threads (default: 4)")
    parser.add_argument("--json", action="store_true", help="one JSON object, name to number")
    options = parser.parse_args()
    numbers: dict[str, Any] = measure(50 if options.quick else 500, options.workers)
    if options.json:
        print(json.dumps(numbers))
        return
    for label, number in numbers.items():
        print(f"{label:<20} {number:>10}")


if __name__ == "__main__":
    main()
