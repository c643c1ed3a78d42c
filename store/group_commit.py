"""Commits the writes of many threads together: one flush of the disk serves all that wait.

SQLite has one writer at a time, and a durable commit waits for the disk. So a thread that wants to write while
another one does joins a queue; whoever writes next takes the whole queue into one transaction, each operation in a
savepoint of its own. An uncontended write is done by its own thread at once, without a hop to another.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.pool import StaticPool

_MOST = 64  # operations of one group: whoever leads does not work for others for ever
_GATHER_S = 0.0002  # how long a leader waits for those of the last group; they compute meanwhile
_ENOUGH = 6  # operations that are not waited beside


class Operation:
    """What one thread wants done on the connection."""

    __slots__ = ("error", "gone", "leads", "result", "settled", "turn", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False  # its thread works, for itself and for others
        self.settled = False  # it is kept, or refused: never to be done again
        self.gone = False  # its thread was interrupted and waits no more
        self.result: Any = None
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let its thread look what has become of it. Once too often does no harm."""
        with suppress(RuntimeError):
            self.turn.release()


class GroupCommit:
    """Writes to one SQLite database, each group of them as one transaction.

    Of a group whose transaction failed each is done again by itself: an operation may be run twice, but is kept once.
    Whatever a leader works on stays in the queue until it is settled, so that nothing is lost with its thread.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._queue: deque[Operation] = deque()
        self._guard = threading.Lock()  # of the queue and of who leads
        self._usual = 0  # how many of late were in a group

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is on the disk. Raises what it raises, having kept nothing of it."""
        mine = Operation(work)
        try:
            with self._guard:
                self._queue.append(mine)
                mine.leads = self._queue[0] is mine
            while not (mine.leads or mine.settled):
                mine.turn.acquire()
                with self._guard:
                    mine.leads = not mine.settled and self._queue[0] is mine
            if mine.leads:
                self._lead(mine)
        except BaseException:  # an interrupt of this thread, wherever it came: the others go on
            self._leave(mine)
            raise
        if mine.error is not None:
            raise mine.error
        result: T = mine.result
        return result

    def close(self) -> None:
        """Close the writing connection; the next write opens another."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _lead(self, mine: Operation) -> None:
        # Those who were in the last group come back together; a group without them would make them all wait for two.
        if len(self._queue) < min(self._usual, _ENOUGH):
            time.sleep(_GATHER_S)
        with self._guard:
            group = [one for one in islice(self._queue, _MOST) if not one.gone]
        self._usual = max(len(group), self._usual // 2)
        try:
            self._write(group)
        except BaseException:
            self._drop()
            raise
        self._pass_on(mine)

    def _leave(self, mine: Operation) -> None:
        """Give up an operation whose thread goes away, and the lead with it."""
        mine.gone = True
        with self._guard:
            leads = mine.leads or (bool(self._queue) and self._queue[0] is mine)
        if leads:
            self._pass_on(mine)
        elif self._queue:
            self._queue[0].wake()  # perhaps the interrupt came just before that

    def _pass_on(self, mine: Operation) -> None:
        """Take what is settled from the queue, wake its threads and the next leader. Another time does no harm."""
        with self._guard:
            while self._queue:
                first = self._queue[0]
                if first is not mine and (first.leads or not (first.settled or first.gone)):
                    break
                first.wake()
                self._queue.popleft()
            mine.leads = False
            if self._queue:
                self._queue[0].wake()

    def _write(self, group: list[Operation]) -> None:
        try:
            self._transaction(group)
        except (sqlite3.Error, exc.DBAPIError) as error:
            self._drop()
            if len(group) == 1:
                group[0].error, group[0].settled = error, True
                return
            for operation in group:
                self._write([operation])

    def _transaction(self, group: list[Operation]) -> None:
        """Commit the group. Raises a database's error when the transaction as a whole failed; nothing is kept."""
        connection = self._connection or self._open()
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("BEGIN IMMEDIATE")
        alone = len(group) == 1
        for operation in group:
            _do(driver, connection, operation, saved=not alone)
            if not driver.in_transaction:  # SQLite itself has given up the transaction (a full disk)
                break
        lost = not driver.in_transaction
        if alone and group[0].error is not None:
            if not lost:
                driver.execute("ROLLBACK")
            group[0].settled = True
        elif lost:
            cause = next(one.error for one in group if one.error is not None)
            raise cause if isinstance(cause, sqlite3.Error | exc.DBAPIError) else sqlite3.OperationalError(str(cause))
        else:
            _commit(driver, group)
        if connection.in_transaction():  # SQLAlchemy's own notion of it
            connection.rollback()

    def _open(self) -> Connection:
        self._connection = self._engine.connect()
        return self._connection

    def _drop(self) -> None:
        """Give up the connection with whatever is open on it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if isinstance(self._engine.pool, StaticPool):  # a database in memory lives as long as its connection
            driver = connection.connection.driver_connection
            assert driver is not None
            if driver.in_transaction:
                driver.execute("ROLLBACK")
        else:
            connection.invalidate()
        connection.close()


def _do(driver: Any, connection: Connection, operation: Operation, *, saved: bool) -> None:
    """Do an operation; its error is kept with it, and with `saved` nothing else of what it did."""
    operation.error = None
    if saved:
        driver.execute("SAVEPOINT operation")
    try:
        operation.result = operation.work(connection)
    except Exception as error:
        operation.error = error
        if not saved or not driver.in_transaction:
            return
        driver.execute("ROLLBACK TO operation")
    if saved:
        driver.execute("RELEASE operation")


def _commit(driver: Any, group: list[Operation]) -> None:
    """Commit, and mark what is kept even when an interrupt comes between the two."""
    try:
        driver.execute("COMMIT")
        _settle(group, kept=True)
    except sqlite3.Error:
        raise
    except BaseException:
        _settle(group, kept=not driver.in_transaction)
        raise


def _settle(group: list[Operation], *, kept: bool) -> None:
    for operation in group:
        operation.settled = kept
