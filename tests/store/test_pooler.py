"""A real PgBouncer that lends its sessions out by the transaction."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import event

from store.database import open_database
from store.pooler import is_direct, prepare_nothing_behind_a_pooler
from store.runs import SqlRunStore
from tests.support.pgbouncer import PgBouncer
from tieout.model import Plan, Principal, RunRequest, StepSpec

ANN = Principal("ann", "desk")


@pytest.fixture
def pooler(postgres_url: str):  # type: ignore[no-untyped-def]
    with PgBouncer(postgres_url) as running:
        yield running


def test_a_pooler_is_told_from_the_server(postgres_url: str, pooler: PgBouncer) -> None:
    with psycopg.connect(postgres_url) as connection:
        assert is_direct(connection)
    with psycopg.connect(pooler.url) as connection:
        assert not is_direct(connection)


def test_many_threads_keep_runs_through_a_pooler(pooler: PgBouncer) -> None:
    database = open_database(pooler.url)
    event.listen(database.engine, "connect", prepare_nothing_behind_a_pooler)
    database.engine.dispose()  # the connection of the migration is from before
    store, failed = SqlRunStore(database), []

    def work() -> None:
        try:
            for _ in range(12):  # psycopg prepares what it executes more than five times
                plan = Plan("toy", "1", (StepSpec("a", "x"),))
                run = store.create_run(ANN, RunRequest("?"), plan, now=datetime.now(UTC))
                assert store.get_run(ANN, run.id) == run
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.close()
    assert failed == []
