"""`tieout worker`: real processes over PostgreSQL and Redis, killed, drained and cut off while they are in a step."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support.command import until
from tests.support.desk import agents
from tieout import bootstrap
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, Run, RunRequest, RunState, SignOfLife, Step, StepState, Worker, WorkerKind
from tieout.settings import Settings

ROOT = Path(__file__).parents[2]
ADA = Principal("ada", "desk", Role.ADMIN)
FINAL = (RunState.DONE, RunState.FAILED, RunState.CANCELLED)


@dataclass
class Site:
    """An installation whose runs have the steps begin → (left, right) → end; left and right park until `go`."""

    folder: Path
    env: dict[str, str]
    desk: Application
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    beats: dict[str, datetime] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        command = [sys.executable, "-m", "tests.support.toy_cli", "worker", *arguments]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env={**kept, **self.env}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.started.append(process)
        return process

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def told(self, what: str) -> int:
        return self.log.read_text().count(what)

    def await_workers(self, count: int) -> list[Worker]:
        try:
            until(lambda: len(self.at_work()) == count)
        except AssertionError as error:
            raise AssertionError(self.log.read_text()) from error
        return self.at_work()

    def at_work(self) -> list[Worker]:
        """Return the processes that have not said goodbye and are still there."""
        return [one for one in self.desk.workers(ADA) if one.stopped_at is None and psutil.pid_exists(one.pid)]

    def note_beats(self) -> None:
        self.beats = {one.owner: one.seen_at for one in self.at_work()}

    def all_beat_again(self) -> bool:
        return all(one.seen_at > self.beats[one.owner] for one in self.at_work())

    def submit(self, end: str = "park") -> Run:
        return self.desk.start_run(ADA, RunRequest("How much?", params={"end": end}))

    def steps(self, run: Run) -> dict[str, Step]:
        return {step.key: step for step in self.desk.steps(ADA, run.id)}

    def states(self, run: Run, *keys: str) -> list[str]:
        return [self.steps(run)[key].state.value for key in keys]

    def await_parked(self, run: Run) -> None:
        until(lambda: self.sides(run) >= 2)

    def sides(self, run: Run) -> int:
        """Return how often a side's work began."""
        return sum(event.kind == "worked" for event in self.desk.events(ADA, run.id))

    def owner(self, run: Run, key: str) -> str | None:
        """Return the name of the process that runs the step."""
        with psycopg.connect(self.env["TIEOUT_DATABASE_URL"]) as connection:
            query = "SELECT owner FROM steps WHERE run_id = %s AND key = %s AND state = 'running'"
            row = connection.execute(query, [run.id, key]).fetchone()
            return row[0] if row else None

    def go(self) -> None:
        (self.folder / "go").touch()

    def await_end(self, run: Run) -> RunState:
        until(lambda: self.desk.run(ADA, run.id).state in FINAL)
        return self.desk.run(ADA, run.id).state


@pytest.fixture
def site(tmp_path: Path, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(bootstrap, "_agents", agents)
    env = {
        "PYTHONPATH": str(ROOT),
        "TIEOUT_HOME": str(tmp_path / "home"),
        "TIEOUT_PROFILE": "team",
        "TIEOUT_DATABASE_URL": postgres_url,
        "TIEOUT_REDIS_URL": redis_url,
        "TIEOUT_LEASE_S": "60",  # only the death of a process frees its steps here
        "TOY_GO": str(tmp_path / "go"),
    }
    team = Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=tmp_path / "home",
        profile="team",
        database_url=postgres_url,
        redis_url=redis_url,
    )
    with open_desk(team) as desk:
        site = Site(tmp_path, env, desk)
        yield site
        for process in site.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        until(lambda: not site.at_work())


def test_a_killed_process_is_replaced_and_its_steps_are_run_by_the_other(site: Site) -> None:
    supervisor = site.start("--processes", "2", "--threads", "2")
    first = site.await_workers(2)
    assert {(one.kind, one.liveness, one.threads) for one in first} == {(WorkerKind.WORKER, SignOfLife.LOCK, 2)}
    run = site.submit()
    site.await_parked(run)
    name = site.owner(run, "left")
    killed = next(one for one in first if one.owner == name)
    os.kill(killed.pid, signal.SIGKILL)
    until(lambda: site.owner(run, "left") not in (name, None))
    now = site.await_workers(2)
    assert {one.owner for one in first} - {name} < {one.owner for one in now}  # its sibling went on
    site.go()
    assert site.await_end(run) is RunState.DONE
    assert site.steps(run)["left"].attempt == 2
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0


def test_sigterm_lets_running_steps_finish_and_begins_nothing_new(site: Site) -> None:
    supervisor = site.start("--processes", "2", "--threads", "2")
    site.await_workers(2)
    run = site.submit()
    site.await_parked(run)
    supervisor.send_signal(signal.SIGTERM)
    until(lambda: site.told("drains: ") == 2)
    later = site.submit()
    site.go()
    assert supervisor.wait(60) == 0, site.log.read_text()
    assert site.states(run, "begin", "left", "right") == ["done"] * 3
    assert site.steps(run)["left"].attempt == 1
    assert site.states(run, "end") == ["ready"]
    assert site.states(later, "begin") == ["ready"]
    assert site.at_work() == []
    assert all(one.stopped_at for one in site.desk.workers(ADA))


def test_a_second_signal_ends_at_once_and_hands_back(site: Site) -> None:
    supervisor = site.start("--processes", "2", "--threads", "2")
    site.await_workers(2)
    run = site.submit()
    site.await_parked(run)
    supervisor.send_signal(signal.SIGINT)
    until(lambda: site.told("drains: ") == 2)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0, site.log.read_text()
    steps = site.steps(run)
    assert [(steps[key].state, steps[key].attempt) for key in ("left", "right")] == [(StepState.READY, 0)] * 2


def test_what_does_not_finish_within_the_drain_is_handed_back(site: Site) -> None:
    supervisor = site.start("--processes", "1", "--threads", "2", "--drain-s", "0.2")
    site.await_workers(1)
    run = site.submit()
    site.await_parked(run)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0, site.log.read_text()
    assert site.states(run, "left", "right") == ["ready", "ready"]


def test_a_killed_supervisor_leaves_no_process_and_no_claim_behind(site: Site) -> None:
    supervisor = site.start("--processes", "2", "--threads", "2")
    workers = site.await_workers(2)
    run = site.submit()
    site.await_parked(run)
    supervisor.kill()
    supervisor.wait()
    until(lambda: not any(psutil.pid_exists(one.pid) for one in workers))
    assert site.states(run, "left", "right") == ["ready", "ready"]


def test_sessions_cut_by_postgresql_take_no_step_from_a_living_process(site: Site) -> None:
    site.start("--processes", "2", "--threads", "4")
    workers = site.await_workers(2)
    runs = [site.submit() for _ in range(3)]
    for run in runs:
        site.await_parked(run)
    site.note_beats()
    with psycopg.connect(site.env["TIEOUT_DATABASE_URL"], autocommit=True) as connection:
        for _ in range(5):
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name LIKE 'tieout %' AND datname = current_database()"
            )
            # Each has a new session, and the sweepers had time for their verdicts.
            until(site.all_beat_again)
            site.note_beats()
        assert {one.owner for one in site.at_work()} == {one.owner for one in workers}
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    until(site.all_beat_again)
    site.go()
    for run in runs:
        assert site.await_end(run) is RunState.DONE
        assert site.sides(run) == 2
        assert [site.steps(run)[key].attempt for key in ("left", "right")] == [1, 1]


def test_the_list_names_the_processes(site: Site) -> None:
    site.start("--processes", "1", "--threads", "3")
    worker = site.await_workers(1)[0]
    listed = subprocess.run(
        [sys.executable, "-m", "tests.support.toy_cli", "worker", "list"],
        cwd=site.folder,
        env={**os.environ, **site.env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "at work" in listed.stdout
    assert str(worker.pid) in listed.stdout


def test_the_embedded_profile_says_that_the_service_runs_the_workers(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
    refused = subprocess.run(
        [sys.executable, "-m", "tieout.cli", "--home", str(tmp_path / "home"), "worker"],
        cwd=tmp_path,
        env={**kept, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "tieout up" in refused.stderr
    assert "TIEOUT_PROFILE=team" in refused.stderr
