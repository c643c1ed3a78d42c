"""Who may call which use case."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.desk import ADMIN, MEMBER, VIEWER
from tieout.application import Application
from tieout.errors import PermissionDenied
from tieout.model import RunRequest


def test_viewers_only_read_and_members_do_not_remove(desk: Application, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("Revenue rose.")
    refused = [
        lambda: desk.start_run(VIEWER, RunRequest("How much?")),
        lambda: desk.ingest(VIEWER, [note]),
        lambda: desk.reindex(VIEWER),
        lambda: desk.import_bars(VIEWER, note),
        lambda: desk.preview_bars(VIEWER, note),
        lambda: desk.check(VIEWER, "It was 42.", documents=[note]),
        lambda: desk.cancel(VIEWER, "run_1"),
        lambda: desk.resume(VIEWER, "run_1"),
        lambda: desk.remove_document(MEMBER, "note.txt"),
    ]
    for act in refused:
        with pytest.raises(PermissionDenied):
            act()
    desk.ingest(MEMBER, [note])
    assert desk.remove_document(ADMIN, "note").name == "note.txt"
