"""The data folder's lock and runtime file: one owner at a time, found by the others, gone with its process."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tieout.errors import FolderLocked, InvalidInput, NotAvailable
from tieout.files import safe_name, write_atomically
from tieout.runtime import (
    RUNTIME_FILE,
    FolderLock,
    Runtime,
    acquire,
    acquire_or_find,
    check_folder,
    published,
    read_runtime,
    write_runtime,
)

HERE = Runtime("http://127.0.0.1:1", "token-1", os.getpid(), "2026-01-01T00:00:00+00:00")
ROOT = Path(__file__).parents[2]


def test_a_second_owner_is_refused_with_the_first_ones_pid(tmp_path: Path) -> None:
    first = acquire(tmp_path / "home")
    with pytest.raises(FolderLocked, match=str(os.getpid())):
        acquire(tmp_path / "home")
    first.release()
    acquire(tmp_path / "home").release()


def test_the_folder_and_its_runtime_file_are_private(tmp_path: Path) -> None:
    lock = acquire(tmp_path / "home")
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    with published(tmp_path / "home", HERE):
        assert stat.S_IMODE((tmp_path / "home" / RUNTIME_FILE).stat().st_mode) == 0o600
        assert read_runtime(tmp_path / "home") == HERE
    assert read_runtime(tmp_path / "home") is None
    lock.release()


def test_the_owners_service_is_found_and_its_token_is_not_shown(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    with published(tmp_path, HERE):
        assert acquire_or_find(tmp_path) == HERE
    assert "token-1" not in repr(HERE)
    with pytest.raises(FolderLocked):
        acquire_or_find(tmp_path, timeout_s=0.1)
    lock.release()


def test_a_runtime_file_without_an_owner_is_stale_and_removed(tmp_path: Path) -> None:
    write_runtime(tmp_path, HERE)
    lock = acquire_or_find(tmp_path)
    assert isinstance(lock, FolderLock)
    assert read_runtime(tmp_path) is None
    lock.release()


def test_a_runtime_file_of_another_process_than_the_owner_is_not_believed(tmp_path: Path) -> None:
    lock = acquire(tmp_path)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write_runtime(tmp_path, Runtime(HERE.url, HERE.token, dead.pid, HERE.started_at))
    with pytest.raises(FolderLocked):
        acquire_or_find(tmp_path, timeout_s=0.1)
    lock.release()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 1}', '{"url": "u", "token": "t", "pid": "x"}', "\x00"])
def test_a_runtime_file_that_makes_no_sense_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / RUNTIME_FILE).write_text(text)
    assert read_runtime(tmp_path) is None


def test_a_killed_owner_leaves_the_folder_free(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from tieout.runtime import acquire\n"
        "lock = acquire(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    with pytest.raises(FolderLocked, match=str(owner.pid)):
        acquire(tmp_path)
    owner.kill()
    owner.communicate()
    acquire(tmp_path, timeout_s=10).release()


def test_a_place_that_is_no_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotAvailable, match="is a file"):
        check_folder(tmp_path / "file")
    with pytest.raises(NotAvailable, match="Cannot write"):
        acquire(tmp_path / "file" / "home")


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "a.txt"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"two"
    assert [file.name for file in path.parent.iterdir()] == ["a.txt"]


def test_a_full_disk_is_told_as_such() -> None:
    import errno

    from tieout.errors import StorageFull
    from tieout.files import storage_error

    assert isinstance(storage_error(OSError(errno.ENOSPC, "full"), Path("/x/y")), StorageFull)
    assert isinstance(storage_error(OSError(errno.EACCES, "no"), Path("/x/y")), NotAvailable)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "/a", "a\\b", ".hidden", "a\nb", "a\x00b"])
def test_a_name_from_outside_never_leaves_its_folder(name: str) -> None:
    with pytest.raises(InvalidInput):
        safe_name(name)
    assert safe_name("report.md") == "report.md"
