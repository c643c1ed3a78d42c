"""`tieout schedules …` in real processes: for people and as JSON, alone and beside the service that fires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.support.command import until

if TYPE_CHECKING:
    import subprocess

    from conftest import Shell

RULE = "cron: 0 7 * * 1-5 Europe/Zurich"
DAILY = ("schedules", "add", "daily", RULE, "How much?")


def shown(shell: Shell, name: str) -> Any:
    """Return a schedule with its fires."""
    return shell("schedules", "show", name, "-n", "1000", "--json").json


def test_a_schedule_is_added_listed_shown_paused_resumed_and_removed(shell: Shell) -> None:
    said = shell.all(
        ("schedules", "list"),
        (*DAILY, "-t", "AAPL", "--overlap", "skip", "--money-budget", "1.5"),
        ("schedules", "list"),
        ("schedules", "show", "daily"),
        ("schedules", "pause", "daily"),
        ("schedules", "list", "--state", "paused"),
        ("schedules", "resume", "daily"),
        ("schedules", "show", "daily", "--json"),
        ("schedules", "remove", "daily"),
        ("schedules", "list", "--json"),
    )
    assert [one.code for one in said] == [0] * len(said)
    none, added, listed, one, paused, by_state, resumed, as_json, removed, empty = said
    assert "No schedules yet" in none.err
    assert added.out.startswith(f"daily: {RULE}\nNext: ")
    assert " 07:00:00 CE" in added.out  # as the clocks of Zurich show it
    assert "tieout up" in added.err
    assert "How much?" in listed.out
    assert RULE in one.out
    assert "overlapping runs: skip" in one.out
    assert paused.out == "daily is paused.\n"
    assert "daily" in by_state.out
    assert resumed.out.startswith("Next: ")
    spec = as_json.json["schedule"]["spec"]
    assert (spec["request"]["tickers"], spec["request"]["money_budget"]) == (["AAPL"], "1.5")
    assert removed.out == "Removed daily.\n"
    assert empty.json == {"schedules": []}


def test_a_rule_is_previewed_in_its_own_zone(shell: Shell) -> None:
    people, machine = shell.all(
        ("schedules", "preview", "at 2100-01-01T09:00 America/New_York"),
        ("schedules", "preview", "every 90m from 2100-01-01T00:00Z", "-n", "2", "--json"),
    )
    assert people.out == "Fri 2100-01-01 09:00:00 EST\n"
    assert machine.json["times"] == ["2100-01-01T00:00:00Z", "2100-01-01T01:30:00Z"]


def test_a_schedule_is_fired_by_hand_and_its_result_printed(shell: Shell) -> None:
    shell(*DAILY)
    outcome = shell("schedules", "fire", "daily", "--json")
    assert (outcome.code, outcome.json["status"]) == (0, "done")
    (fire,) = shown(shell, "daily")["fires"]
    assert (fire["run_id"], fire["state"], fire["manual"]) == (outcome.json["run_id"], "started", True)
    assert "by hand" in shell("schedules", "show", "daily").out


BAD_INPUT = (
    ("schedules", "add", "daily", "sometimes", "How much?"),
    ("schedules", "add", "daily", "cron: 0 7 * * 1-5", "How much?"),
    ("schedules", "add", "a/b", RULE, "How much?"),
    ("schedules", "add", "daily", RULE, " "),
    ("schedules", "add", "daily", RULE, "q", "-t", "QQXZ"),
    ("schedules", "add", "daily", RULE, "q", "--agent", "nobody"),
    ("schedules", "add", "daily", RULE, "q", "--misfire", "twice"),
    ("schedules", "add", "daily", RULE, "q", "--overlap", "queue"),
    ("schedules", "add", "daily", RULE, "q", "--grace", "0"),
    ("schedules", "add", "daily", RULE),
    ("schedules", "list", "--state", "happy"),
    ("schedules", "show", "nope"),
    ("schedules", "pause", "nope"),
    ("schedules", "resume", "nope"),
    ("schedules", "remove", "nope"),
    ("schedules", "fire", "nope"),
    ("schedules", "preview", "every 0s"),
    ("schedules", "preview", "every 1h", "-n", "0"),
)


def test_bad_input_is_exit_2_with_one_line_and_one_json_object(shell: Shell) -> None:
    for arguments, outcome in zip(BAD_INPUT, shell.all(*((*one, "--json") for one in BAD_INPUT)), strict=True):
        assert (arguments, outcome.code) == (arguments, 2)
        assert outcome.json["error"]["message"], arguments
        assert "Traceback" not in outcome.err, arguments
    assert shell("schedules", "list", "--json").json == {"schedules": []}


def test_the_service_fires_what_is_added_and_makes_up_for_what_it_missed(shell: Shell) -> None:
    added = shell("schedules", "add", "old", "every 1s", "How much?", "--grace", "1", "--json").json["schedule"]
    missed_from = datetime.fromisoformat(added["next_at"])
    until(lambda: datetime.now(UTC) > missed_from + timedelta(seconds=4))
    assert shown(shell, "old")["fires"] == []
    process = start_service(shell)
    try:
        until(lambda: shown(shell, "old")["fires"])
        assert shell("schedules", "add", "new", "every 1s", "How many?", "--overlap", "skip").code == 0
        until(lambda: len(shown(shell, "new")["fires"]) >= 3)
        paused = [shell("schedules", "pause", name).code for name in ("old", "new")]
        assert paused == [0, 0]
        fires = shown(shell, "old")["fires"]
        assert fires[-1]["missed"] >= 2  # the oldest stands for what was missed
        started = [fire["run_id"] for fire in fires if fire["state"] == "started"]
        until(lambda: shell("runs", "show", started[-1], "--json").json["run"]["state"] == "done")
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0


def start_service(shell: Shell) -> subprocess.Popen[str]:
    """Start `tieout up` and wait until it answers."""
    process = shell.start("up", TIEOUT_PORT="0")
    until(lambda: (shell.home / "runtime.json").exists() or process.poll() is not None)
    assert process.poll() is None, process.stderr.read() if process.stderr else ""
    return process
