"""Measures how long a step stands still when its process is killed in it: till a survivor, or a restart, runs it again."""

from __future__ import annotations

import os
import signal
import statistics
import time
from pathlib import Path
from typing import Any

from engine_desk import await_file, open_desk, submit
from engine_sitting import Sitting
from engine_worker import WorkerProcess

from tieout.settings import read_settings


def survivor(sitting: Sitting) -> dict[str, float]:
    """Kill the worker process that has the step; another one, over PostgreSQL and Redis, takes it up."""
    settings, times = sitting.team(4), []
    with open_desk(read_settings(**settings), work=False) as desk:
        workers = [WorkerProcess(settings) for _ in range(2)]
        try:
            for worker in workers:
                worker.wait_until_ready()
            for _ in range(3 if sitting.quick else 10):
                marks = _marks(sitting.folder())
                submit(desk, "one", action="hang", **marks)
                victim = int(await_file(Path(marks["hung"]))[1])
                time.sleep(0.5)  # other than right after the claim
                killed = next(worker for worker in workers if worker.process.pid == victim)
                began = time.time()
                killed.kill()
                times.append(float(await_file(Path(marks["again"]))[0]) - began)
                workers[workers.index(killed)] = WorkerProcess(settings).wait_until_ready()
        finally:
            for worker in workers:
                worker.stop()
    return _numbers("kill9_recovery", times)


def restart(sitting: Sitting) -> dict[str, float]:
    """Kill the one process of an embedded desk and start it anew at once: Python, imports and all."""
    settings, times = sitting.embedded(), []
    for _ in range(3 if sitting.quick else 10):
        marks = _marks(sitting.folder())
        with open_desk(read_settings(**settings), work=False) as desk:
            submit(desk, "one", action="hang", **marks)
        with WorkerProcess(settings) as first:
            victim = int(await_file(Path(marks["hung"]))[1])
            began = time.time()
            os.kill(victim, signal.SIGKILL)
            first.process.wait()
        with WorkerProcess(settings):
            times.append(float(await_file(Path(marks["again"]))[0]) - began)
    return _numbers("kill9_restart", times)


def _marks(folder: Path) -> dict[str, Any]:
    return {"hung": str(folder / "hung"), "again": str(folder / "again")}


def _numbers(name: str, times: list[float]) -> dict[str, float]:
    """Return the worst time, which is what one plans with, and the median."""
    return {f"{name}_s": round(max(times), 3), f"{name}_median_s": round(statistics.median(times), 3)}
