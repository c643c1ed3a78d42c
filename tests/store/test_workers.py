"""The list of processes that run steps, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from store.database import Database, open_database
from store.runs import SqlRunStore
from store.workers import SqlWorkerStore
from tieout.model import Plan, Principal, RunRequest, SignOfLife, StepSpec, Worker, WorkerKind

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE = Worker("one", WorkerKind.SERVICE, "here", 7, "boot", 4, "0.1", SignOfLife.FILE, NOW, NOW)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = (
        f"sqlite:///{tmp_path / 'tieout.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    database = open_database(url)
    yield database
    database.close()


@pytest.fixture
def workers(database: Database) -> SqlWorkerStore:
    return SqlWorkerStore(database)


def test_a_process_comes_back_as_it_was_entered(workers: SqlWorkerStore) -> None:
    workers.register(ONE)
    assert workers.list_workers() == [ONE]


def test_entering_again_keeps_since_when_it_lives(workers: SqlWorkerStore) -> None:
    workers.register(ONE)
    workers.leave("one", now=NOW + MINUTE)
    workers.register(replace(ONE, liveness=SignOfLife.LEASE, started_at=NOW + 2 * MINUTE, seen_at=NOW + 2 * MINUTE))
    assert workers.list_workers() == [replace(ONE, liveness=SignOfLife.LEASE, seen_at=NOW + 2 * MINUTE)]


def test_beats_and_goodbyes_are_noted(workers: SqlWorkerStore) -> None:
    workers.register(ONE)
    assert workers.beat("one", now=NOW + MINUTE)
    assert workers.list_workers()[0].seen_at == NOW + MINUTE
    workers.leave("one", now=NOW + 2 * MINUTE)
    assert workers.list_workers()[0].stopped_at == NOW + 2 * MINUTE
    assert not workers.beat("nobody", now=NOW)


def test_those_at_work_are_listed_first_then_the_newest(workers: SqlWorkerStore) -> None:
    for number, name in enumerate(["old", "gone", "new"]):
        workers.register(replace(ONE, owner=name, started_at=NOW + number * MINUTE))
    workers.leave("gone", now=NOW + 5 * MINUTE)
    assert [worker.owner for worker in workers.list_workers()] == ["new", "old", "gone"]
    assert [worker.owner for worker in workers.list_workers(limit=1)] == ["new"]


def test_the_long_gone_are_forgotten_unless_a_step_still_names_them(
    workers: SqlWorkerStore, database: Database
) -> None:
    store, ann = SqlRunStore(database), Principal("ann", "desk")
    run = store.create_run(ann, RunRequest("?"), Plan("toy", "1", (StepSpec("a", "x", timeout_s=90),)), now=NOW)
    for name in ("silent", "stopped", "working"):
        workers.register(replace(ONE, owner=name))
    workers.leave("stopped", now=NOW)
    assert store.claim_step(store.steps(ann, run.id)[0].id, "working", lease_s=1, now=NOW)
    workers.register(replace(ONE, owner="fresh", seen_at=NOW + 2 * MINUTE))
    assert workers.forget(before=NOW + MINUTE) == 2
    assert {worker.owner for worker in workers.list_workers()} == {"working", "fresh"}


def test_the_time_left_is_that_of_the_step_that_may_run_longest(workers: SqlWorkerStore, database: Database) -> None:
    store, ann = SqlRunStore(database), Principal("ann", "desk")
    steps = (StepSpec("a", "x", timeout_s=90), StepSpec("b", "x", timeout_s=30), StepSpec("c", "x", timeout_s=900))
    run = store.create_run(ann, RunRequest("?"), Plan("toy", "1", steps), now=NOW)
    for step in store.steps(ann, run.id)[:2]:
        store.claim_step(step.id, "one", lease_s=1, now=NOW)
    assert workers.time_left_s("one", now=NOW + timedelta(seconds=20)) == 70
    assert workers.time_left_s("nobody", now=NOW) == 0
