"""Claim: kill anything, lose nothing, do nothing twice.

Worker processes do runs of mixed shapes and get SIGKILL in the middle of it, again and again, by a seeded plan; new
ones take their place. Outside stands a server that counts what it is sent. In the end every run that was submitted is
done, every message arrived exactly once, and the state of record agrees with itself.

    python benchmarks/soak.py --kills 300 --seed 7 --profile embedded     one process over SQLite, killed and restarted
    python benchmarks/soak.py --kills 300 --seed 7 --profile team         three over PostgreSQL and Redis

Prints a table, or with --json one object; exits with 1 when anything was lost or doubled. The same seed gives the same
runs and the same plan of kills; where exactly a kill strikes is up to the machine.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import soak_worker
from engine_desk import OWNER
from engine_sitting import Sitting
from soak_agent import effects_of, plan, request_of
from soak_channel import HttpChannel
from sqlalchemy import func, select

from store.audit import audit
from store.database import Database, open_database
from store.runs import SqlRunStore
from store.tables import attempts
from tieout.model import Run

_IN_FLIGHT = 40  # unfinished runs while the killing goes on
_PATIENCE_S = 300.0  # for what is left when it is over


class Load:
    """The runs of a soak, submitted straight into the state of record: whoever submits is not killed here."""

    def __init__(self, database: Database, seed: int) -> None:
        self._store = SqlRunStore(database)
        self._next = seed * 1_000_000
        self.runs: dict[str, Run] = {}
        self._open: set[str] = set()

    def top_up(self) -> None:
        """Keep enough runs in flight."""
        self.look()
        while len(self._open) < _IN_FLIGHT:
            request = request_of(self._next)
            run = self._store.create_run(OWNER, request, plan(request), now=datetime.now(UTC))
            self._next += 1
            self.runs[run.id] = run
            self._open.add(run.id)

    def look(self) -> int:
        """See which runs are final by now; return how many are not."""
        for run_id in list(self._open):
            run = self._store.get_run(OWNER, run_id)
            if run.state.final:
                self.runs[run_id] = run
                self._open.discard(run_id)
        return len(self._open)

    def waits(self) -> int:
        """Return how many runs wait for a person, which none here should."""
        return sum(self._store.get_run(OWNER, run_id).state == "waiting" for run_id in self._open)


class Workers:
    """The worker processes, of which some are always being killed."""

    def __init__(self, count: int, settings: dict[str, Any], world: str, log: Path) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(soak_worker.PRELOAD)
        self._arguments = (settings, world, str(log))
        self._workers = [self._start() for _ in range(count)]

    def _start(self) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(target=soak_worker.work, args=(*self._arguments, theirs), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def await_work(self, number: int) -> None:
        """Wait until the worker's engine has started, or a few seconds."""
        self._workers[number][1].poll(5.0)

    def kill(self, number: int) -> None:
        """Kill one and start another in its place. Exits when it had ended by itself."""
        process, pipe = self._workers[number]
        if not process.is_alive():
            sys.exit(f"a worker process ended by itself with {process.exitcode}: see the log")
        process.kill()
        process.join()
        pipe.close()
        self._workers[number] = self._start()

    def end(self) -> None:
        """Kill all."""
        for process, pipe in self._workers:
            process.kill()
            process.join()
            pipe.close()


def soak(sitting: Sitting, profile: str, kills: int, seed: int, log: Path) -> dict[str, Any]:
    """Run one soak and return its figures; those that must be zero or empty say so by their names."""
    chosen = random.Random(seed)
    team = profile == "team"
    settings = sitting.team(4) if team else sitting.embedded(4)
    database = open_database(settings["database_url"] if team else f"sqlite:///{Path(settings['home']) / 'tieout.db'}")
    began = time.monotonic()
    with world_outside(seed) as url:
        load = Load(database, seed)
        load.top_up()
        workers = Workers(3 if team else 1, settings, url, log)
        try:
            for done in range(kills):
                load.top_up()
                victim = chosen.randrange(3 if team else 1)
                if chosen.random() < 0.9:  # the others are killed while they start
                    workers.await_work(victim)
                time.sleep(chosen.uniform(0.0, 0.6))
                workers.kill(victim)
                if done % 50 == 49:
                    print(f"{done + 1} kills, {len(load.runs)} runs submitted", file=sys.stderr)
            deadline = time.monotonic() + _PATIENCE_S
            while (left := load.look()) and time.monotonic() < deadline:
                time.sleep(0.1)
            waits = load.waits()
        finally:
            workers.end()
        counts = HttpChannel(url).counts()
    figures = judge(database, load, counts)
    database.close()
    return {
        "profile": profile,
        "seed": seed,
        "kills": kills,
        "seconds": round(time.monotonic() - began, 1),
        **figures,
        "runs_unfinished": left,
        "runs_waiting": waits,
    }


def judge(database: Database, load: Load, counts: dict[str, int]) -> dict[str, Any]:
    """Compare what was submitted with what is done, and what should have arrived with what did."""
    wanted = {key for run in load.runs.values() for key in effects_of(run.id, run.request)}
    ended = select(attempts.c.outcome, func.count()).group_by(attempts.c.outcome)
    outcomes = database.read(lambda connection: {str(row[0]): row[1] for row in connection.execute(ended)})
    findings = audit(database)
    for finding in findings:
        print(finding, file=sys.stderr)
    return {
        "runs": len(load.runs),
        "steps": sum(len(run.plan.steps) for run in load.runs.values()),
        "messages": len(wanted),
        "attempts": outcomes,
        "runs_not_done": sum(run.state != "done" for run in load.runs.values()),
        "messages_lost": len(wanted - counts.keys()),
        "messages_doubled": sum(count - 1 for count in counts.values()),
        "messages_unasked": len(counts.keys() - wanted),
        "audit_findings": len(findings),
    }


MUST_BE_ZERO = (
    *("runs_not_done", "runs_unfinished", "runs_waiting"),
    *("messages_lost", "messages_doubled", "messages_unasked", "audit_findings"),
)


@contextmanager
def world_outside(seed: int) -> Iterator[str]:
    """Give the address of the server that counts, in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("soak_channel.py")), str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


def main() -> None:
    """Run the soak and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", choices=("embedded", "team"), default="embedded")
    parser.add_argument("--log", type=Path, default=Path("/dev/null"), help="where the workers' logs go")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    with Sitting(quick=False) as sitting:
        figures = soak(sitting, options.profile, options.kills, options.seed, options.log.absolute())
    if options.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:<20} {figure}")
    wrong = [name for name in MUST_BE_ZERO if figures[name]]
    if wrong:
        sys.exit(f"the soak of seed {options.seed} failed: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
