"""Statements straight to PostgreSQL: sessions that were cut, servers that restart, statements that are interrupted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import psycopg
import pytest
from sqlalchemy import exc, text

from store.database import Database, DatabaseAway, open_database
from store.runs import SqlRunStore
from tests.support.servers import PostgresServer
from tieout.errors import InvalidInput
from tieout.model import Plan, Principal, RunRequest, StepSpec

ANN = Principal("ann", "desk")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SESSIONS = 4


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = open_database(postgres_url)
    yield database
    database.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


def ask(database: Database, number: int = 1) -> int:
    """Return the number by way of the server."""
    (row,) = database.straight("SELECT %(n)s::int", {"n": number})
    return int(row[0])


def at_once(database: Database) -> list[Any]:
    """Ask over several connections at the same moment; return answers and errors."""
    barrier = Barrier(SESSIONS)

    def one(number: int) -> Any:
        barrier.wait()
        try:
            database.straight("SELECT pg_sleep(0.05)", {})  # so that none is given back before all are taken
            return ask(database, number)
        except Exception as error:
            return error

    with ThreadPoolExecutor(SESSIONS) as pool:
        return list(pool.map(one, range(SESSIONS)))


def cut_all(url: str) -> int:
    """End every other session of the database, as an administrator or a fail-over does; return how many."""
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        return len(connection.execute(cut, [url.rsplit("/", 1)[1]]).fetchall())


def test_a_session_that_was_cut_is_replaced_unnoticed(database: Database, postgres_url: str) -> None:
    for number in range(3):
        assert ask(database, number) == number
        assert cut_all(postgres_url) >= 1
    assert ask(database) == 1


def test_all_threads_go_on_after_all_sessions_were_cut(database: Database, postgres_url: str) -> None:
    for _ in range(5):
        assert at_once(database) == list(range(SESSIONS))
        assert cut_all(postgres_url) >= SESSIONS
        assert at_once(database) == list(range(SESSIONS))


def test_steps_go_on_after_all_sessions_were_cut(database: Database, postgres_url: str) -> None:
    store = SqlRunStore(database)
    shape = Plan("toy", "1", (StepSpec("a", "x"), StepSpec("b", "x", ("a",)), StepSpec("c", "x", ("b",))))
    run = store.create_run(ANN, RunRequest("?"), shape, now=NOW)
    opened = store.ready_steps(limit=9, now=NOW)
    while opened:
        cut_all(postgres_url)
        claimed = store.claim_step(opened[0].step_id, "me", lease_s=30, now=NOW)
        assert claimed
        cut_all(postgres_url)
        opened = store.complete_step(claimed, {}, now=NOW)
    assert store.get_run(ANN, run.id).state.value == "done"
    assert [one.attempt for one in store.steps(ANN, run.id)] == [1, 1, 1]


def test_a_server_that_is_away_is_said_and_one_that_came_back_is_found(own_server: PostgresServer) -> None:
    own_server.administer("CREATE DATABASE desk")
    database = open_database(f"{own_server.url}/desk")
    store = SqlRunStore(database)
    run = store.create_run(ANN, RunRequest("?"), Plan("toy", "1", (StepSpec("a", "x"),)), now=NOW)
    (ready,) = store.ready_steps(limit=9, now=NOW)
    assert at_once(database) == list(range(SESSIONS))
    for stop in (own_server.stop, own_server.kill):
        stop()
        assert {type(answer) for answer in at_once(database)} == {DatabaseAway}
        with pytest.raises(DatabaseAway):
            store.claim_step(ready.step_id, "me", lease_s=30, now=NOW)
        own_server.start()
        assert at_once(database) == list(range(SESSIONS))
    claimed = store.claim_step(ready.step_id, "me", lease_s=30, now=NOW)
    assert claimed
    own_server.stop()
    own_server.start()
    assert store.complete_step(claimed, {}, now=NOW) == []
    assert store.get_run(ANN, run.id).state.value == "done"
    database.close()


def test_a_refused_statement_leaves_its_connection_usable(database: Database) -> None:
    with pytest.raises(InvalidInput, match="does not fit"):
        database.straight("SELECT %(n)s::text::int", {"n": "no number"})
    with pytest.raises(InvalidInput):
        database.straight("SELECT 1 / %(n)s::int", {"n": 0})
    assert len(database._straight._idle) == 1
    assert ask(database) == 1


def test_a_connection_in_the_middle_of_something_is_not_used_again(database: Database) -> None:
    with pytest.raises(exc.DBAPIError, match="produce records"):
        database.straight("BEGIN", {})  # has no rows to give
    assert ask(database) == 1
    backends = text("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
    assert database.read(lambda connection: connection.execute(backends).scalar()) == 0


def test_a_cancelled_statement_is_not_repeated(database: Database, postgres_url: str) -> None:
    """Somebody cancelled it on the server; whoever asked is to know."""
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(postgres_url, autocommit=True) as other:
        sleeping = pool.submit(database.straight, "SELECT pg_sleep(60)", {})
        while not other.execute(cancel).fetchall():
            assert not sleeping.done()
        with pytest.raises(DatabaseAway):
            sleeping.result()
    assert ask(database) == 1


def test_a_cut_in_the_middle_of_a_fresh_connections_statement_is_said(database: Database, postgres_url: str) -> None:
    with ThreadPoolExecutor(1) as pool, psycopg.connect(postgres_url, autocommit=True) as other:
        sleeping = pool.submit(database.straight, "SELECT pg_sleep(60)", {})
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        while not other.execute(cut).fetchall():
            assert not sleeping.done()
        with pytest.raises(DatabaseAway):
            sleeping.result()
    assert ask(database) == 1
