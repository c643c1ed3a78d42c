"""The processes of the installation are for admins to see, here and over HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.database import open_database
from store.workers import SqlWorkerStore
from tests.support.desk import ADMIN, MEMBER, VIEWER
from tests.support.service import TOKEN, running
from tieout.application import Application
from tieout.client import HttpDesk
from tieout.errors import NotAvailable, PermissionDenied
from tieout.model import SignOfLife, Worker, WorkerKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = Worker("one", WorkerKind.WORKER, "here", 7, "boot", 4, "1", SignOfLife.LOCK, NOW, NOW)


@pytest.fixture
def listing(desk: Application, tmp_path: Path):  # type: ignore[no-untyped-def]
    database = open_database(f"sqlite:///{tmp_path / 'workers.db'}")
    store = SqlWorkerStore(database)
    store.register(ONE)
    yield replace(desk, worker_store=store)
    database.close()


def test_admins_see_the_processes_and_others_do_not(listing: Application) -> None:
    assert listing.workers(ADMIN) == [ONE]
    for principal in (MEMBER, VIEWER):
        with pytest.raises(PermissionDenied, match="processes of this installation"):
            listing.workers(principal)


def test_the_list_is_the_same_over_http(listing: Application, tmp_path: Path) -> None:
    with running(listing) as service, HttpDesk(service.url, TOKEN, reports=tmp_path) as client:
        assert client.workers(ADMIN) == [ONE]


def test_a_desk_without_a_list_says_so(desk: Application) -> None:
    with pytest.raises(NotAvailable):
        desk.workers(ADMIN)


def test_a_process_is_at_work_until_it_is_silent_for_long_or_says_goodbye() -> None:
    assert ONE.state(NOW + timedelta(seconds=20)) == "at work"
    assert ONE.state(NOW + timedelta(minutes=1)) == "silent"
    assert replace(ONE, stopped_at=NOW).state(NOW) == "stopped"
