"""Group commit on SQLite: the writes of many threads together, each kept once or not at all."""

import ctypes
import random
import resource
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from store import group_commit as module
from store.database import Database, open_database, open_in_memory
from store.group_commit import Operation, _commit
from tieout.errors import StaleFence, StorageFull

PATIENCE_S = 60.0
Work = Callable[[Connection], Any]


class Stopped(BaseException):
    """An interrupt, as a worker gets one that is over its time."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tieout.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{path}")
    database.write(lambda connection: connection.execute(text("CREATE TABLE kept (n INTEGER, what TEXT)")))
    yield database
    database.close()


def keep(number: int, what: str = "") -> Work:
    """Return work that inserts a row, and returns its number."""

    def work(connection: Connection) -> int:
        connection.execute(text("INSERT INTO kept VALUES (:n, :what)"), {"n": number, "what": what})
        return number

    return work


def kept(database: Database) -> list[int]:
    return list(database.read(lambda connection: connection.execute(text("SELECT n FROM kept")).scalars()))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.001)


class Writers:
    """Threads that write while another write is under way, so that they are one group after it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue = database._writer._queue
        self._go = threading.Event()
        begun = threading.Event()
        self.outcomes: dict[int, Any] = {}
        self.threads: list[threading.Thread] = []

        def first(connection: Connection) -> None:
            begun.set()
            assert self._go.wait(PATIENCE_S)

        self._start(-1, first)
        assert begun.wait(PATIENCE_S)

    def _start(self, number: int, work: Work) -> None:
        def write() -> None:
            try:
                self.outcomes[number] = self._database.write(work)
            except BaseException as error:
                self.outcomes[number] = error

        self.threads.append(threading.Thread(target=write, daemon=True))
        self.threads[-1].start()

    def add(self, *works: Work) -> None:
        """Begin to write, each in its thread, and wait until all are in the queue, in this order."""
        for work in works:
            before = len(self._queue)
            self._start(len(self.threads) - 1, work)
            until(lambda before=before: len(self._queue) > before)  # type: ignore[misc]

    def finish(self) -> list[Any]:
        """Let all go on; return what they returned or raised, in their order."""
        self._go.set()
        deadline = time.monotonic() + PATIENCE_S
        for thread in self.threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        assert not any(thread.is_alive() for thread in self.threads), "a writer hangs"
        del self.outcomes[-1]
        return [self.outcomes[number] for number in sorted(self.outcomes)]


def together(database: Database, works: Sequence[Work]) -> list[Any]:
    """Do the works in one group; return what they return or raise."""
    writers = Writers(database)
    writers.add(*works)
    return writers.finish()


def fails(error: BaseException, number: int = 99) -> Work:
    """Return work that raises after it has written."""

    def work(connection: Connection) -> None:
        keep(number)(connection)
        raise error

    return work


def test_a_group_is_kept_as_a_whole_in_the_order_of_its_queue(database: Database) -> None:
    assert together(database, [keep(number) for number in range(10)]) == list(range(10))
    assert kept(database) == list(range(10))


def test_a_group_is_one_transaction(database: Database, path: Path) -> None:
    """While its last operation runs, nobody outside sees the first."""
    seen: list[int] = []

    def look(connection: Connection) -> None:
        with sqlite3.connect(path) as other:
            seen.append(other.execute("SELECT count(*) FROM kept").fetchone()[0])

    together(database, [keep(1), keep(2), look])
    assert seen == [0]
    assert kept(database) == [1, 2]


def test_an_operation_sees_what_those_before_it_wrote(database: Database) -> None:
    count: Work = lambda connection: connection.execute(text("SELECT count(*) FROM kept")).scalar()  # noqa: E731
    assert together(database, [keep(1), count, keep(2), count]) == [1, 1, 2, 2]


def _break_a_rule(connection: Connection) -> None:
    keep(99)(connection)
    connection.execute(text("INSERT INTO step_edges VALUES ('nobody', 'nobody')"))


@pytest.mark.parametrize(
    "bad",
    [
        fails(ValueError("on the way")),
        fails(StaleFence("late")),
        _break_a_rule,
        lambda connection: connection.execute(text("no SQL at all")),
        lambda connection: connection.connection.driver_connection.execute("INSERT INTO nowhere VALUES (1)"),
    ],
    ids=["mistake", "stale", "constraint", "statement", "driver"],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_operations_error_does_not_harm_its_group(database: Database, bad: Work, place: int) -> None:
    works = [keep(1), keep(2), keep(3)]
    works.insert(place, bad)
    outcomes = together(database, works)
    assert isinstance(outcomes.pop(place), Exception)
    assert outcomes == [1, 2, 3]
    assert kept(database) == [1, 2, 3]


def test_a_group_of_errors_keeps_nothing_and_the_next_write_works(database: Database) -> None:
    outcomes = together(database, [fails(ValueError(str(number))) for number in range(4)])
    assert [str(error) for error in outcomes] == ["0", "1", "2", "3"]
    database.write(keep(7))
    assert kept(database) == [7]


def test_more_operations_than_one_group_takes_are_all_done(database: Database) -> None:
    assert together(database, [keep(number) for number in range(150)]) == list(range(150))
    assert kept(database) == list(range(150))


@pytest.mark.parametrize("place", [0, 1, 3])
def test_an_interrupt_in_an_operation_costs_the_others_nothing(database: Database, place: int) -> None:
    """The leader's thread gets it, whoever it was for; what was not kept is done by the next leader."""
    works = [keep(number) for number in range(5)]
    works.insert(place, fails(Stopped()))
    outcomes = together(database, works)
    stopped = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Stopped)]
    assert place in stopped
    done = [outcome for outcome in outcomes if not isinstance(outcome, Stopped)]
    assert sorted(kept(database)) == sorted(done)
    assert len(done) >= 5 - place
    database.write(keep(7))


def _interrupt(thread: threading.Thread) -> None:
    assert thread.ident is not None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(Stopped))


@pytest.mark.parametrize("who", [0, 1, 2])
def test_a_thread_that_is_interrupted_while_it_waits_stops_nobody(database: Database, who: int) -> None:
    """It learns of that when its turn comes, which may be the turn to lead."""
    writers = Writers(database)
    writers.add(*(keep(number) for number in range(3)))
    _interrupt(writers.threads[who + 1])
    outcomes = writers.finish()
    assert isinstance(outcomes[who], Stopped)
    others = {0, 1, 2} - {who}
    assert {outcome for outcome in outcomes if isinstance(outcome, int)} == others
    assert others <= set(kept(database))
    assert max(Counter(kept(database)).values()) == 1


class _InterruptedAt:
    """A driver's connection that is interrupted as it commits: before, or after it is done."""

    def __init__(self, driver: sqlite3.Connection, *, done: bool) -> None:
        self._driver, self._done = driver, done

    @property
    def in_transaction(self) -> bool:
        return self._driver.in_transaction

    def execute(self, statement: str) -> None:
        if self._done:
            self._driver.execute(statement)
        raise Stopped


@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
def test_an_interrupted_commit_is_known_to_be_done_or_not(done: bool) -> None:
    driver = sqlite3.connect(":memory:", isolation_level=None)
    driver.execute("BEGIN IMMEDIATE")
    group = [Operation(keep(1)), Operation(keep(2))]
    with pytest.raises(Stopped):
        _commit(_InterruptedAt(driver, done=done), group)
    driver.close()
    assert {one.settled for one in group} == {done}


def test_an_interrupt_between_the_commit_and_its_answer_does_nothing_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(driver: Any, group: Any) -> None:
        _commit(driver, group)
        if len(group) == 3:
            raise Stopped

    monkeypatch.setattr(module, "_commit", interrupted)
    outcomes = together(database, [keep(1), keep(2), keep(3)])
    assert isinstance(outcomes[0], Stopped)
    assert outcomes[1:] == [2, 3]
    assert kept(database) == [1, 2, 3]


def test_interrupts_at_any_moment_neither_lose_nor_double_a_write(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many writers, stopped at random: what was answered is there once, what was not is there at most once."""
    # One that strikes within a destructor is reported there, and what reports it may be struck, too.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    chance = random.Random(7)
    answered: list[int] = []

    def write(first: int) -> None:
        for number in range(first, first + 150):
            try:
                answered.append(database.write(keep(number)))
            except Stopped:
                continue

    def guarded(first: int) -> None:
        for part in range(3):
            with suppress(Stopped):
                write(first + 1_000 * part)

    threads = [threading.Thread(target=guarded, args=(100_000 * number,), daemon=True) for number in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + PATIENCE_S
    while any(thread.is_alive() for thread in threads):
        assert time.monotonic() < deadline, "a writer hangs"
        victim = chance.choice(threads)
        if victim.is_alive():
            _interrupt(victim)
        time.sleep(chance.random() * 0.01)
    database.write(keep(-1))
    times = Counter(kept(database))
    assert max(times.values()) == 1
    assert set(answered) <= set(times)
    assert len(answered) == len(set(answered))


def test_a_full_disk_in_a_group_refuses_only_what_does_not_fit(database: Database, path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    writers = Writers(database)
    writers.add(keep(1), keep(2, "x" * 2_000_000), keep(3))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size + 60_000, before[1]))
    try:
        outcomes = writers.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert isinstance(outcomes.pop(1), StorageFull)
    assert outcomes == [1, 3]
    assert sorted(kept(database)) == [1, 3]
    database.write(keep(4))
    assert sorted(kept(database)) == [1, 3, 4]


def test_a_database_that_may_not_grow_refuses_only_what_does_not_fit(database: Database) -> None:
    """SQLite itself gives up the transaction in the middle of the group."""
    pages = database.read(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    event.listen(database.engine, "connect", lambda c, _: c.execute(f"PRAGMA max_page_count = {pages + 10}"))
    database.close()  # the connections that are open know nothing of the limit
    outcomes = together(database, [keep(1), keep(2, "x" * 2_000_000), keep(3)])
    assert isinstance(outcomes.pop(1), StorageFull)
    assert outcomes == [1, 3]
    assert sorted(kept(database)) == [1, 3]


def test_no_update_of_many_threads_is_lost(database: Database) -> None:
    database.write(keep(0))

    def add_one(connection: Connection) -> None:
        value = connection.execute(text("SELECT n FROM kept")).scalar_one()
        connection.execute(text("UPDATE kept SET n = :n"), {"n": value + 1})

    threads = [threading.Thread(target=lambda: [database.write(add_one) for _ in range(40)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept(database) == [320]


def test_a_database_in_memory_outlives_an_interrupt_and_a_failed_group() -> None:
    database = open_in_memory()
    database.write(lambda connection: connection.execute(text("CREATE TABLE kept (n INTEGER, what TEXT)")))
    database.write(keep(1))
    with pytest.raises(Stopped):
        database.write(fails(Stopped()))
    outcomes = together(database, [keep(2), fails(Stopped()), keep(3)])
    assert outcomes[2] == 3
    assert set(kept(database)) >= {1, 3}
    assert 99 not in kept(database)
    database.close()
