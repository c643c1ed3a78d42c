"""Old finished runs go with all that is theirs, and nothing else does."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from store.all_tables import all_tables
from store.blob_sweep import GRACE_S, sweep
from store.blobs import FolderBlobStore
from store.retention import SqlRetention
from tests.support.stored import ANN, BOB, Data, repeating
from tieout.model import RunState, Usage

LATER = timedelta(days=1)


def retention(data: Data) -> SqlRetention:
    return SqlRetention(data.database, data.folder / "artifacts")


def age(folder: Path) -> None:
    """Make all files older than the grace."""
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (1, time.time() - GRACE_S - 10))


def counts(data: Data) -> dict[str, int]:
    return {
        table.name: data.database.read(
            lambda connection: connection.execute(select(func.count()).select_from(table)).scalar_one()  # noqa: B023
        )
        for table in all_tables()
        if table.name in ("runs", "steps", "step_edges", "attempts", "effects", "events", "artifacts")
    }


def files(data: Data) -> int:
    return sum(1 for path in (data.folder / "artifacts").rglob("*") if path.is_file())


def test_a_removed_run_leaves_no_row_and_no_file(data: Data) -> None:
    data.submit(120)
    data.submit(1, BOB)
    data.finish_all()
    age(data.folder / "artifacts")
    pruned = retention(data).prune(workspace=None, before=data.now() + LATER)
    assert (pruned.runs, pruned.kept, pruned.files) == (121, 0, 121 * 4)
    assert set(counts(data).values()) == {0} and files(data) == 0


def test_young_runs_and_those_that_go_on_stay(data: Data) -> None:
    (old,) = data.submit(1)
    data.finish_all()
    border = data.now()
    (young,) = data.submit(1)
    data.finish_all()
    data.submit(1)
    assert retention(data).prune(workspace="desk", before=border).runs == 1
    assert old not in data.states() and young in data.states() and len(data.states()) == 2
    assert data.backups.audit(deep=True) == []


def test_only_the_workspace_and_the_states_asked_for_are_cleared(data: Data) -> None:
    failed, done = data.submit(2)
    data.runs.cancel_run(ANN, failed, now=data.now())
    data.submit(1, BOB)
    data.finish_all()
    pruned = retention(data).prune(workspace="desk", before=data.now() + LATER, states=[RunState.CANCELLED])
    assert pruned.runs == 1 and set(data.states()) == {done} and len(data.states(BOB)) == 1


def test_a_dry_run_counts_and_removes_nothing(data: Data) -> None:
    data.submit(2)
    data.finish_all()
    before = counts(data)
    assert retention(data).prune(workspace="desk", before=data.now() + LATER, dry_run=True).runs == 2
    assert counts(data) == before


def test_a_run_whose_effect_is_known_to_have_failed_is_removed(data: Data) -> None:
    (run,) = data.submit(1)
    (ready,) = data.runs.ready_steps(limit=9, now=data.now())
    claimed = data.runs.claim_step(ready.step_id, "me", lease_s=30, now=data.now())
    assert claimed is not None
    data.runs.begin_effect(claimed, "call", "model_call", {}, now=data.now(), estimate=Usage(1, 9, 9))
    data.runs.withdraw_effect("call", now=data.now(), usage=Usage(1, 9, 0))
    data.runs.cancel_run(ANN, run, now=data.now())
    assert retention(data).prune(workspace="desk", before=data.now() + LATER).runs == 1


def test_a_run_with_something_open_is_kept(data: Data) -> None:
    """An effect whose outcome nobody knows, and a wait that is open."""
    ids = data.submit(3)
    for ready in data.runs.ready_steps(limit=9, now=data.now()):
        claimed = data.runs.claim_step(ready.step_id, "me", lease_s=30, now=data.now())
        assert claimed is not None
        if ready.run_id == ids[0]:
            data.runs.begin_effect(claimed, "post", "post", {}, now=data.now(), estimate=Usage())
        data.runs.cancel_run(ANN, ready.run_id, now=data.now())
    wait = (
        "INSERT INTO waits (token, workspace, run_id, step_id, step, kind, name, state, approvers, note, payload, "
        f"asked_at) SELECT 't', workspace, run_id, id, key, 'timer', 'x', 'open', '[]', '', '{{}}', started_at "
        f"FROM steps WHERE run_id = '{ids[1]}' AND key = 'a'"
    )
    data.database.write(lambda connection: connection.execute(text(wait)))
    pruned = retention(data).prune(workspace="desk", before=data.now() + LATER)
    assert (pruned.runs, pruned.kept) == (1, 2) and set(data.states()) == set(ids[:2])


def test_a_file_that_another_run_names_stays(data: Data) -> None:
    (old,) = data.submit(1)
    data.finish_all()
    border = data.now()
    data.submit(1)
    data.finish_all()
    # The same bytes under the new run's name, as two reports may have the same chart.
    copy = (
        "UPDATE artifacts SET sha256 = (SELECT sha256 FROM artifacts AS other WHERE other.run_id = "
        f"'{old}' AND other.name = 'a.txt') WHERE run_id <> '{old}' AND name = 'a.txt'"
    )
    data.database.write(lambda connection: connection.execute(text(copy)))
    age(data.folder / "artifacts")
    pruned = retention(data).prune(workspace="desk", before=border)
    assert pruned.files == 4  # three of the old run's, and the new one's that nobody names now
    assert data.backups.audit(deep=True) == []


def test_removing_goes_on_beside_submitting_and_working(data: Data) -> None:
    data.submit(5)
    cleaner = retention(data)
    with repeating(
        lambda: data.submit(1),
        lambda: data.work(10, "one"),
        lambda: data.work(10, "two"),
        lambda: cleaner.prune(workspace=None, before=data.now()),
    ):
        for _ in range(5):
            assert data.backups.audit() == []
    data.finish_all()
    assert data.backups.audit(deep=True) == []


def test_bytes_that_are_young_wait_for_their_row(tmp_path: Path) -> None:
    blobs = FolderBlobStore(tmp_path)
    young, old = blobs.put(ANN, b"young"), blobs.put(ANN, b"old")
    os.utime(next(tmp_path.rglob(old)), (1, 1))
    swept = sweep(tmp_path, lambda folder, prefix: set())
    assert (swept.files, swept.size) == (1, 3)
    assert blobs.has(ANN, young) and not blobs.has(ANN, old)


def test_bytes_that_are_put_again_are_young_again(tmp_path: Path) -> None:
    blobs = FolderBlobStore(tmp_path)
    sha256 = blobs.put(ANN, b"x")
    os.utime(next(tmp_path.rglob(sha256)), (1, 1))
    blobs.put(ANN, b"x")
    assert sweep(tmp_path, lambda folder, prefix: set()).files == 0


def test_bytes_that_are_put_again_during_a_sweep_are_not_lost(tmp_path: Path) -> None:
    """Right before, and right after, the sweep has taken the file away from its place."""
    blobs = FolderBlobStore(tmp_path)
    for moment in (1, 2):
        sha256 = blobs.put(ANN, b"x")
        os.utime(next(tmp_path.rglob(sha256)), (1, 1))
        calls = 0

        def named(folder: str, prefix: str, moment: int = moment) -> set[str]:
            nonlocal calls
            calls += 1
            if calls == moment:
                blobs.put(ANN, b"x")
            return set()

        sweep(tmp_path, named)
        assert blobs.get(ANN, sha256) == b"x" and calls >= 1


def test_a_sweep_that_was_killed_is_finished_by_the_next(tmp_path: Path) -> None:
    blobs = FolderBlobStore(tmp_path)
    named, unnamed = blobs.put(ANN, b"named"), blobs.put(ANN, b"unnamed")
    for sha256 in (named, unnamed):
        path = next(tmp_path.rglob(sha256))
        path.rename(path.with_name(f".swept-{sha256}"))
    age(tmp_path)
    sweep(tmp_path, lambda folder, prefix: {named})
    assert blobs.has(ANN, named)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [named]


def test_nothing_is_swept_while_a_backup_reads(tmp_path: Path) -> None:
    blobs = FolderBlobStore(tmp_path)
    sha256 = blobs.put(ANN, b"x")
    age(tmp_path)
    with blobs.hold():
        assert sweep(tmp_path, lambda folder, prefix: set()).files == 0
        blobs.delete(ANN, sha256)
        assert blobs.has(ANN, sha256)
    assert sweep(tmp_path, lambda folder, prefix: set()).files == 1
