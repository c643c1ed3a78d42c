"""A backup taken under load is one consistent set, whichever database it comes from."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import inspect

import store.backup.take as taking
from store.all_tables import all_tables
from store.audit import audit
from store.backup.restore import restore
from store.backup.verify import verify
from store.blob_holds import LIFETIME_S, Holds
from tests.support.stored import ANN, BOB, Data, repeating
from tieout.errors import InvalidInput, NotAvailable, NotFound
from tieout.model import SeriesKey


def rows_of(data: Data) -> dict[str, set[tuple[str, ...]]]:
    """Return every row as its database shows it, by table."""

    def work(connection: object) -> dict[str, set[tuple[str, ...]]]:
        return {
            table.name: {tuple(map(repr, row)) for row in connection.execute(table.select())}  # type: ignore[attr-defined]
            for table in all_tables()
        }

    return data.database.read(work)


def fill(data: Data) -> None:
    """Put something of everything into the desk, of two workspaces."""
    data.submit(3)
    data.submit(2, BOB)
    data.work(4)
    data.claim("gone")
    data.document("one.txt")
    data.document("two.txt", BOB)
    data.prices("AAA", 5)
    data.prices("BBB", 9)


def test_every_table_of_the_schema_is_known(data: Data) -> None:
    there = set(inspect(data.database.engine).get_table_names()) - {"alembic_version"}
    assert there == {table.name for table in all_tables()}


@pytest.mark.parametrize("source", ["sqlite", "postgres"])
@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_everything_comes_back_on_the_same_and_on_the_other_database(
    request: pytest.FixtureRequest, new_data: Callable[..., Data], tmp_path: Path, source: str, target: str
) -> None:
    data = new_data("home", request.getfixturevalue("postgres_url") if source == "postgres" else None)
    fill(data)
    made = data.backups.take(tmp_path / "desk.tar.gz")
    before, versions = rows_of(data), [data.lake.snapshot(ANN, name) for name in ("bars", "figures")]

    url = request.getfixturevalue("empty_postgres") if target == "postgres" else None
    restored = restore(tmp_path / "desk.tar.gz", tmp_path / "new", url)

    assert restored.findings == [] and restored.workspaces == ("Other.Workspace", "desk")
    again = new_data("new", url)
    assert rows_of(again) == before
    assert made.counts["runs"] == 5 and made.counts["originals files"] == 2
    assert [again.lake.snapshot(ANN, name) for name in ("bars", "figures")] == versions
    key = SeriesKey("BBB", "v", "none")
    assert again.lake.bars(ANN, key).equals(data.lake.bars(ANN, key))
    assert audit(again.database, artifacts=again.artifacts, originals=again.originals) == []


def test_a_backup_under_load_is_one_moment_and_its_runs_go_on(
    data: Data, new_data: Callable[..., Data], tmp_path: Path
) -> None:
    """While runs come and go, documents are added and removed and prices imported, each backup is whole."""
    fill(data)
    numbers, tickers = count(), (f"T{number}" for number in count())
    # Written in threads of their own; a removed document takes its file with it, unless a backup holds it.
    acts = (
        lambda: data.submit(2),
        lambda: data.work(5, "one"),
        lambda: data.work(5, "two"),
        lambda: data.remove(data.document(f"{next(numbers)}.txt")),
        lambda: data.prices(next(tickers), 3),
    )
    with repeating(*acts):
        for number in range(3):
            data.backups.take(tmp_path / f"{number}.tar.gz")

    for number in range(3):
        source = tmp_path / f"{number}.tar.gz"
        assert verify(source)[1] == []
        restored = restore(source, tmp_path / f"new{number}")
        assert restored.findings == []
        again = new_data(f"new{number}")
        assert len(again.states()) + len(again.states(BOB)) == restored.backup.counts["runs"]
        assert set(again.states()) <= set(data.states())
        for found in again.content.list_documents(ANN):
            assert again.originals.has(ANN, found.sha256)
        for series in again.lake.series(ANN):
            assert again.lake.bars(ANN, series.key).equals(data.lake.bars(ANN, series.key))
        again.finish_all()
        assert {state.value for state in (again.states() | again.states(BOB)).values()} == {"done"}
        assert audit(again.database, artifacts=again.artifacts, originals=again.originals) == []


def test_runs_can_be_submitted_and_done_while_a_backup_is_under_way(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of reading the records, and not seen by it."""
    data.submit(2)
    seen: list[str] = []
    write = taking.write_records

    def during(connection: object, add: Callable[[str, bytes], None]) -> dict[str, int]:
        found = write(connection, add)  # type: ignore[arg-type]
        seen.extend(data.submit(1))
        assert data.work(20) > 0
        return found

    monkeypatch.setattr(taking, "write_records", during)
    made = data.backups.take(tmp_path / "x.tar.gz")
    assert seen and made.counts["runs"] == 2 and made.counts["attempts"] == 0
    assert verify(tmp_path / "x.tar.gz")[1] == []


def test_a_document_removed_during_a_backup_keeps_its_file_until_it_was_read(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = data.document("one.txt")
    os.utime(next((data.folder / "originals").rglob(found.sha256)), (1, 1))  # put long ago
    write = taking.write_records

    def during(connection: object, add: Callable[[str, bytes], None]) -> dict[str, int]:
        counts = write(connection, add)  # type: ignore[arg-type]
        data.remove(found)
        assert data.originals.has(ANN, found.sha256)
        return counts

    monkeypatch.setattr(taking, "write_records", during)
    made = data.backups.take(tmp_path / "x.tar.gz")
    assert made.counts["documents"] == 1 and made.counts["originals files"] == 1
    assert not data.originals.has(ANN, found.sha256)  # it was to go, and now it may
    assert verify(tmp_path / "x.tar.gz")[1] == []


def test_a_file_that_is_missing_fails_the_backup_loudly_and_leaves_nothing(data: Data, tmp_path: Path) -> None:
    fill(data)
    found = data.document("lost.txt")
    data.originals.delete(ANN, found.sha256)
    (tmp_path / "out").mkdir()
    with pytest.raises(NotAvailable, match="originals of workspace desk"):
        data.backups.take(tmp_path / "out" / "x.tar.gz")
    assert list((tmp_path / "out").iterdir()) == []
    assert [finding.rule for finding in data.backups.audit()] == ["original"]
    assert not Holds(data.folder / "originals").any()


def test_a_damaged_file_fails_the_backup(data: Data, tmp_path: Path) -> None:
    found = data.document("one.txt")
    next((data.folder / "originals").rglob(found.sha256)).write_bytes(b"other")
    with pytest.raises(NotAvailable, match="damaged"):
        data.backups.take(tmp_path / "x.tar.gz")


def test_what_a_price_import_has_not_committed_is_not_taken(data: Data, tmp_path: Path) -> None:
    data.prices("AAA", 5)
    bars = next((data.folder / "lake").glob("*/bars"))
    (bars / "part-00000-of-a-killed-import.parquet").write_bytes(b"torn")
    (bars / "_delta_log" / "_commit_5f.json.tmp").write_bytes(b"torn")
    data.backups.take(tmp_path / "x.tar.gz")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        names = [name for name in tar.getnames() if name.startswith("lake/")]
    assert len(names) == 3 and not any("killed" in name or "tmp" in name for name in names)


def test_a_lake_whose_history_has_a_gap_fails_the_backup(data: Data, tmp_path: Path) -> None:
    data.prices("AAA", 5)
    data.prices("BBB", 5)
    next((data.folder / "lake").glob("*/bars/_delta_log/*1.json")).unlink()
    with pytest.raises(NotAvailable, match="history is not whole"):
        data.backups.take(tmp_path / "x.tar.gz")


def test_a_folder_gets_a_file_with_a_name_of_its_own(data: Data, tmp_path: Path) -> None:
    names = {Path(data.backups.take(tmp_path).path).name for _ in range(2)}
    assert len(names) == 2 and all(name.startswith("tieout-2") for name in names)
    with pytest.raises(InvalidInput):
        data.backups.take(tmp_path / "none" / "x.tar.gz")


def test_a_hold_runs_out_when_nobody_renews_it(data: Data) -> None:
    clock = [1000.0]
    holds = Holds(data.folder / "originals", lambda: clock[0])
    with holds.hold() as renew:
        assert holds.any()
        for _ in range(3):
            clock[0] += LIFETIME_S - 1
            renew()
            assert holds.any()
        clock[0] += LIFETIME_S + 1
        assert not holds.any()
        with pytest.raises(NotAvailable, match="held up"):
            renew()
    assert not holds.any()


def test_a_backup_that_is_not_there_cannot_be_verified(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        verify(tmp_path / "none.tar.gz")
