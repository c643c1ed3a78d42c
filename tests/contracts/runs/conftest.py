"""Gives the suites of the run store each of its implementations, and audits what a test leaves behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database, open_database, open_in_memory
from store.runs import SqlRunStore
from tests.support.run_audit import check_records
from tieout.ports import RunStore


@pytest.fixture(params=["memory", "general", "sqlite", "postgres"])
def run_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield a database of each kind; afterwards all of its records must fit each other."""
    if request.param in ("memory", "general"):
        database = open_in_memory()
    elif request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path / 'tieout.db'}")
    else:
        database = open_database(request.getfixturevalue("postgres_url"))
    try:
        yield database
        check_records(database)
    finally:
        database.close()


@pytest.fixture
def store(run_database: Database, request: pytest.FixtureRequest) -> RunStore:
    """Return a run store over it; `general` is the one without the quick way."""
    return SqlRunStore(run_database, quick=request.node.callspec.params["run_database"] != "general")


@pytest.fixture(params=["sqlite", "postgres"])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Yield a database that several stores may use at once: races are real on these two."""
    path = f"sqlite:///{tmp_path / 'tieout.db'}"
    database = open_database(path if request.param == "sqlite" else request.getfixturevalue("postgres_url"))
    try:
        yield database
        check_records(database)
    finally:
        database.close()
