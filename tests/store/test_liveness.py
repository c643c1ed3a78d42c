"""PostgreSQL's session locks as signs of life: cut sessions, a restarted server, a pooler in front."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import psycopg
import pytest

from store.database import Database, open_database
from store.liveness import PostgresLiveness
from store.liveness_session import lock_key
from store.workers import SqlWorkerStore
from tests.support.command import until
from tests.support.pgbouncer import PgBouncer
from tests.support.servers import PostgresServer
from tieout.errors import NotAvailable
from tieout.model import SignOfLife, Worker, WorkerKind


def described(owner: str) -> Worker:
    now = datetime(2020, 1, 1, tzinfo=UTC)
    return Worker(owner, WorkerKind.WORKER, "here", 7, "boot", 4, "1", SignOfLife.LOCK, now, now)


class Site:
    """A database with processes' worth of liveness objects."""

    def __init__(self, url: str, opened: ExitStack) -> None:
        self.url, self.opened = url, opened
        self.database = self.open(url)
        self.workers = SqlWorkerStore(self.database)

    def open(self, url: str) -> Database:
        database = open_database(url)
        self.opened.callback(database.close)
        return database

    def process(self, *owners: str, url: str = "", clock: Callable[[], float] = time.monotonic) -> PostgresLiveness:
        liveness = PostgresLiveness(self.open(url or self.url), described, clock=clock)
        for owner in owners:
            liveness.hold(owner)
            self.opened.callback(liveness.release, owner)
        return liveness

    def sessions(self, owner: str) -> list[int]:
        """Return the server's process numbers of the owner's lock."""
        key = lock_key(owner) & 0xFFFF_FFFF_FFFF_FFFF
        query = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND objid = %s"
        with psycopg.connect(self.url, autocommit=True) as connection:
            return [pid for (pid,) in connection.execute(query, [key >> 32, key & 0xFFFF_FFFF]).fetchall()]

    def cut(self, owner: str) -> None:
        for pid in self.sessions(owner):
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute("SELECT pg_terminate_backend(%s)", [pid])

    def cut_all(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def row(self, owner: str) -> Worker:
        return next(worker for worker in self.workers.list_workers() if worker.owner == owner)


@pytest.fixture
def site(postgres_url: str) -> Iterator[Site]:
    with ExitStack() as opened:
        yield Site(postgres_url, opened)


def test_the_row_says_since_when_and_how_an_owner_shows_life_by_the_servers_clock(site: Site) -> None:
    mine = site.process("me")
    row = site.row("me")
    assert row.liveness is SignOfLife.LOCK
    assert mine.shown_by("me") is SignOfLife.LOCK
    assert row.started_at.year >= 2026
    assert row.stopped_at is None
    mine.release("me")
    assert site.row("me").stopped_at is not None
    assert site.sessions("me") == []


def test_the_row_beats(site: Site) -> None:
    site.process("me")
    first = site.row("me").seen_at
    until(lambda: site.row("me").seen_at > first)


def test_a_row_that_somebody_removed_comes_back(site: Site) -> None:
    site.process("me")
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("DELETE FROM workers")
    until(lambda: bool(site.workers.list_workers()))


def test_a_cut_session_is_replaced_and_its_process_never_called_dead(site: Site) -> None:
    """Another looks all the time while the session is cut again and again."""
    site.process("me")
    watcher = site.process("watcher")
    verdicts: set[bool] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.02):
            verdicts.add(watcher.alive("me"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(5):
            before = site.sessions("me")
            site.cut("me")
            until(lambda gone=before: set(site.sessions("me")) - set(gone))  # type: ignore[misc]
    finally:
        ended.set()
        looking.join()
    assert verdicts == {True}


def test_when_all_sessions_are_cut_nobody_is_called_dead(site: Site) -> None:
    names = [f"process {number}" for number in range(4)]
    processes = [site.process(name) for name in names]
    for _ in range(5):
        site.cut_all()
        for process in processes:
            assert process.alive_many(names) == set(names)
    until(lambda: all(site.sessions(name) for name in names))


def test_a_missing_lock_of_the_dead_is_told_though_the_lock_of_another_database_is_alike(
    site: Site, postgres_cluster: PostgresServer
) -> None:
    with psycopg.connect(f"{postgres_cluster.url}/postgres", autocommit=True) as elsewhere:
        elsewhere.execute("SELECT pg_advisory_lock(%s)", [lock_key("gone")])
        mine = site.process("me")
        site.workers.register(described("gone"))  # a row that says `lock`, of a process that is no more
        until(lambda: not mine.alive("gone"))  # not at once: the server may just have started


def test_an_owner_without_a_row_is_not_called_dead(site: Site) -> None:
    assert site.process("me").alive_many(["of an older version", "me"]) == {"of an older version", "me"}


def test_long_gone_processes_leave_the_list(site: Site) -> None:
    site.workers.register(described("gone"))
    site.process("me")
    assert [worker.owner for worker in site.workers.list_workers()] == ["me"]


def test_a_server_that_restarts_ends_nobodys_life() -> None:
    with PostgresServer() as server, ExitStack() as opened:
        server.administer("CREATE DATABASE tieout")
        site = Site(f"{server.url}/tieout", opened)
        one, two = site.process("one"), site.process("two")
        server.kill()
        assert one.alive_many(["one", "two"]) == {"one", "two"}  # nobody can be asked, so nobody is dead
        server.start()
        for liveness in (one, two):
            assert liveness.alive_many(["one", "two"]) == {"one", "two"}
        until(lambda: bool(site.sessions("one") and site.sessions("two")))
        assert one.alive_many(["one", "two"]) == {"one", "two"}


def test_without_a_server_no_life_can_be_shown(postgres_url: str) -> None:
    database = open_database(postgres_url)
    liveness = PostgresLiveness(database, described)
    database.engine.url = database.engine.url.set(port=1)
    with pytest.raises(NotAvailable, match="sign of life"):
        liveness.hold("me")
    database.close()


def test_behind_a_pooler_leases_alone_tell(site: Site) -> None:
    with PgBouncer(site.url) as pooler:
        pooled = site.process("pooled", url=pooler.url)
        assert pooled.shown_by("pooled") is SignOfLife.LEASE
        assert site.row("pooled").liveness is SignOfLife.LEASE
        assert site.sessions("pooled") == []  # no lock is left in a session that others get, too
        direct = site.process("direct")
        for _ in range(3):
            assert direct.alive_many(["pooled"]) == {"pooled"}
            assert pooled.alive_many(["direct", "pooled"]) == {"direct", "pooled"}
        first = site.row("pooled").seen_at
        until(lambda: site.row("pooled").seen_at > first)
        pooled.release("pooled")
        assert not direct.alive("pooled")  # it said so
