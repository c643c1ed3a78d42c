"""Documents are added, searched and named; texts of others are tied out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.desk import MEMBER, VIEWER
from tieout.application import Application, find_document
from tieout.errors import InvalidInput, NeedsAnswer, NotFound, TieoutError


def test_a_path_that_is_no_file_or_folder_is_refused_before_anything_is_read(desk: Application, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for paths in ([tmp_path / "missing.pdf"], [tmp_path / "empty"], [Path("/dev/null")]):
        with pytest.raises(InvalidInput):
            desk.ingest(MEMBER, paths)


def test_search_is_narrowed_to_a_named_document(desk: Application, tmp_path: Path) -> None:
    for name in ("first.txt", "second.txt"):
        (tmp_path / name).write_text("Revenue rose.")
    desk.ingest(MEMBER, [tmp_path / "first.txt", tmp_path / "second.txt"])
    assert len(desk.search(VIEWER, "revenue")) == 2
    assert [hit.span.document for hit in desk.search(VIEWER, "revenue", document="second")] == ["second"]
    with pytest.raises(NotFound, match=r"second\.txt"):
        desk.search(VIEWER, "revenue", document="secnd.txt")
    for limit in (0, -1, 10_000):
        with pytest.raises(InvalidInput):
            desk.search(VIEWER, "revenue", limit=limit)


def test_an_ambiguous_document_is_asked_back(desk: Application, tmp_path: Path) -> None:
    for name in ("note.txt", "note.md"):
        (tmp_path / name).write_text("Revenue rose.")
    desk.ingest(MEMBER, [tmp_path / "note.txt", tmp_path / "note.md"])
    with pytest.raises(NeedsAnswer, match=r"note\.md"):
        find_document(desk.documents(MEMBER), "note")


def test_a_check_resolves_its_tickers_and_refuses_an_empty_text(desk: Application) -> None:
    checked = desk.check(VIEWER, "It was 42 then", tickers=["apple inc."])
    assert (checked["ledger"]["open"], checked["tickers"]) == (1, ["AAPL"])
    for text, tickers in ((" ", []), ("It was 42", ["QQXZ"]), ("It was 42", ["\udce9"]), ("42 \udce9", [])):
        with pytest.raises(TieoutError):
            desk.check(VIEWER, text, tickers=tickers)
