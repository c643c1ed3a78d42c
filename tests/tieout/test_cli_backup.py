"""`tieout backup`, `restore` and `runs prune` in processes of their own, with and without a running service."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.command import until


@contextmanager
def service(shell: Any, **env: str) -> Iterator[subprocess.Popen[str]]:
    """Keep `tieout up` running."""
    process = shell.start("up", **env)
    try:
        until(lambda: (shell.home / "runtime.json").exists() or process.poll() is not None)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def states(shell: Any, **env: str) -> dict[str, str]:
    return {run["id"]: run["state"] for run in shell("runs", "list", "--json", **env).json["runs"]}


def test_a_running_service_is_backed_up_and_its_runs_go_on_where_they_are_restored(shell: Any) -> None:
    """One run is done, one waits in the middle of its steps; the service is then killed, and its folder lost."""
    backup = shell.folder / "desk.tar.gz"
    with service(shell) as process:
        shell("research", "a question", "--json")
        blocked = shell.start("research", "block here", "--json")
        until(lambda: len(states(shell)) == 2)
        made = shell("backup", "desk.tar.gz", "--json")
        assert made.code == 0, made.err
        assert made.json["backup"]["path"] == str(backup) and made.json["backup"]["counts"]["runs"] == 2
        process.kill()
        blocked.kill()
        blocked.communicate(timeout=60)
        before = {"done", "running", "queued"}
    assert shell("backup", "desk.tar.gz", "--verify").code == 0

    other = {"TIEOUT_HOME": str(shell.folder / "other")}
    restored = shell("restore", "desk.tar.gz", "--json", **other)
    assert restored.code == 0, restored.err
    assert restored.json["findings"] == [] and restored.json["chunks"] == 0
    there = states(shell, **other)
    assert len(there) == 2 and set(there.values()) <= before and "done" in there.values()
    (unfinished,) = (run for run, state in there.items() if state != "done")
    shell.go()
    resumed = shell("runs", "resume", unfinished, "--json", **other)
    assert resumed.code == 0, resumed.err
    assert set(states(shell, **other).values()) == {"done"}
    doctor = shell("doctor", "--json", **other).json
    assert {check["name"]: check["state"] for check in doctor["checks"]}["records"] == "ok"


def test_a_folder_without_a_service_is_backed_up_by_the_command_itself(shell: Any) -> None:
    one, two, three, four = shell.all(
        ("research", "a question", "--json"),
        ("backup", "desk.tar.gz"),
        ("backup", "desk.tar.gz", "--json"),
        ("restore", "desk.tar.gz", "--json"),
    )
    assert one.code == 0 and two.code == 0
    assert "1 runs" in two.out
    assert three.code == 2 and three.json["error"]["kind"] == "InvalidInput" and "there already" in three.err
    assert four.code == 5 and "not empty" in four.json["error"]["message"]


def test_a_damaged_backup_is_refused_in_one_line(shell: Any) -> None:
    assert shell("backup", "desk.tar.gz").code == 0
    path = shell.folder / "desk.tar.gz"
    path.write_bytes(path.read_bytes()[:-200])
    for command in (("backup", "desk.tar.gz", "--verify"), ("--home", "new", "restore", "desk.tar.gz")):
        outcome = shell(*command)
        assert outcome.code == 2 and outcome.err.count("\n") == 1 and "not a whole backup" in outcome.err
    assert not (shell.folder / "new" / "tieout.db").exists()


def test_old_runs_are_removed_by_a_service_and_without_one(shell: Any) -> None:
    with service(shell):
        shell("research", "a question", "--json")
        dry = shell("runs", "prune", "--older-than", "0m", "--dry-run")
        assert "1 runs would be removed" in dry.out
        assert shell("runs", "prune", "--older-than", "90d", "--json").json["pruned"]["runs"] == 0
        bad = shell("runs", "prune", "--older-than", "0m", "--state", "running")
        assert bad.code == 2 and "not ended" in bad.err
    age, prune, left = shell.all(
        ("runs", "prune", "--older-than", "soon"),
        ("runs", "prune", "--older-than", "0m", "--state", "done"),
        ("runs", "list", "--json"),
    )
    assert age.code == 2 and "90d" in age.err
    assert "1 runs were removed" in prune.out and left.json["runs"] == []


def test_a_service_removes_what_is_older_than_its_setting_says(shell: Any) -> None:
    """The run is made older than a day by hand; the service's janitor comes at its start."""
    import sqlite3
    from contextlib import closing

    shell("research", "a question", "--json")
    with closing(sqlite3.connect(shell.home / "tieout.db")) as database, database:
        database.execute("UPDATE runs SET finished_at = '2020-01-01 00:00:00.000000'")
    with service(shell, TIEOUT_RETENTION_DAYS="1"):
        until(lambda: states(shell) == {})


def test_the_service_refuses_a_relative_path_and_whoever_is_no_admin(shell: Any) -> None:
    import httpx

    with service(shell):
        runtime = json.loads((shell.home / "runtime.json").read_text())
        headers = {"Authorization": f"Bearer {runtime['token']}"}
        url = runtime["url"] + "/api/v1/"
        with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
            assert http.post("backup", json={"path": "x.tar.gz"}).status_code == 422
            target = {"path": str(Path(shell.folder) / "x.tar.gz")}
            refused = http.post("backup", json=target, headers={"Tieout-Role": "member"})
            assert refused.status_code == 403
            refused = http.post("prune", json={"older_than_s": 0}, headers={"Tieout-Role": "member"})
            assert refused.status_code == 403
            assert http.post("prune", json={"older_than_s": -1}).status_code == 422
    assert not (shell.folder / "x.tar.gz").exists()
