"""An installation of the crash tests: a database, workers that die, the world outside, and the verdict over them."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from store.audit import audit
from store.database import open_database
from store.runs import SqlRunStore
from tests.support.channel_server import ChannelServer
from tests.support.command import until
from tests.support.crash_agent import DIAMOND, plan
from tests.support.crash_points import Point
from tests.support.crash_worker import ANN, Job, launch, submit, work
from tests.support.run_audit import check_records
from tieout.model import Run, RunRequest, RunState, Step


class CrashSite:
    """Workers over one database: one process over SQLite, several over PostgreSQL and Redis."""

    def __init__(self, url: str, redis_url: str | None, world: ChannelServer, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.database = open_database(url)
        self.store = SqlRunStore(self.database)
        self.job = Job(url, redis_url, world.url, str(folder), log=str(folder / "log"))
        self.count = 1 if self.database.sqlite else 2  # worker processes at a time
        self.runs: list[str] = []
        self.workers: list[tuple[BaseProcess, Job]] = []

    # ------------------------------------------------------------ what is asked for

    def request(self, shape: Mapping[str, tuple[str, ...]] = DIAMOND, **params: Any) -> RunRequest:
        given = {"shape": {key: list(after) for key, after in shape.items()}, "folder": str(self.folder), **params}
        return RunRequest("?", agent="crash", params=given)

    def submit(self, shape: Mapping[str, tuple[str, ...]] = DIAMOND, **params: Any) -> Run:
        """Commit a run. Nobody is told: workers find out by themselves."""
        request = self.request(shape, **params)
        run = self.store.create_run(ANN, request, plan(request), now=datetime.now(UTC))
        self.runs.append(run.id)
        return run

    # ------------------------------------------------------------ processes

    def start(self, *points: Point, count: int | None = None, **more: Any) -> list[BaseProcess]:
        """Start worker processes with these points."""
        job = replace(self.job, points=points, **more)
        self.workers += [(launch(work, job), job) for _ in range(self.count if count is None else count)]
        return [process for process, _ in self.workers]

    def await_at_work(self) -> None:
        """Wait until the worker processes have started their engines."""
        self.until(lambda: len(list(self.folder.glob("at work *"))) >= len(self.workers))

    def submit_and_die(self, request: RunRequest, point: Point) -> None:
        """Submit in a process of its own that is killed at the point."""
        process = launch(submit, replace(self.job, points=(point,), requests=(request,)))
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, self.told()

    def replace_dead(self) -> None:
        """Start a new process for each that was killed. Raises AssertionError when one ended otherwise."""
        for number, (process, job) in enumerate(self.workers):
            if not process.is_alive():
                assert process.exitcode == -signal.SIGKILL, self.told()
                self.workers[number] = (launch(work, job), job)

    def kill_all(self) -> None:
        """Kill the workers."""
        for process, _ in self.workers:
            process.kill()
            process.join()
        self.workers.clear()

    def end(self) -> None:
        """Kill the workers and close the database."""
        self.kill_all()
        self.database.close()

    # ------------------------------------------------------------ waiting and looking

    def await_point(self, point: Point, number: int = 0) -> None:
        """Wait until the point has struck; one that comes by time finds a run under way, however quick they are."""

        def struck() -> bool:
            if point.mark(self.folder, number).exists():
                return True
            if all(run.state.final for run in self.looked()):
                self.submit()
            return False

        self.until(struck)

    def await_ends(self, *ends: RunState) -> None:
        """Keep the workers going until all runs have ended, and so."""
        self.until(lambda: all(run.state.final for run in self.looked()))
        assert {run.state for run in self.looked()} <= set(ends or (RunState.DONE,)), self.told()

    def until(self, true: Callable[[], object]) -> None:
        """Wait for a condition, replacing workers that were killed."""

        def whole() -> object:
            self.replace_dead()
            return true()

        try:
            until(whole)
        except AssertionError as error:
            raise AssertionError(self.told()) from error

    def looked(self) -> list[Run]:
        """Return the runs as they stand."""
        return [self.store.get_run(ANN, run_id) for run_id in self.runs]

    def step(self, run: Run, key: str) -> Step:
        """Return a step as it stands."""
        return next(step for step in self.store.steps(ANN, run.id) if step.key == key)

    def kinds(self, run: Run) -> Counter[str]:
        """Return how many events of each kind the run has."""
        return Counter(event.kind for event in self.store.events(ANN, run.id))

    def told(self) -> str:
        """Return what the workers logged, and where the runs stand."""
        log = Path(self.job.log)
        runs = "\n".join(f"{run.id} {run.state} {run.error or ''}" for run in self.looked())
        return f"{runs}\n{log.read_text()[-6000:] if log.exists() else ''}"

    # ------------------------------------------------------------ the verdict

    def messages(self) -> set[str]:
        """Return the keys under which the world must have got a message: of each step of each run that sends."""
        silent = {"together", "buy", "spread", "die"}
        return {
            f"{run.id}/{step.key}/message"
            for run in self.looked()
            for step in self.store.steps(ANN, run.id)
            if step.action not in silent
        }

    def judge(self) -> None:
        """Assert that every run is done, the world has each message once, and the records fit each other."""
        assert {run.id: run.state for run in self.looked()} == dict.fromkeys(self.runs, RunState.DONE), self.told()
        assert {run.id for run in self.store.list_runs(ANN, limit=5_000)} == set(self.runs)
        assert self.world.counts() == Counter(self.messages()), self.told()
        self.audit()

    def audit(self) -> None:
        """Assert that the state of record agrees with itself."""
        check_records(self.database)
        assert audit(self.database) == []


def pid_of(process: BaseProcess) -> int:
    """Return the process's number."""
    assert process.pid is not None
    return process.pid


def send_signal(process: BaseProcess, number: signal.Signals) -> None:
    """Send a signal to a worker."""
    os.kill(pid_of(process), number)
