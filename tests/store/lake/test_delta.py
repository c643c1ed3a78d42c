"""Delta tables: versions that stay, folders that cannot collide, pins, and what is left on disk."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from store.lake.delta import DeltaTables
from store.lake.schema import BARS
from tieout.errors import NotFound


def bar(ticker: str, close: float) -> pa.Table:
    """Make a table of one bar."""
    row = {"ticker": ticker, "vendor": "v", "adjustment": "none", "day": date(2024, 1, 2), "close": close}
    return pa.Table.from_pylist([row], schema=BARS)


def test_every_version_stays_readable(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    for n in range(1, 12):
        assert tables.write("w", "bars", bar("A", n), upsert=n > 1) == n
    for n in range(1, 12):
        assert tables.read("w", "bars", n)["close"].to_pylist() == [n]
    assert tables.read("w", "bars", 0).num_rows == 0
    with pytest.raises(NotFound, match="newest is bars@11"):
        tables.read("w", "bars", 12)
    with pytest.raises(NotFound, match="nothing was imported"):
        tables.read("other", "bars", 1)


def test_many_small_files_are_joined_and_old_versions_stay(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    versions = [tables.write("w", "bars", bar(f"T{n}", n)) for n in range(1, 54)]
    path = tmp_path / "w" / "bars"
    assert len(DeltaTable(str(path)).file_uris()) < 10
    assert versions == sorted(set(versions))
    assert versions[-1] == tables.version("w", "bars") == 54  # 53 writes, one of which joined the files
    for n, version in enumerate(versions, 1):
        assert tables.read("w", "bars", version).num_rows == n
    assert tables.read("w", "bars", 54, pc.field("ticker") == "T7")["close"].to_pylist() == [7]


def test_nothing_of_a_table_expires_by_itself(tmp_path: Path) -> None:
    DeltaTables(tmp_path).write("w", "bars", bar("A", 1))
    configuration = DeltaTable(str(tmp_path / "w" / "bars")).metadata().configuration
    assert configuration["delta.enableExpiredLogCleanup"] == "false"
    assert configuration["delta.logRetentionDuration"] == "interval 36500 days"


def test_workspaces_get_folders_of_their_own_inside_the_lake(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path / "lake")
    names = ["a", "A", "..", "../a", "a/b", "a~2f~b", "", ".", "Ä", "a b", "~", "~~", "con:"]
    for place, name in enumerate(names, 1):
        tables.write(name, "bars", bar("A", place))
    for place, name in enumerate(names, 1):
        assert tables.read(name, "bars", 1)["close"].to_pylist() == [place]
    assert len(list((tmp_path / "lake").iterdir())) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


def test_cited_versions_are_pinned(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path)
    tables.pin("w", "bars", [1, 3])
    tables.pin("w", "bars", [3])
    assert sorted(path.name for path in (tmp_path / "w" / "pins").iterdir()) == ["bars@1", "bars@3"]


def test_asking_creates_nothing(tmp_path: Path) -> None:
    tables = DeltaTables(tmp_path / "lake")
    assert tables.version("w", "bars") == 0
    assert tables.read("w", "bars", 0).num_rows == 0
    assert list(tmp_path.iterdir()) == []
