"""Claim: durable steps cost little, start at once, survive their process, and cost the same however many runs are stored.

All in one sitting on this machine, through the wiring that every installation has: dispatcher, broker, worker threads,
and a state of record whose every commit is flushed to the disk.

    sqlite_steps_per_s     embedded (SQLite, synchronous FULL, 64 threads): a backlog of submitted runs, each first → eight in
                           parallel → last, from the first claim to the last completion
    sqlite_busy_…          the same while four threads of the process submit as fast as they can: from the first submission
    pg_steps_per_s         PostgreSQL (fsync on) and Redis, 2 worker processes of 8 threads; pg_busy_…: submitted by a third
    runs_per_min           whole runs of twelve steps shaped as research, embedded
    …_start_p95_ms         from before the submission to the first line of the step, idle
    kill9_recovery_s       worst time from `kill -9` of a worker process until its step runs on a surviving one
    kill9_restart_s        the same by a restarted process (embedded), the start of Python included
    schedule_late_p95_ms   from the planned time of a schedule to the first line of the step
    stored_N_…             steps/s and milliseconds of the dispatcher's query with N finished runs stored
    langgraph_…, dbos_…    the same fans (or chains, if better) on LangGraph and DBOS over SQLite, processes of their own
    fdatasync_ms           one flush of the same disk; redis_ping_ms: one ping
    python_million_ms      processor time of a million additions in Python; load_average: of the last minute, before all
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from engine_desk import quiet
from engine_growth import stored_postgres, stored_sqlite
from engine_kills import restart, survivor
from engine_machine import flush_ms, load, ping_ms, python_ms
from engine_runs import pg_start, pg_steps, research_runs, sqlite_start, sqlite_steps
from engine_schedules import lateness
from engine_sitting import Sitting


class Goal(NamedTuple):
    """What a number should be and what it must be; `most` when less is better."""

    goal: float
    floor: float | None = None
    most: bool = False


GOALS = {
    "sqlite_steps_per_s": Goal(3000, 1500),
    "pg_steps_per_s": Goal(2000, 1200),
    "sqlite_start_p95_ms": Goal(5, most=True),
    "pg_start_p95_ms": Goal(10, most=True),
    "kill9_recovery_s": Goal(1.5, most=True),
    "kill9_restart_s": Goal(4, most=True),
    "schedule_late_p95_ms": Goal(25, most=True),
}


def machine(sitting: Sitting) -> dict[str, float]:
    """Measure the machine itself."""
    return {
        "load_average": load(),
        "python_million_ms": python_ms(5),
        "fdatasync_ms": flush_ms(sitting.folder(), 200),
        "redis_ping_ms": ping_ms(sitting.redis.url, 500),
    }


def peer(name: str) -> Callable[[Sitting], dict[str, Any]]:
    """Return the measurement of a peer in a process of its own."""

    def measured(sitting: Sitting) -> dict[str, Any]:
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: pip install -c constraints.txt -e '.[bench]'", file=sys.stderr)
            return {}
        command = [sys.executable, str(Path(__file__).with_name("engine_peers.py")), name]
        command += ["--runs", "20" if sitting.quick else "100"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        numbers: dict[str, Any] = json.loads(done.stdout)
        return numbers

    return measured


MEASUREMENTS: dict[str, Callable[[Sitting], dict[str, Any]]] = {
    "machine": machine,
    "sqlite_steps": sqlite_steps,
    "langgraph": peer("langgraph"),
    "dbos": peer("dbos"),
    "pg_steps": pg_steps,
    "runs": research_runs,
    "sqlite_start": sqlite_start,
    "pg_start": pg_start,
    "kill9_recovery": survivor,
    "kill9_restart": restart,
    "schedule": lateness,
    "stored": stored_sqlite,
    "stored_pg": stored_postgres,
}


def main() -> None:
    """Print a table of value, goal and floor, or one JSON object of name to number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short version of each measurement")
    parser.add_argument("--million", action="store_true", help="store up to 1,000,000 runs, too (several GB, minutes)")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=MEASUREMENTS, help=", ".join(MEASUREMENTS))
    parser.add_argument("--json", action="store_true", help="one JSON object, name to number")
    options = parser.parse_args()
    quiet()
    numbers: dict[str, Any] = {}
    with Sitting(quick=options.quick, million=options.million) as sitting:
        for name in options.only or MEASUREMENTS:
            print(f"measuring {name} …", file=sys.stderr)
            numbers |= MEASUREMENTS[name](sitting)
    if options.json:
        print(json.dumps(numbers))
        return
    print(f"{'':<28} {'value':>10} {'goal':>9} {'floor':>8}")
    for name, number in numbers.items():
        print(row(name, number))


def row(name: str, number: object) -> str:
    """Return a line of the table, with a word about the goal."""
    if not isinstance(number, int | float):
        shown = ", ".join(f"{key} {value}" for key, value in number.items()) if isinstance(number, dict) else number
        return f"{name:<28} {shown}"
    wanted = GOALS.get(name)
    if wanted is None:
        return f"{name:<28} {number:>10}"
    sign = "≤" if wanted.most else "≥"
    floor = "" if wanted.floor is None else f"{sign} {wanted.floor:g}"
    met = number <= wanted.goal if wanted.most else number >= wanted.goal
    line = f"{name:<28} {number:>10} {f'{sign} {wanted.goal:g}':>9} {floor:>8}"
    return line + ("" if met else "  below the floor" if wanted.floor and number < wanted.floor else "  missed")


if __name__ == "__main__":
    main()
