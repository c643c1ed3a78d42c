"""One suite for every BlobStore."""

import hashlib
from pathlib import Path

import pytest

from store.blobs import FolderBlobStore, MemoryBlobStore
from tieout.errors import NotAvailable, NotFound
from tieout.model import Principal
from tieout.ports import BlobStore

ANN = Principal("ann", "desk")


@pytest.fixture(params=["memory", "folder"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    return MemoryBlobStore() if request.param == "memory" else FolderBlobStore(tmp_path / "blobs")


def test_bytes_come_back_under_their_hash(blobs: BlobStore) -> None:
    for data in (b"", b"hello", bytes(range(256)) * 1000):
        sha256 = blobs.put(ANN, data)
        assert sha256 == hashlib.sha256(data).hexdigest()
        assert blobs.get(ANN, sha256) == data


def test_putting_twice_is_the_same_as_once(blobs: BlobStore) -> None:
    assert blobs.put(ANN, b"x") == blobs.put(ANN, b"x")


def test_deleted_bytes_are_gone_and_deleting_again_is_quiet(blobs: BlobStore) -> None:
    sha256 = blobs.put(ANN, b"x")
    blobs.delete(ANN, sha256)
    blobs.delete(ANN, sha256)
    with pytest.raises(NotFound):
        blobs.get(ANN, sha256)


def test_whether_bytes_are_there_is_told_without_reading_them(blobs: BlobStore) -> None:
    sha256 = blobs.put(ANN, b"x")
    assert blobs.has(ANN, sha256)
    assert not blobs.has(Principal("bob", "other"), sha256) and not blobs.has(ANN, "0" * 64)


@pytest.mark.parametrize("workspace", ["other", "..", "a/b", "DESK", "", "d\0"])
def test_another_workspace_has_its_own_bytes(blobs: BlobStore, workspace: str) -> None:
    other = Principal("bob", workspace)
    sha256 = blobs.put(ANN, b"x")
    with pytest.raises(NotFound):
        blobs.get(other, sha256)
    assert blobs.put(other, b"x") == sha256
    blobs.delete(ANN, sha256)
    assert blobs.get(other, sha256) == b"x"


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "A" * 64, "0" * 63, "/" + "0" * 63])
def test_a_name_that_is_no_hash_is_not_found(blobs: BlobStore, name: str) -> None:
    with pytest.raises(NotFound):
        blobs.get(ANN, name)


def test_files_stay_inside_the_folder_and_no_temporary_one_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "blobs"
    FolderBlobStore(folder).put(Principal("bob", "../../escape"), b"x")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 1 and files[0].is_relative_to(folder) and len(files[0].name) == 64


def test_damaged_bytes_are_never_returned(tmp_path: Path) -> None:
    blobs = FolderBlobStore(tmp_path)
    sha256 = blobs.put(ANN, b"x")
    next(path for path in tmp_path.rglob(sha256)).write_bytes(b"y")
    with pytest.raises(NotAvailable, match="damaged"):
        blobs.get(ANN, sha256)
