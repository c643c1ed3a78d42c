"""The audit finds nothing in what the store wrote, and each thing that somebody spoiled."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.support.stored import ANN, Data
from tieout.errors import InvalidInput

WHOLE = "SELECT id FROM runs ORDER BY created_at, id LIMIT 1"


@pytest.fixture
def spoilt(data: Data) -> Callable[[str], list[str]]:
    """Give a function that spoils a desk of three runs and returns the rules that the audit then finds broken."""
    data.submit(3)
    data.work(4)
    data.claim("gone")
    assert data.backups.audit(deep=True) == []

    def spoil(statement: str) -> list[str]:
        data.database.write(lambda connection: connection.execute(text(statement)))
        return sorted({finding.rule for finding in data.backups.audit(deep=True)})

    return spoil


@pytest.mark.parametrize(
    ("statement", "rules"),
    [
        ("UPDATE steps SET pending = pending + 1 WHERE state = 'blocked'", {"fan-in counter"}),
        ("UPDATE steps SET pending = 0 WHERE state = 'blocked'", {"fan-in counter"}),
        ("UPDATE steps SET failed = 1 WHERE state = 'ready'", {"failed parents"}),
        ("UPDATE steps SET state = 'ready' WHERE state = 'blocked'", {"order"}),
        ("UPDATE runs SET remaining = remaining + 1", {"remaining"}),
        ("UPDATE runs SET state = 'done'", {"run over"}),
        (
            "UPDATE steps SET state = 'blocked' WHERE state IN ('ready', 'running')",
            {"claim", "fan-in counter", "run stranded"},
        ),
        ("UPDATE runs SET event_seq = event_seq + 1", {"events"}),
        ("DELETE FROM events WHERE seq = 2", {"events"}),
        ("UPDATE events SET seq = 70 WHERE seq = 1", {"events"}),
        ("UPDATE steps SET output = NULL WHERE state = 'done'", {"output"}),
        ("DELETE FROM attempts WHERE outcome = 'done'", {"attempts"}),
        ("UPDATE steps SET fence = 9 WHERE state = 'done'", {"attempts"}),
        (
            "INSERT INTO attempts (step_id, fence, attempt, owner, started_at, finished_at, outcome) "
            "SELECT step_id, fence + 1, attempt, owner, started_at, finished_at, outcome FROM attempts",
            {"done twice"},
        ),
        ("UPDATE steps SET owner = NULL WHERE state = 'running'", {"claim"}),
        ("UPDATE steps SET owner = 'me' WHERE state = 'ready'", {"claim"}),
        ("UPDATE artifacts SET sha256 = '" + "0" * 64 + "'", {"artifact"}),
    ],
)
def test_what_was_spoilt_is_found(spoilt: Callable[[str], list[str]], statement: str, rules: set[str]) -> None:
    assert set(spoilt(statement)) == rules


def test_a_damaged_file_is_found_by_a_deep_look_only(data: Data) -> None:
    found = data.document("one.txt")
    next((data.folder / "originals").rglob(found.sha256)).write_bytes(b"other")
    assert data.backups.audit() == []
    assert [finding.rule for finding in data.backups.audit(deep=True)] == ["original"]


def test_runs_that_ended_in_every_way_are_sound(data: Data) -> None:
    ids = data.submit(4)
    claimed = data.runs.claim_step(
        next(one.step_id for one in data.runs.ready_steps(limit=9, now=data.now()) if one.run_id == ids[0]),
        "me",
        lease_s=30,
        now=data.now(),
    )
    assert claimed is not None
    data.runs.fail_step(claimed, InvalidInput("no").message, retry_at=None, now=data.now())
    data.runs.cancel_run(ANN, ids[1], now=data.now())
    data.work(1)
    data.runs.cancel_run(ANN, ids[2], now=data.now())
    assert data.backups.audit() == []
    data.runs.resume_run(ANN, ids[0], now=data.now())
    data.runs.resume_run(ANN, ids[2], now=data.now())
    assert data.backups.audit() == []
    data.finish_all()
    assert data.backups.audit() == []


def test_a_replayed_step_is_done_again_and_sound(data: Data) -> None:
    (run,) = data.submit(1)
    data.finish_all()
    data.runs.replay_run(ANN, run, step="b", now=data.now())
    assert data.backups.audit() == []
    data.finish_all()
    assert data.backups.audit() == []
