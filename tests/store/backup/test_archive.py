"""An archive is either whole and ours, or refused; what fails leaves nothing."""

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.backup.archive import ArchiveWriter, check_archive, read_archive
from tieout.errors import InvalidInput, NotAvailable, NotFound, RefusedFile

MEMBERS = {"sql/schema.json": b"{}", "artifacts/~desk/" + "a" * 64: bytes(range(256)) * 50, "lake/desk/x.json": b""}


def make(path: Path, members: dict[str, bytes] = MEMBERS) -> Path:
    with ArchiveWriter(path) as archive:
        for name, data in members.items():
            archive.add(name, data)
        archive.complete({"revision": "0001"})
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("archive") / "whole.tar.gz")


def evil(path: Path, *members: tarfile.TarInfo) -> Path:
    """Return an archive with given members, whose checksums nobody made."""
    with gzip.open(path, "wb") as file, tarfile.open(fileobj=file, mode="w|") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def test_members_come_back_in_order_with_their_bytes(whole: Path) -> None:
    assert {name: file.read() for name, file in read_archive(whole)} == MEMBERS
    assert check_archive(whole)["revision"] == "0001"


def test_what_is_not_read_is_checked_all_the_same(whole: Path) -> None:
    assert [name for name, _ in read_archive(whole)] == list(MEMBERS)


def test_anybody_can_unpack_it_and_compare_the_checksums_with_plain_tools(whole: Path, tmp_path: Path) -> None:
    subprocess.run(["tar", "xzf", whole], cwd=tmp_path, check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", "members.sha256"], cwd=tmp_path, check=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_never_taken_for_a_backup(whole: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(whole.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    flipped = tmp_path / "flipped.tar.gz"
    flipped.write_bytes(content)
    try:
        check_archive(flipped)
    except RefusedFile:
        return
    # Gzip has bits that say nothing about the content: a time, an operating system, padding.
    assert {name: file.read() for name, file in read_archive(flipped)} == MEMBERS


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.7, 0.95, 0.999])
def test_a_truncated_archive_is_refused(whole: Path, tmp_path: Path, part: float) -> None:
    content = whole.read_bytes()
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(RefusedFile):
        check_archive(torn)


def test_an_archive_whose_end_was_cut_off_between_members_is_refused(whole: Path, tmp_path: Path) -> None:
    plain = gzip.decompress(whole.read_bytes())
    end = plain.index(b"members.sha256")
    torn = tmp_path / "torn.tar.gz"
    torn.write_bytes(gzip.compress(plain[:end] + b"\0" * 1024))
    with pytest.raises(RefusedFile, match="end is missing"):
        check_archive(torn)


def test_a_changed_member_is_refused_though_the_container_is_whole(whole: Path, tmp_path: Path) -> None:
    plain = gzip.decompress(whole.read_bytes())
    changed = tmp_path / "changed.tar.gz"
    changed.write_bytes(gzip.compress(plain.replace(bytes(range(256)), bytes(range(255)) + b"!", 1)))
    with pytest.raises(RefusedFile, match="checksums"):
        check_archive(changed)


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", "a//b", ".hidden", "a/.b", "a\\b", "a\nb"])
def test_a_name_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = 1
    with pytest.raises(RefusedFile):
        check_archive(evil(tmp_path / "evil.tar.gz", member))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("artifacts")
    member.type, member.linkname = kind, "/etc"
    with pytest.raises(RefusedFile):
        check_archive(evil(tmp_path / "evil.tar.gz", member))


def test_another_file_is_refused_and_a_missing_one_not_found(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no archive")
    with pytest.raises(RefusedFile):
        check_archive(other)
    with pytest.raises(NotFound):
        check_archive(tmp_path / "none.tar.gz")


def test_a_format_of_the_future_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "future.tar.gz"
    with ArchiveWriter(path) as archive:
        archive.complete({"format": 99})
    with pytest.raises(RefusedFile, match="newer"):
        check_archive(path)


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), ArchiveWriter(tmp_path / "x.tar.gz") as archive:
        archive.add("sql/schema.json", b"x" * 1_000_000)
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_backup_replaces_nothing_and_needs_its_folder(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there already"):
        ArchiveWriter(whole)
    with pytest.raises(InvalidInput, match="no folder"):
        ArchiveWriter(tmp_path / "none" / "x.tar.gz")


def test_a_member_that_shrinks_while_it_is_read_fails_the_backup(tmp_path: Path) -> None:
    with pytest.raises(NotAvailable), ArchiveWriter(tmp_path / "x.tar.gz") as archive:
        archive.add_file("lake/x", io.BytesIO(b"short"), 100)
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_may_read_a_backup(whole: Path) -> None:
    assert whole.stat().st_mode & 0o077 == 0
