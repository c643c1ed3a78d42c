"""The command line in real processes: exit codes, one JSON object, Ctrl-C, a locked folder, the service behind it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.support.fake_openai import FakeOpenAI, fails, lists_models
from tieout.commands.terminal import line, plain

if TYPE_CHECKING:
    from conftest import Shell


def until(true: object, seconds: float = 60.0) -> None:
    """Wait for a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def listed(shell: Shell) -> list[dict[str, str]]:
    """Return the runs, newest first."""
    outcome = shell("runs", "list", "--json")
    assert outcome.code == 0, outcome
    runs: list[dict[str, str]] = outcome.json["runs"]
    return runs


@contextmanager
def service(shell: Shell, **env: str) -> Iterator[subprocess.Popen[str]]:
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


# ---------------------------------------------------------------- results and exit codes


@pytest.mark.parametrize(
    ("question", "status", "code"),
    [
        ("How much?", "done", 0),
        ("needs_answer?", "needs_answer", 3),
        ("needs_review?", "needs_review", 4),
        ("Will it fail?", "failed", 5),
    ],
)
def test_research_prints_one_object_and_its_exit_code_says_how_it_ended(
    shell: Shell, question: str, status: str, code: int
) -> None:
    outcome = shell("research", question, "--json")
    assert (outcome.code, outcome.json["status"], outcome.json["question"]) == (code, status, question)
    keys = {"run_id", "status", "question", "as_of", "answer", "claims", "ledger", "usage", "artifacts"}
    assert keys <= set(outcome.json)
    if status == "done":
        report = Path(outcome.json["artifacts"]["markdown"])
        assert report.read_text() == "# Report\n"
        assert report.is_relative_to(shell.home / "reports" / outcome.json["run_id"])


def test_research_tells_people_the_answer_the_counts_and_where_the_report_is(shell: Shell) -> None:
    outcome = shell("research", "How much?", "--ticker", "aapl")
    assert outcome.code == 0
    assert "It is 42." in outcome.out
    assert "1 numbers: 1 tied" in outcome.out
    assert str(shell.home / "reports") in outcome.out
    assert "left" in outcome.err


BAD_INPUT = (
    ("research", " "),
    ("research", "q", "--as-of", "tomorrow"),
    ("research", "q", "--as-of", "2999-01-01"),
    ("research", "q", "--ticker", "QQXZ"),
    ("runs", "show", "nope"),
    ("runs", "list", "--state", "happy"),
    ("runs", "list", "-n", "0"),
    ("ingest", "missing.pdf"),
    ("ingest", "empty"),
    ("search", " "),
    ("search", "q", "--document", "nope"),
    ("documents", "remove", "nope"),
    ("check", "missing.md"),
    ("check", "latin.md"),
    ("market", "show", "QQXZ"),
    ("market", "import", "missing.csv"),
    ("market", "import", "torn.csv"),
    ("nonsense",),
)


def test_bad_input_is_exit_2_with_one_line_and_one_json_object(shell: Shell) -> None:
    (shell.folder / "empty").mkdir()
    (shell.folder / "latin.md").write_bytes(b"caf\xe9 42")
    (shell.folder / "torn.csv").write_text("Date,AAPL\n2020-01-02,10\n2020-01-03,1x\n")
    for arguments, outcome in zip(BAD_INPUT, shell.all(*((*one, "--json") for one in BAD_INPUT)), strict=True):
        assert (arguments, outcome.code) == (arguments, 2)
        assert outcome.json["error"]["message"], arguments
        assert outcome.err.strip(), arguments
        assert "Traceback" not in outcome.err, arguments
    assert shell("nonsense").code == 2


def test_a_setting_that_cannot_be_is_named_without_its_value(shell: Shell) -> None:
    outcome = shell("runs", "list", TIEOUT_WORKERS="secret-thing")
    assert outcome.code == 2
    assert "TIEOUT_WORKERS" in outcome.err
    assert "secret-thing" not in outcome.err


def test_help_version_and_home_work_without_a_data_folder(shell: Shell, tmp_path: Path) -> None:
    assert "research" in shell("--help").out
    assert shell("--version").out.startswith("tieout ")
    assert not shell.home.exists()
    shell("--home", str(tmp_path / "other"), "runs", "list")
    assert (tmp_path / "other").is_dir()
    assert not shell.home.exists()


def test_the_configuration_is_shown_with_secrets_masked(shell: Shell) -> None:
    env = {"TIEOUT_MODEL_API_KEY": "sk-123", "TIEOUT_QDRANT_URL": "http://u:pw@q:6333"}
    outcome = shell("config", "show", "--json", **env)
    assert (outcome.json["model_api_key"], outcome.json["qdrant_url"]) == ("********", "http://q:6333")
    assert "sk-123" not in shell("config", "show", **env).out


# ---------------------------------------------------------------- runs


def test_ctrl_c_keeps_finished_steps_and_the_next_start_goes_on(shell: Shell) -> None:
    process = shell.start("research", "block?")
    assert process.stderr is not None
    assert any("begin" in told for told in process.stderr)  # a step has finished
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "tieout runs resume run_" in err
    assert "Traceback" not in err
    run_id = listed(shell)[0]["id"]
    shell.go()
    assert shell("runs", "resume", run_id, "--json").json["status"] == "done"
    steps = {step["key"]: step for step in shell("runs", "show", run_id, "--json").json["steps"]}
    assert steps["begin"]["attempt"] == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_is_picked_up_by_the_next_command_that_works(shell: Shell, how: signal.Signals) -> None:
    process = shell.start("research", "block?")
    assert process.stderr is not None
    assert any("begin" in told for told in process.stderr)
    process.send_signal(how)
    process.communicate(timeout=60)
    shell.go()
    shell("research", "How much?", "--json")
    until(lambda: _states(shell) == {"done"} or shell("ask", "How much?", "--json").code != 0, 120)
    assert _states(shell) == {"done"}


def _states(shell: Shell) -> set[str]:
    return {run["state"] for run in listed(shell)}


def test_runs_are_listed_shown_watched_and_cancelled(shell: Shell) -> None:
    run_id = shell("research", "How much?", "--json").json["run_id"]
    assert run_id in shell("runs", "list").out
    shown = shell("runs", "show", run_id[:20]).out
    assert "begin" in shown
    assert "report.md" in shown
    watched = shell("runs", "watch", run_id, "--json").json
    assert [event["seq"] for event in watched["events"]] == list(range(1, len(watched["events"]) + 1))
    assert "run_finished" in shell("runs", "watch", run_id).out
    assert shell("runs", "cancel", run_id, "--json").json["run"]["state"] == "done"
    assert shell("runs", "resume", run_id, "--json").json["status"] == "done"


# ---------------------------------------------------------------- the folder and the service


def test_a_locked_folder_names_its_owner_and_what_to_do(shell: Shell) -> None:
    owner = shell.start("research", "block?")
    assert owner.stderr is not None
    assert owner.stderr.readline()
    refused = shell("runs", "list", "--json")
    assert refused.code == 5
    assert refused.json["error"]["kind"] == "FolderLocked"
    assert str(owner.pid) in refused.json["error"]["message"]
    assert "tieout up" in refused.json["error"]["message"]
    owner.kill()
    owner.communicate(timeout=60)
    assert shell("runs", "list").code == 0


def test_the_service_publishes_itself_privately_and_cleans_up(shell: Shell) -> None:
    with service(shell) as process:
        path = shell.home / "runtime.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        runtime = json.loads(path.read_text())
        assert runtime["pid"] == process.pid
        assert httpx.get(runtime["url"] + "/health/ready", trust_env=False).status_code == 200
        second = shell("up")
        assert second.code == 5
        assert str(process.pid) in second.err
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert runtime["token"] not in err
        assert not path.exists()
    assert shell("runs", "list").code == 0


def test_a_runtime_file_of_a_dead_service_is_stale(shell: Shell) -> None:
    with service(shell) as process:
        process.kill()
        process.communicate(timeout=60)
    assert (shell.home / "runtime.json").exists()
    assert shell("runs", "list").code == 0
    assert not (shell.home / "runtime.json").exists()


def test_the_command_line_says_the_same_with_and_without_the_service(shell: Shell) -> None:
    alone = shell("research", "How much?", "--json").json
    bars = shell.folder / "bars.csv"
    bars.write_text("Date,AAPL\n2020-01-02,10\n2020-01-03,11\n")
    looks = [
        ("runs", "list", "--json"),
        ("runs", "show", alone["run_id"], "--json"),
        ("runs", "watch", alone["run_id"], "--json"),
        ("runs", "resume", alone["run_id"], "--json"),
        ("ask", "caf\udce9?", "--json"),
        ("market", "import", "bars.csv", "--adjustment", "none", "--preview", "--json"),
        ("market", "import", "missing.csv", "--json"),
        ("market", "list", "--json"),
        ("market", "show", "AAPL", "--json"),
        ("runs", "show", "nope", "--json"),
        ("research", "q", "--ticker", "QQXZ", "--json"),
    ]
    shell("market", "import", "bars.csv", "--adjustment", "none")
    before = shell.all(*looks)
    with service(shell):
        assert shell.all(*looks) == before
        served = shell("research", "How much?", "--json")
    assert served.code == 0
    assert served.json["answer"] == alone["answer"]
    assert Path(served.json["artifacts"]["markdown"]).read_text() == "# Report\n"


def test_ctrl_c_leaves_a_served_run_alone(shell: Shell) -> None:
    with service(shell):
        asker = shell.start("research", "block?")
        assert asker.stderr is not None
        assert any("begin" in told for told in asker.stderr)
        asker.send_signal(signal.SIGINT)
        _, err = asker.communicate(timeout=60)
        assert (asker.returncode, "goes on in the service" in err) == (130, True)
        run_id = listed(shell)[0]["id"]
        shell.go()
        assert shell("runs", "watch", run_id, "--json").json["state"] == "done"


def test_the_service_goes_on_with_unfinished_runs(shell: Shell) -> None:
    asker = shell.start("research", "block?")
    assert asker.stderr is not None
    assert any("begin" in told for told in asker.stderr)
    asker.kill()
    asker.communicate(timeout=60)
    shell.go()
    run_id = shell("runs", "list", "--json").json["runs"][0]["id"]
    with service(shell):
        assert shell("runs", "watch", run_id, "--json").json["state"] == "done"


def test_a_taken_port_and_a_data_folder_that_is_a_file_are_clear_errors(shell: Shell) -> None:
    shell.home.write_text("")
    for command in (("up",), ("runs", "list"), ("doctor",)):
        outcome = shell(*command)
        assert outcome.code == 5
        assert "is a file" in outcome.out + outcome.err
    shell.home.unlink()
    with service(shell) as process:
        port = httpx.URL(json.loads((shell.home / "runtime.json").read_text())["url"]).port
        assert process.poll() is None
        taken = shell("--home", str(shell.folder / "other"), "up", "--port", str(port))
    assert taken.code == 5
    assert "--port" in taken.err


def test_a_data_folder_that_cannot_be_made_is_a_clear_error(shell: Shell) -> None:
    (shell.folder / "file").write_text("")
    outcome = shell("--home", str(shell.folder / "file" / "home"), "runs", "list")
    assert outcome.code == 5
    assert "Cannot write" in outcome.err


# ---------------------------------------------------------------- doctor


def test_the_doctor_says_what_is_configured_reachable_and_to_do(shell: Shell) -> None:
    env = {"TIEOUT_MODEL": "m", "TIEOUT_MODEL_BASE_URL": "http://user:pw@127.0.0.1:9/v1"}
    sick = shell("doctor", "--json", **env)
    checks = {check["name"]: check for check in sick.json["checks"]}
    assert (sick.code, sick.json["ok"]) == (5, False)
    assert checks["model"]["state"] == "failed"
    assert checks["model"]["advice"]
    assert checks["database"]["state"] == "ok"
    assert "pw" not in sick.out
    well = shell("doctor")
    assert well.code == 0
    assert "no documents" in well.out
    with service(shell):
        served = shell("doctor", "--json")
    names = [check["name"] for check in served.json["checks"]]
    assert served.code == 0
    assert {"service", "database", "library", "prices"} <= set(names)


def test_the_doctor_asks_the_model_endpoint_itself(shell: Shell) -> None:
    """An open port is not enough: a wrong key or a model that is not served would fail every run."""

    def model(server: FakeOpenAI) -> dict[str, str]:
        env = {"TIEOUT_MODEL": "m", "TIEOUT_MODEL_BASE_URL": server.url, "TIEOUT_MODEL_API_KEY": "sk-secret-1"}
        found: dict[str, str] = next(
            check for check in shell("doctor", "--json", **env).json["checks"] if check["name"] == "model"
        )
        return found

    with FakeOpenAI(lists_models("m")) as server:
        assert model(server)["state"] == "ok"
    with FakeOpenAI(fails(401)) as server:
        refused = model(server)
    assert refused["state"] == "failed"
    assert "TIEOUT_MODEL_API_KEY" in refused["detail"]
    assert "sk-secret-1" not in str(refused)


# ---------------------------------------------------------------- the terminal


def test_text_from_outside_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b[31mred\x1b]0;title\x07 \x9b2J\u202egnp.exe\r\x08[bold]x[/bold]\ud800"
    assert plain(hostile) == "a[31mred]0;title 2Jgnp.exe[bold]x[/bold]?"
    assert line("a\n b\tc\x00") == "a b c"
