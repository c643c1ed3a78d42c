"""Finding files, and reading them in processes of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.ingest.files import find_files, printable
from pipelines.ingest.parsed import ParsedFile, from_json, parse, to_json
from pipelines.ingest.pool import ReaderPool
from tieout.errors import InvalidInput, RefusedFile


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
