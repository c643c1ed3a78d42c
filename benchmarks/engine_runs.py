"""Measures how many durable steps and whole runs an engine does, and how soon an idle one starts what is submitted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from engine_desk import FAN, OWNER, finish, open_desk, outputs, percentile, submit
from engine_sitting import Sitting
from engine_worker import WorkerProcess

from tieout.application import Application
from tieout.settings import read_settings

PROCESSES = 2
THREADS = 8  # of each worker process of the team profile
EMBEDDED_THREADS = 64  # steps mostly wait for models and services, and each group commit serves all that wait for it
SUBMITTERS = 4  # threads that submit at once, as the requests of a service do


def sqlite_steps(sitting: Sitting) -> dict[str, float]:
    """Drain fans of steps that do nothing through the embedded engine, then submit more while it works."""
    settings = sitting.embedded(EMBEDDED_THREADS)
    runs = 100 if sitting.quick else 500
    with open_desk(read_settings(**settings), work=False) as desk:
        backlog = [submit(desk).id for _ in range(runs)]
    used = time.process_time()
    with open_desk(read_settings(**settings), work=True) as desk:
        finish(desk, backlog)
        processor = time.process_time() - used
        numbers = {"sqlite_steps_per_s": _per_s(desk, backlog)} | _busy(desk, runs, "sqlite")
    return numbers | {"cpu_ms_per_step": round(1000 * processor / (runs * len(FAN)), 3)}


def pg_steps(sitting: Sitting) -> dict[str, float]:
    """Do the same with two worker processes of eight threads over PostgreSQL and Redis."""
    settings = sitting.team(THREADS)
    runs = 100 if sitting.quick else 500
    with open_desk(read_settings(**settings), work=False) as desk:
        backlog = [submit(desk).id for _ in range(runs)]
        with _workers(settings):
            finish(desk, backlog)
            return {"pg_steps_per_s": _per_s(desk, backlog)} | _busy(desk, runs, "pg")


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
    with open_desk(read_settings(**sitting.embedded(EMBEDDED_THREADS)), work=True) as desk:
        yield desk


@contextmanager
def _team(sitting: Sitting) -> Iterator[Application]:
    settings = sitting.team(THREADS)
    with open_desk(read_settings(**settings), work=False) as desk, _workers(settings):
        yield desk


@contextmanager
def _workers(settings: dict[str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for worker in [stack.enter_context(WorkerProcess(settings)) for _ in range(PROCESSES)]:
            worker.wait_until_ready()
        yield


def _batch(desk: Application, count: int, shape: str, action: str) -> tuple[float, float]:
    """Submit runs and wait for all; return when the first was submitted and when the last step was done."""
    began = time.time()
    runs = [submit(desk, shape, action=action) for _ in range(count)]
    ends = [run.finished_at for run in finish(desk, [run.id for run in runs])]
    return began, max(end.timestamp() for end in ends if end is not None)


def _per_s(desk: Application, runs: list[str]) -> float:
    """Return finished runs' steps per second, from the first claim to the last completion."""
    steps = [step for run_id in runs for step in desk.store.steps(OWNER, run_id)]
    begins = [step.started_at.timestamp() for step in steps if step.started_at]
    ends = [step.finished_at.timestamp() for step in steps if step.finished_at]
    return round(len(steps) / (max(ends) - min(begins)), 1)


def _busy(desk: Application, runs: int, name: str) -> dict[str, float]:
    """Return steps per second, submission included, and how long one submission takes while all work."""
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        began = time.time()
        submitted = list(pool.map(lambda _: submit(desk).id, range(runs)))
        all_in = time.time()
    ends = [run.finished_at.timestamp() for run in finish(desk, submitted) if run.finished_at]
    return {
        f"{name}_busy_steps_per_s": round(runs * len(FAN) / (max(ends) - began), 1),
        f"{name}_busy_submit_ms": round(1000 * SUBMITTERS * (all_in - began) / runs, 2),
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
