"""Locked files as signs of life, where the lock alone would mislead; the suite in tests/contracts has the rest."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.engine.enrolment import EnrolledLiveness
from pipelines.engine.liveness import FileLiveness
from tests.support.command import until
from tieout.errors import NotAvailable, StorageFull
from tieout.machine import ProcessMark, boot_id, process_exists
from tieout.model import SignOfLife, Worker, WorkerKind

ROOT = Path(__file__).parents[3]
_HOLD = """
import os, sys, time
from pathlib import Path
from pipelines.engine.liveness import FileLiveness
liveness = FileLiveness(Path(sys.argv[1]))
liveness.hold("other")
if sys.argv[2] == "fork" and os.fork() == 0:
    # A child that inherits the locked file and outlives its parent. One write, so that no other comes between.
    os.write(1, f"{os.getpid()}\\n".encode())
    time.sleep(600)
os.write(1, b"held\\n")
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the name `other`."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path), getattr(request, "param", "")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process
        process.kill()


def mark(folder: Path, **changed: Any) -> None:
    """Rewrite the mark beside the lock."""
    path = folder / "other.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changed}))


def test_the_files_of_a_dead_process_are_cleared_away(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    liveness = FileLiveness(tmp_path)
    assert liveness.alive("other")
    other.kill()
    other.wait()
    assert not liveness.alive("other")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("other", ["fork"], indirect=True)
def test_a_lock_that_a_child_inherited_does_not_keep_its_dead_parent_alive(
    tmp_path: Path, other: subprocess.Popen[str]
) -> None:
    assert other.stdout
    said = {other.stdout.readline().strip() for _ in range(2)}
    child = next(int(word) for word in said if word.isdigit())
    try:
        other.kill()
        other.wait()
        assert not FileLiveness(tmp_path).alive("other")
        assert list(tmp_path.iterdir()) == []
    finally:
        os.kill(child, 9)


def test_who_was_there_before_the_machine_started_anew_is_dead_though_its_lock_seems_held(tmp_path: Path) -> None:
    holder, liveness = FileLiveness(tmp_path), FileLiveness(tmp_path)
    holder.hold("other")
    assert liveness.alive("other")
    mark(tmp_path, boot="an earlier one")
    assert not liveness.alive("other")
    holder.release("other")


def test_the_mark_of_another_machine_says_nothing(tmp_path: Path) -> None:
    holder, liveness = FileLiveness(tmp_path), FileLiveness(tmp_path)
    holder.hold("other")
    mark(tmp_path, boot="an earlier one", machine="elsewhere", pid=2**22 + 1)
    assert liveness.alive("other")
    mark(tmp_path, boot=boot_id(), machine=ProcessMark.of_this_process().machine, space="of another container")
    assert liveness.alive("other")
    holder.release("other")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"boot": "x"}', '{"machine": "a", "boot": "b", "pid": "c", "space": ""}']
)
def test_a_mark_that_makes_no_sense_leaves_the_verdict_to_the_lock(tmp_path: Path, text: str) -> None:
    holder, liveness = FileLiveness(tmp_path), FileLiveness(tmp_path)
    holder.hold("other")
    (tmp_path / "other.json").write_text(text)
    assert liveness.alive("other")
    holder.release("other")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailable):
        FileLiveness(tmp_path / "file" / "owners").hold("me")


def test_this_process_is_not_dead_and_a_number_that_nobody_has_is() -> None:
    assert not ProcessMark.of_this_process().certainly_dead()
    assert process_exists(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    assert not process_exists(gone.pid)


def described(owner: str) -> Worker:
    now = datetime.now(UTC)
    return Worker(owner, WorkerKind.SERVICE, "here", 7, "boot", 4, "1", SignOfLife.FILE, now, now)


class Rows:
    """A list of workers on a disk that is full when the test says so."""

    def __init__(self, *, full: bool = False) -> None:
        self.full = full
        self.did: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def write(*arguments: object, **named: object) -> None:
            if self.full:
                raise StorageFull("the disk is full")
            self.did.append(name)

        return write


def test_who_cannot_be_entered_holds_nothing(tmp_path: Path) -> None:
    rows: Any = Rows(full=True)
    with pytest.raises(StorageFull):
        EnrolledLiveness(FileLiveness(tmp_path), rows, described).hold("me")
    assert not FileLiveness(tmp_path).alive("me")


def test_a_full_disk_ends_neither_the_beat_nor_the_sign_of_life(tmp_path: Path) -> None:
    rows: Any = Rows()
    liveness = EnrolledLiveness(FileLiveness(tmp_path), rows, described, beat_s=0.01)
    liveness.hold("me")
    until(lambda: "beat" in rows.did)
    rows.full = True
    rows.did.clear()
    assert liveness.alive("me")
    rows.full = False
    until(lambda: "beat" in rows.did)
    rows.full = True
    liveness.release("me")
    assert not liveness.alive("me")
