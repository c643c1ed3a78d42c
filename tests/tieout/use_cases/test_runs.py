"""Runs are started once, followed to their end, cancelled, resumed and exported."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.support.desk import GO, MEMBER, VIEWER
from tieout.application import Application
from tieout.errors import Conflict, NotFound, TieoutError
from tieout.model import Principal, Role, RunRequest, RunState


def ask(desk: Application, end: str | None = None, **fields: object) -> str:
    params = {"end": end} if end else {}
    return desk.start_run(MEMBER, RunRequest("How much?", params=params, **fields)).id  # type: ignore[arg-type]


def test_a_run_ends_done_with_its_result_and_artifacts(desk: Application, tmp_path: Path) -> None:
    run_id = ask(desk)
    assert desk.wait(MEMBER, run_id, timeout_s=30).state is RunState.DONE
    result = desk.result(MEMBER, run_id)
    assert (result["status"], result["answer"], result["artifacts"]["markdown"]) == ("done", "It is 42.", "report.md")
    assert desk.artifact_bytes(VIEWER, run_id, "report.md") == b"# Report\n"
    assert desk.export_artifacts(VIEWER, run_id) == [tmp_path / "reports" / run_id / "report.md"]
    assert [step.state for step in desk.steps(VIEWER, run_id)] == ["done"] * 4


@pytest.mark.parametrize(
    ("end", "state"),
    [
        ("needs_review", RunState.NEEDS_REVIEW),
        ("needs_answer", RunState.NEEDS_ANSWER),
        ("fail", RunState.FAILED),
    ],
)
def test_the_result_says_how_a_run_ended(desk: Application, end: str, state: RunState) -> None:
    run_id = ask(desk, end)
    assert desk.wait(MEMBER, run_id, timeout_s=30).state is state
    result = desk.result(MEMBER, run_id)
    assert result["status"] == state.value
    if end == "needs_answer":
        assert result["answer"] == "Which one do you mean?"
    if end == "fail":
        assert "this cannot be done" in result["answer"]


def test_a_follower_gets_each_event_once_in_order_and_then_the_end(desk: Application) -> None:
    run_id = ask(desk, "block")
    told = []
    follower = threading.Thread(target=lambda: told.extend(desk.follow(MEMBER, run_id)))
    follower.start()
    GO.set()
    follower.join(30)
    assert not follower.is_alive()
    assert [event.seq for event in told] == list(range(1, len(told) + 1))
    assert told[-1].kind == "run_finished"
    assert [event.seq for event in desk.follow(MEMBER, run_id, after=3)] == [event.seq for event in told[3:]]


def test_waiting_gives_up_after_its_time(desk: Application) -> None:
    run_id = ask(desk, "block")
    assert not desk.wait(MEMBER, run_id, timeout_s=0.05).state.final


def test_a_cancelled_run_is_final_and_a_failed_one_can_be_resumed(desk: Application) -> None:
    run_id = ask(desk, "block")
    assert desk.cancel(MEMBER, run_id).state is RunState.CANCELLED
    failed = ask(desk, "fail")
    desk.wait(MEMBER, failed, timeout_s=30)
    assert desk.resume(MEMBER, failed).state is not RunState.FAILED
    assert desk.wait(MEMBER, failed, timeout_s=30).state is RunState.FAILED


def test_the_same_idempotency_key_is_the_same_run_and_another_request_under_it_a_conflict(desk: Application) -> None:
    first = ask(desk, idempotency_key="k")
    assert ask(desk, idempotency_key="k") == first
    with pytest.raises(Conflict):
        desk.start_run(MEMBER, RunRequest("Something else?", idempotency_key="k"))


def test_a_run_of_another_workspace_is_not_found(desk: Application) -> None:
    run_id = ask(desk)
    stranger = Principal("eve", "elsewhere", Role.ADMIN)
    with pytest.raises(NotFound):
        desk.result(stranger, run_id)
    assert desk.runs(stranger) == []


def test_exporting_leaves_no_half_written_file(desk: Application, tmp_path: Path) -> None:
    run_id = ask(desk)
    desk.wait(MEMBER, run_id, timeout_s=30)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(TieoutError, match="Cannot write"):
        desk.export_artifacts(MEMBER, run_id, blocked / "sub")
    folder = tmp_path / "out"
    desk.export_artifacts(MEMBER, run_id, folder)
    desk.export_artifacts(MEMBER, run_id, folder)
    assert [path.name for path in folder.iterdir()] == ["report.md"]
