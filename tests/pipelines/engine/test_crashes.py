"""Real processes, killed while they run a real plan; the next start finishes it and repeats nothing that is done."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from store.database import open_database
from store.runs import SqlRunStore
from tieout.model import Run, RunRequest, RunState

TOY = Path(__file__).with_name("toy.py")
ROOT = Path(__file__).parents[3]
STEPS = ("plan", "facts", "spans", "write", "render")


class Crash:
    """A run that hangs in one step, and processes that drive it."""

    def __init__(self, toy: Any, url: str, redis_url: str, folder: Path) -> None:
        self.toy, self.url, self.redis_url, self.folder = toy, url, redis_url, folder
        self.file = folder / "witness"
        self.file.touch()
        self.database = open_database(url)
        self.store = SqlRunStore(self.database)

    def submit(self, hang_at: str) -> Run:
        request = RunRequest("?", agent="toy", params={"witness": str(self.file), "hang_at": hang_at})
        return self.store.create_run(self.toy.ANN, request, self.toy.plan(request), now=datetime.now(UTC))

    def launch(self, run: Run) -> subprocess.Popen[str]:
        command = [sys.executable, str(TOY), self.url, self.redis_url, str(self.folder / "owners"), run.id]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=self.folder)

    def wait_until_hung(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 60
        while "hung" not in self.file.read_text():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def did(self) -> Counter[str]:
        lines = [line.split() for line in self.file.read_text().splitlines()]
        return Counter(key for word, _, key in lines if word == "did")


@pytest.fixture(params=["sqlite", "postgres and redis"])
def crash(toy: Any, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Crash]:
    team = request.param != "sqlite"
    url = request.getfixturevalue("postgres_url") if team else f"sqlite:///{tmp_path / 'tieout.db'}"
    crash = Crash(toy, url, request.getfixturevalue("redis_url") if team else "-", tmp_path)
    yield crash
    crash.database.close()


@pytest.mark.parametrize("hang_at", STEPS)
def test_killed_in_any_step_the_next_start_finishes_and_repeats_nothing(crash: Crash, hang_at: str) -> None:
    run = crash.submit(hang_at)
    with crash.launch(run) as first:
        crash.wait_until_hung(first)
        first.kill()
    finished = {step.key for step in crash.store.steps(crash.toy.ANN, run.id) if step.state.value == "done"}
    with crash.launch(run) as second:
        output = second.communicate(timeout=100)[0]
    assert output.splitlines()[-1] == "done"
    done = crash.did()
    assert set(done) == set(STEPS)
    assert all(done[key] == 1 for key in finished | {hang_at})
    # A sibling that was between its work and its commit when the process died may have been done again.
    assert all(done[key] <= 2 for key in STEPS)
    attempts = {step.key: step.attempt for step in crash.store.steps(crash.toy.ANN, run.id)}
    assert attempts[hang_at] == 2
    assert all(attempts[key] == 1 for key in finished)


def test_ctrl_c_leaves_a_run_that_the_next_start_finishes(crash: Crash) -> None:
    run = crash.submit("write")
    with crash.launch(run) as first:
        crash.wait_until_hung(first)
        first.send_signal(signal.SIGINT)
        output = first.communicate(timeout=60)[0]
    assert output.splitlines()[-1] == "interrupted"
    assert first.returncode == 130
    step = next(step for step in crash.store.steps(crash.toy.ANN, run.id) if step.key == "write")
    assert (step.state.value, step.attempt) == ("ready", 0)
    with crash.launch(run) as second:
        assert second.communicate(timeout=100)[0].splitlines()[-1] == "done"
    assert crash.did() == Counter(STEPS)
    assert crash.store.get_run(crash.toy.ANN, run.id).state is RunState.DONE


def test_a_postgresql_that_restarts_in_the_middle_of_runs_loses_none(
    toy: Any, postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    """All sessions of the store are cut again and again while runs go on."""
    import psycopg

    database = open_database(postgres_url)
    store = SqlRunStore(database)
    engine = toy.build(store, redis_url, workers=3, lease_s=2)
    file = tmp_path / "witness"
    file.touch()
    request = RunRequest("?", agent="toy", params={"witness": str(file)})
    for _ in range(8):
        store.create_run(toy.ANN, request, toy.plan(request), now=datetime.now(UTC))
    server, name = postgres_url.rsplit("/", 1)
    engine.start()
    try:
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            for _ in range(10):
                connection.execute(cut, [name])
                time.sleep(0.1)
            deadline = time.monotonic() + 60
            while not all(run.state.final for run in store.list_runs(toy.ANN)):
                assert time.monotonic() < deadline
                time.sleep(0.1)
    finally:
        engine.stop()
    assert {run.state for run in store.list_runs(toy.ANN)} == {RunState.DONE}
    done = Counter(line.split()[1] for line in file.read_text().splitlines())
    assert len(done) == 8
    assert min(done.values()) >= len(STEPS)
    database.close()
