"""Measures how many durable steps and whole runs an engine does, and how soon an idle one starts what is submitted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from engine_desk import FAN, OWNER, finish, open_desk, outputs, percentile, submit
from engine_sitting import Sitting
from engine_worker import WorkerProcess

from tieout.application import Application
from tieout.settings import read_settings

PROCESSES = 2
THREADS = 8  # of each worker process of the team profile; the embedded one has as many as both


def sqlite_steps(sitting: Sitting) -> dict[str, float]:
    """Drain fans of steps that do nothing through the embedded engine."""
    with _embedded(sitting) as desk:
        used = time.process_time()
        numbers = _drain(desk, 100 if sitting.quick else 500, "sqlite")
        processor = time.process_time() - used
    return numbers | {"cpu_ms_per_step": round(1000 * processor / numbers.pop("steps"), 3)}


def pg_steps(sitting: Sitting) -> dict[str, float]:
    """Drain the same through two worker processes of eight threads over PostgreSQL and Redis."""
    with _team(sitting) as desk:
        numbers = _drain(desk, 60 if sitting.quick else 300, "pg")
    del numbers["steps"]
    return numbers


def research_runs(sitting: Sitting) -> dict[str, float]:
    """Do whole runs shaped as a research run of twelve steps, each telling and returning a little."""
    count = 40 if sitting.quick else 200
    with _embedded(sitting) as desk:
        _batch(desk, 5, "research", "gather")
        began, ended = _batch(desk, count, "research", "gather")
    return {"runs_per_min": round(60 * count / (ended - began))}


def sqlite_start(sitting: Sitting) -> dict[str, float]:
    """Submit runs one by one to an idle embedded engine."""
    with _embedded(sitting) as desk:
        return _starts(desk, 30 if sitting.quick else 200, "sqlite")


def pg_start(sitting: Sitting) -> dict[str, float]:
    """Submit runs one by one, from a process without an engine, to idle worker processes."""
    with _team(sitting) as desk:
        return _starts(desk, 30 if sitting.quick else 200, "pg")


@contextmanager
def _embedded(sitting: Sitting) -> Iterator[Application]:
    with open_desk(read_settings(**sitting.embedded(PROCESSES * THREADS)), work=True) as desk:
        yield desk


@contextmanager
def _team(sitting: Sitting) -> Iterator[Application]:
    settings = sitting.team(THREADS)
    with ExitStack() as stack:
        desk = stack.enter_context(open_desk(read_settings(**settings), work=False))
        workers = [stack.enter_context(WorkerProcess(settings)) for _ in range(PROCESSES)]
        for worker in workers:
            worker.wait_until_ready()
        yield desk


def _batch(desk: Application, count: int, shape: str, action: str) -> tuple[float, float]:
    """Submit runs and wait for all; return when the first was submitted and when the last step was done."""
    began = time.time()
    runs = [submit(desk, shape, action=action) for _ in range(count)]
    ends = [run.finished_at for run in finish(desk, [run.id for run in runs])]
    return began, max(end.timestamp() for end in ends if end is not None)


def _drain(desk: Application, runs: int, name: str) -> dict[str, float]:
    """Return steps per second: with their submission, and from the last submission on."""
    _batch(desk, 20, "fan", "nothing")
    began = time.time()
    submitted = [submit(desk).id for _ in range(runs)]
    all_in = time.time()
    ends = [run.finished_at.timestamp() for run in finish(desk, submitted) if run.finished_at]
    steps = [step for run_id in submitted for step in desk.store.steps(OWNER, run_id)]
    later = sum(1 for step in steps if step.finished_at and step.finished_at.timestamp() > all_in)
    return {
        "steps": len(submitted) * len(FAN),
        f"{name}_steps_per_s": round(len(steps) / (max(ends) - began), 1),
        f"{name}_submit_ms": round(1000 * (all_in - began) / runs, 2),
        f"{name}_backlog_steps_per_s": round(later / (max(ends) - all_in), 1),
    }


def _starts(desk: Application, count: int, name: str) -> dict[str, Any]:
    """Return milliseconds from just before the submission to the first line of the step's action."""
    times = []
    for number in range(count + 5):
        time.sleep(0.01 + 0.001 * (number * 7 % 40))  # idle, and out of step with anybody's ticks
        began = time.time()
        run = submit(desk, "one", action="stamp")
        finish(desk, [run.id])
        times.append(1000 * (outputs(desk, run.id)["only"]["began"] - began))
    times = times[5:]  # warm
    return {
        f"{name}_start_p50_ms": round(statistics.median(times), 2),
        f"{name}_start_p95_ms": round(percentile(times, 0.95), 2),
    }
