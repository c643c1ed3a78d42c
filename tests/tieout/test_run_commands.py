"""Operating runs with `tieout runs`, `dlq` and `effects` in real processes, alone and beside the service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from store.database import open_database
from store.runs import SqlRunStore
from tests.support.command import until
from tests.support.desk import DRAFT
from tieout.model import Principal

if TYPE_CHECKING:
    from conftest import Outcome, Shell

NOW = datetime.now(UTC)


def newest(shell: Shell) -> str:
    """Return the id of the newest run."""
    return str(shell("runs", "list", "-n", "1", "--json").json["runs"][0]["id"])


def well(outcomes: list[Outcome]) -> list[Outcome]:
    """Return outcomes, all of which must be good."""
    assert [one.code for one in outcomes] == [0] * len(outcomes), outcomes
    return outcomes


def test_a_run_that_waits_for_a_person_says_so_and_goes_on_when_they_have_decided(shell: Shell) -> None:
    asked = shell("research", "Please approve?", "--priority", "5")
    assert asked.code == 3
    assert f"approved --draft {DRAFT[:12]}" in asked.err
    run_id = newest(shell)
    shown, as_json, waiting, waits, watched, resumed = shell.all(
        ("runs", "show", run_id),
        ("runs", "show", run_id, "--json"),
        ("runs", "waiting"),
        ("runs", "waiting", run_id, "--json"),
        ("runs", "watch", run_id),
        ("runs", "resume", run_id, "--json"),
    )
    assert "waiting" in shown.out
    assert "priority 5" in shown.out
    assert "publish/the report" in shown.out
    assert (as_json.json["waits"], as_json.json["dead_letters"]) == (waits.json["waits"], [])
    assert run_id in waiting.out
    assert "tieout runs decide" in waiting.err
    assert "asks any member to approve 'publish/the report'" in watched.out
    assert "tieout runs decide" in watched.err
    assert (resumed.code, resumed.json["status"]) == (3, "waiting")
    without, wrong, decided, again = shell.all(
        ("runs", "decide", run_id, "publish", "approved", "--json"),
        ("runs", "decide", run_id, "publish", "maybe", "--draft", DRAFT, "--json"),
        ("runs", "decide", run_id, "publish", "approved", "--draft", DRAFT[:12], "--reason", "fine", "--json"),
        ("runs", "decide", run_id, "publish", "refused", "--draft", DRAFT, "--json"),
    )
    assert (without.code, without.json["error"]["kind"]) == (5, "Conflict")
    assert (wrong.code, wrong.json["error"]["kind"]) == (2, "InvalidInput")
    assert decided.json["wait"]["payload"] == {"reason": "fine"}
    assert f"tieout runs resume {run_id}" in decided.err
    assert (again.code, again.json["error"]["kind"]) == (5, "Conflict")
    assert shell("runs", "resume", run_id, "--json").json["status"] == "done"
    assert "approved by local" in shell("runs", "show", run_id).out


def test_an_outside_event_is_signalled_once_with_its_data(shell: Shell) -> None:
    assert shell("ask", "signal?", "--json").json["status"] == "waiting"
    run_id = newest(shell)
    not_json, no_object, first, again, ended = shell.all(
        ("runs", "signal", run_id, "prices/arrived", "--data", "{", "--json"),
        ("runs", "signal", run_id, "prices/arrived", "--data", "[1]", "--json"),
        ("runs", "signal", run_id, "prices/arrived", "--data", '{"rows": 3}', "--json"),
        ("runs", "signal", run_id, "prices/arrived"),
        ("runs", "resume", run_id, "--json"),
    )
    assert [(one.code, one.json["error"]["kind"]) for one in (not_json, no_object)] == [(2, "InvalidInput")] * 2
    assert first.json["first"] is True
    assert "told so before" in again.out
    assert ended.json["status"] == "done"
    late, waits = well(shell.all(("runs", "signal", run_id, "too/late"), ("runs", "waiting", run_id, "--json")))
    assert "the run has ended" in late.out
    assert waits.json["waits"][0]["payload"] == {"rows": 3}


def test_dead_letters_are_listed_shown_and_replayed(shell: Shell) -> None:
    runs = [shell("research", "Please mend?", "--json").json["run_id"] for _ in range(2)]
    listed, one, shown, full, nothing, dry, planned = shell.all(
        ("dlq", "list"),
        ("dlq", "list", runs[0], "--json"),
        ("runs", "show", runs[0]),
        ("dlq", "show", runs[0]),
        ("dlq", "show", runs[0], "end", "--json"),
        ("runs", "replay", "--state", "failed", "--error", "cannot be done", "--since", "2h", "--dry-run"),
        ("dlq", "replay", "--all", "--agent", "ask", "--json"),
    )
    assert all(run_id in listed.out for run_id in runs)
    assert [letter["run_id"] for letter in one.json["dead_letters"]] == [runs[0]] * len(one.json["dead_letters"])
    key = one.json["dead_letters"][0]["step"]["key"]
    assert f"Dead letters: {key}" in shown.out
    assert "Error: this cannot be done yet" in full.out
    assert f"tieout dlq replay {runs[0]} {key}" in full.err
    assert (nothing.code, nothing.json["error"]["kind"]) == (2, "NotFound")
    assert dry.out.split() == runs
    assert "2 runs would be replayed" in dry.err
    assert planned.json["runs"] == []
    shell.go()
    replayed, retried, first, second, none = well(
        shell.all(
            ("dlq", "replay", runs[0], key),
            ("runs", "retry", runs[1], "--json"),
            ("runs", "resume", runs[0], "--json"),
            ("runs", "resume", runs[1], "--json"),
            ("dlq", "list"),
        )
    )
    assert f"tieout runs resume {runs[0]}" in replayed.err
    assert retried.json["run"]["state"] == "queued"
    assert (first.json["status"], second.json["status"]) == ("done", "done")
    assert "No dead letters" in none.err


def test_a_finished_run_is_replayed_from_a_step_and_sending_again_is_warned_of(shell: Shell) -> None:
    run_id = shell("research", "How much?", "--json").json["run_id"]
    seen = len(shell("runs", "watch", run_id, "--json").json["events"])
    nothing, from_left, watched = well(
        shell.all(
            ("runs", "replay", run_id),
            ("runs", "replay", run_id, "--from", "left", "--redeliver", "--wait", "--json"),
            ("runs", "watch", run_id, "--json"),
        )
    )
    assert "--from STEP" in nothing.err
    assert from_left.json["status"] == "done"
    assert "Warning" in from_left.err
    again = watched.json["events"][seen:]
    assert {event["step"] for event in again if event["kind"] == "step_finished"} == {"left", "end"}
    assert [event["data"]["redeliver"] for event in again if event["kind"] == "run_replayed"] == [True]


WRONG: tuple[tuple[str, ...], ...] = (
    ("runs", "replay"),
    ("runs", "replay", "--from", "left"),
    ("runs", "replay", "run_1", "--state", "failed"),
    ("runs", "replay", "run_1", "--from", "left"),
    ("runs", "replay", "--state", "happy"),
    ("runs", "replay", "--state", "done"),
    ("runs", "replay", "--error", ""),
    ("runs", "replay", "--since", "yesterday"),
    ("runs", "replay", "--since", "2h", "--redeliver"),
    ("runs", "pause", "nope"),
    ("runs", "cancel", "nope", "--step", "left"),
    ("runs", "retry", "nope"),
    ("runs", "waiting", "nope"),
    ("runs", "decide", "nope", "publish", "approved"),
    ("runs", "signal", "nope", "name"),
    ("dlq", "list", "nope"),
    ("dlq", "list", "-n", "0"),
    ("dlq", "show", "nope"),
    ("dlq", "replay"),
    ("dlq", "replay", "nope"),
    ("dlq", "replay", "--all", "--redeliver"),
    ("dlq", "replay", "run_1", "--dry-run"),
    ("effects", "list", "-n", "5000"),
    ("research", "q", "--priority", "101"),
)


def test_what_cannot_be_meant_is_exit_2_with_one_line_and_one_json_object(shell: Shell) -> None:
    for arguments, outcome in zip(WRONG, shell.all(*((*one, "--json") for one in WRONG)), strict=True):
        assert (arguments, outcome.code) == (arguments, 2)
        assert outcome.json["error"]["message"], arguments
        assert "Traceback" not in outcome.err, arguments


def test_nothing_waiting_dead_or_unknown_is_said_in_words(shell: Shell) -> None:
    waiting, letters, effects = well(shell.all(("runs", "waiting"), ("dlq", "list"), ("effects", "list")))
    assert "Nothing waits" in waiting.err
    assert "No dead letters" in letters.err
    assert "No effect of unknown outcome" in effects.err


def test_an_effect_that_nobody_recorded_the_end_of_is_listed(shell: Shell) -> None:
    shell("runs", "list")
    database = open_database(f"sqlite:///{shell.home / 'tieout.db'}")
    store = SqlRunStore(database)
    _leave_effect(store)
    database.close()
    people, machine = well(shell.all(("effects", "list"), ("effects", "list", "--json")))
    assert "run_" in people.out
    assert "delivery" in people.out
    assert [effect["key"] for effect in machine.json["effects"]] == ["a/key"]


def _leave_effect(store: SqlRunStore) -> None:
    """Begin an effect in a process that is then found dead."""
    from tests.support.run_store import plan
    from tieout.model import RunRequest

    who = Principal("local", "default")
    run = store.create_run(who, RunRequest("why?"), plan(only=()), now=NOW)
    (step,) = store.steps(who, run.id)
    claimed = store.claim_step(step.id, "gone", lease_s=30, now=NOW)
    assert claimed is not None
    store.begin_effect(claimed, "a/key", "delivery", {}, now=NOW)
    store.release_lost(now=NOW, alive=lambda owner: False)


def test_beside_the_service_a_run_is_paused_decided_and_carried_on_at_once(shell: Shell) -> None:
    service = shell.start("up")
    until(lambda: (shell.home / "runtime.json").exists() or service.poll() is not None)
    try:
        shell.start("research", "Please approve?")
        until(lambda: _waits(shell))
        run_id = _waits(shell)[0]["run_id"]
        paused, same, decided = well(
            shell.all(
                ("runs", "pause", run_id, "--json"),
                ("runs", "waiting", run_id, "--json"),
                ("runs", "decide", run_id, "publish", "approved", "--draft", DRAFT),
            )
        )
        assert paused.json["run"]["state"] == "paused"
        assert same.json["waits"][0]["name"] == "publish/the report"
        assert "tieout up" not in decided.err  # the service does it
        assert shell("runs", "resume", run_id, "--json").json["status"] == "done"
        blocked = shell.start("research", "block?")
        assert blocked.stderr is not None
        assert any("begin" in told for told in blocked.stderr)
        cancelled = shell("runs", "cancel", newest(shell), "--step", "left", "--json")
        assert cancelled.json["run"]["state"] == "cancelled"
    finally:
        service.terminate()
        service.communicate(timeout=60)


def _waits(shell: Shell) -> list[dict[str, Any]]:
    outcome = shell("runs", "waiting", "--json")
    return list(json.loads(outcome.out)["waits"]) if outcome.code == 0 else []
