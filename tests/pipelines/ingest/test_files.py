"""Finding files, and reading them in processes of their own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.ingest.files import find_files, printable
from pipelines.ingest.parsed import ParsedFile, from_json, parse, to_json
from pipelines.ingest.pool import ReaderPool, read_apart
from pipelines.ingest.worker import MOST_MEMORY
from tieout.errors import InvalidInput, RefusedFile

ROOT = Path(__file__).parents[3]


def test_a_folder_gives_its_known_files_sorted_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.md", "a.txt", "c.bin", ".hidden.txt", "sub/d.html", ".git/e.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert [file.name for file in find_files([tmp_path])] == ["a.txt", "b.md", "d.html"]


def test_an_empty_folder_and_a_missing_path_are_invalid(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no document in"):
        find_files([tmp_path])
    with pytest.raises(InvalidInput, match="no file or folder"):
        find_files([tmp_path / "gone"])
    with pytest.raises(InvalidInput):
        find_files([])


def test_two_files_of_one_name_both_get_in_and_one_file_named_twice_counts_once(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.md").write_text(folder)
    found = find_files([tmp_path, tmp_path / "a" / "x.md"])
    assert [file.name for file in found] == ["x.md", "x (2).md"]


def test_names_are_shown_escaped() -> None:
    assert printable("a\n\x1b[31m\u202e.pdf") == "a\\n\\x1b[31m\\u202e.pdf"
    assert "/" not in printable(Path("../../etc/passwd").name)


def test_a_parsed_file_survives_its_trip_as_json(make_pdf: Callable[..., bytes]) -> None:
    parsed = parse("a.pdf", make_pdf([["FORM 10-K", "For the fiscal year ended June 30, 2022", "Sales 1,234 2,345"]]))
    assert from_json(to_json(parsed)) == parsed


@pytest.mark.parametrize("workers", [0, 2])
def test_files_are_read_in_order_and_refusals_are_answers(workers: int, make_pdf: Callable[..., bytes]) -> None:
    files = [
        ("1", "a.pdf", make_pdf([["one"]])),
        ("2", "b.pdf", b"broken"),
        ("3", "c.txt", b"three"),
        ("4", "d.md", b"4"),
    ]
    with ReaderPool(workers) as pool:
        results = list(pool.read_all(files))
    assert [key for key, _ in results] == ["1", "2", "3", "4"]
    assert isinstance(results[1][1], RefusedFile)
    texts = [found.file.pages[0].text for _, found in results if isinstance(found, ParsedFile)]
    assert texts == ["one", "three", "4"]


def test_a_file_that_takes_too_long_is_refused_and_the_next_is_read_by_a_new_process() -> None:
    with ReaderPool(1, timeout_s=0.001) as pool:
        (_, late), (_, later) = pool.read_all([(1, "a.txt", b"x"), (2, "b.txt", b"y")])
    assert isinstance(late, RefusedFile) and "took longer" in late.message
    assert isinstance(later, RefusedFile)


def test_one_file_is_read_apart_and_refused_as_in_a_pool(make_pdf: Callable[..., bytes]) -> None:
    assert [page.text for page in read_apart("a.pdf", make_pdf([["one"], ["two"]])).pages] == ["one", "two"]
    with pytest.raises(RefusedFile, match="broken"):
        read_apart("b.pdf", b"broken")
    with pytest.raises(RefusedFile, match="took longer"):
        read_apart("c.txt", b"x", timeout_s=0.001)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at a process's limits and environment in /proc")
def test_a_reading_process_has_bounded_memory_and_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIEOUT_MODEL_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with ReaderPool(1) as pool:
        assert isinstance(pool.read("a.txt", b"x"), ParsedFile)
        process = Path(f"/proc/{pool._started[0]._process.pid}")  # type: ignore[union-attr]
        assert b"sk-secret" not in (process / "environ").read_bytes()
        limits = (process / "limits").read_text()
    (space,) = [line.split()[3] for line in limits.splitlines() if line.startswith("Max address space")]
    assert space == str(MOST_MEMORY)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems bound no process's address space")
def test_a_file_that_needs_too_much_memory_is_refused_and_the_reader_lives_on() -> None:
    """The limit is small here; what asks for more than that gets a MemoryError, not the machine's last page."""
    code = "from pipelines.ingest.worker import limit_memory\nlimit_memory(2**29)\ntry:\n b'x' * 2**30\n"
    code += "except MemoryError:\n print('refused')"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "refused\n"
