"""`kill -9` and Ctrl-C in a real run: the next start finishes it, repeats no finished step, writes the same report."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from typing import Any

import pytest

from tests.acceptance.conftest import Demo
from tests.support.command import PATIENCE_S, Tieout, until

STEPS = ("resolve", "fundamentals", "market", "passages", "write", "tie_out", "revise", "render")
TRIES = 12  # a step may be over before it is seen


def _states(database: sqlite3.Connection, step: str, before: set[str]) -> dict[str, str]:
    """Return the step's state by run, of runs that are new."""
    rows = database.execute("SELECT run_id, state FROM steps WHERE key = ?", (step,)).fetchall()
    return {str(run_id): str(state) for run_id, state in rows if run_id not in before}


def interrupt_in(tieout: Tieout, step: str, how: signal.Signals) -> tuple[str, subprocess.Popen[str]]:
    """Start the demo's run and send a signal while `step` is running; return the run and the process.

    The watcher reads without a lock until it sees the step running, then takes SQLite's only write lock and looks
    again: what it sees now cannot be committed as done before the signal is sent.
    """
    for _ in range(TRIES):
        before = _runs(tieout)
        process = tieout.start("demo", "--json")
        with closing(sqlite3.connect(tieout.home / "tieout.db", isolation_level=None, timeout=30)) as database:
            while process.poll() is None:
                new = _states(database, step, before)
                if "running" in new.values():
                    database.execute("BEGIN IMMEDIATE")
                    new = _states(database, step, before)
                    if "running" in new.values():
                        process.send_signal(how)
                        if how is signal.SIGKILL:
                            process.wait()
                        return next(iter(new)), process
                    database.execute("ROLLBACK")
                if "done" in new.values():
                    break
                time.sleep(0.0001 if new else 0.005)
        _, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
    raise AssertionError(f"step {step} was never seen running")


def _read(tieout: Tieout, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Read the state of record, as nobody writes it."""
    with closing(sqlite3.connect(f"file:{tieout.home / 'tieout.db'}?mode=ro", uri=True)) as database:
        return database.execute(statement, values).fetchall()


def _runs(tieout: Tieout) -> set[str]:
    return {row[0] for row in _read(tieout, "SELECT id FROM runs")}


def _steps(tieout: Tieout, run_id: str) -> dict[str, tuple[str, int]]:
    rows = _read(tieout, "SELECT key, state, attempt FROM steps WHERE run_id = ?", run_id)
    return {key: (state, attempt) for key, state, attempt in rows}


def _done(tieout: Tieout, run_id: str) -> set[str]:
    return {key for key, (state, _) in _steps(tieout, run_id).items() if state == "done"}


def files(tieout: Tieout, run_id: str) -> dict[str, bytes]:
    """Return the files of a run's report, its id taken out."""
    folder = tieout.home / "reports" / run_id
    return {path.name: path.read_bytes().replace(run_id.encode(), b"RUN") for path in folder.iterdir()}


def finished_once(tieout: Tieout, run_id: str, done_before: set[str], demo: Demo) -> None:
    """Assert that the run is done, that nothing done was repeated, and that the report is the uninterrupted one."""
    steps = _steps(tieout, run_id)
    assert {key: state for key, (state, _) in steps.items()} == dict.fromkeys(STEPS, "done")
    rows = _read(tieout, "SELECT seq, step, kind FROM events WHERE run_id = ? ORDER BY seq", run_id)
    assert [seq for seq, _, _ in rows] == list(range(1, len(rows) + 1))
    events = Counter((step, kind) for _, step, kind in rows)
    assert all(events[key, "step_finished"] == 1 for key in STEPS), events
    assert all((steps[key][1], events[key, "step_started"]) == (1, 1) for key in done_before), (steps, events)
    assert events[None, "run_finished"] == 1
    assert files(tieout, run_id) == files(Tieout(demo.home, tieout.folder), demo.printed["run_id"])


@pytest.mark.parametrize("step", STEPS)
def test_killed_in_a_step_the_run_is_resumed_and_nothing_done_twice(prepared: Tieout, demo: Demo, step: str) -> None:
    run_id, process = interrupt_in(prepared, step, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    done = _done(prepared, run_id)
    assert step not in done

    resumed = prepared("runs", "resume", run_id, "--json")

    assert (resumed.code, resumed.json["run_id"], resumed.json["status"]) == (0, run_id, "done"), resumed.err
    assert resumed.json["claims"] == demo.printed["claims"]
    finished_once(prepared, run_id, done, demo)
    assert _steps(prepared, run_id)[step] == ("done", 2)


def test_a_service_finishes_at_its_start_what_was_killed(prepared: Tieout, demo: Demo) -> None:
    run_id, process = interrupt_in(prepared, "write", signal.SIGKILL)
    process.communicate()
    done = _done(prepared, run_id)
    with prepared.service():
        watched = prepared("runs", "watch", run_id, "--json").json
        assert watched["state"] == "done"
        printed = prepared("runs", "resume", run_id, "--json")  # it is finished: only prints its result
        assert (printed.code, printed.json["claims"]) == (0, demo.printed["claims"])
    finished_once(prepared, run_id, done, demo)


def test_ctrl_c_says_how_to_go_on_and_keeps_what_is_done(prepared: Tieout, demo: Demo) -> None:
    run_id, process = interrupt_in(prepared, "write", signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert f"tieout runs resume {run_id}" in err
    assert "Traceback" not in err
    assert "running" not in {state for state, _ in _steps(prepared, run_id).values()}
    done = _done(prepared, run_id)
    assert {"resolve", "fundamentals", "market", "passages"} <= done

    resumed = prepared("runs", "resume", run_id, "--json")

    assert resumed.code == 0, resumed.err
    finished_once(prepared, run_id, done, demo)
    shown = prepared("runs", "show", run_id, "--json").json
    assert {step["key"]: step["attempt"] for step in shown["steps"]} == dict.fromkeys(STEPS, 1)


def test_killed_while_it_reads_the_sample_pack_the_demo_starts_over_where_it_was(tieout: Tieout, demo: Demo) -> None:
    """Neither a document nor a price is lost or there twice, and the report is the same."""
    process = tieout.start("demo", "--json")
    until(lambda: _documents(tieout) or process.poll() is not None)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL

    again = tieout("demo", "--json")

    assert again.code == 0, again.err
    assert again.json["claims"] == demo.printed["claims"]
    assert _documents(tieout) == ["APPLE_2021_10K.pdf", "APPLE_2022_10K.pdf"]
    listed, wanted = (one("market", "list", "--json") for one in (tieout, Tieout(demo.home, tieout.folder)))
    assert listed.json == wanted.json


def _documents(tieout: Tieout) -> list[str]:
    """Return the documents that have begun to come in; none while there is no database."""
    try:
        return [row[0] for row in _read(tieout, "SELECT name FROM documents ORDER BY name")]
    except sqlite3.OperationalError:
        return []
