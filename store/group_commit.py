"""Commits the writes of many threads together: one flush of the disk serves all that wait.

SQLite has one writer at a time, and a durable commit waits for the disk. So a thread that wants to write while
another one does joins a queue; whoever writes next takes the whole queue into one transaction, each operation in a
savepoint of its own. An uncontended write is done by its own thread at once, without a hop to another.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.pool import StaticPool

_MOST = 64  # operations of one transaction: whoever leads does not write for others for ever


class _Operation:
    __slots__ = ("error", "gone", "result", "settled", "turn", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.turn = threading.Lock()
        self.turn.acquire()
        self.gone = False  # its thread was interrupted and waits no more
        self.settled = False  # it is on the disk, or refused: never to be done again
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Writes to one SQLite database. An operation may be run twice, but is kept once.

    Of a group whose transaction failed each is done again by itself; so is what an interrupt left undone.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: deque[_Operation] = deque()
        self._guard = threading.Lock()  # of the queue and of `_leader`
        self._leader: _Operation | None = None
        self._connection: Connection | None = None

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is on the disk. Raises what it raises, having kept nothing of it."""
        mine = _Operation(work)
        try:
            with self._guard:
                if self._leader is None:
                    self._leader = mine
                else:
                    self._queue.append(mine)
            if self._leader is not mine:
                mine.turn.acquire()
            if not mine.settled:
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

    def _lead(self, mine: _Operation) -> None:
        with self._guard:
            group = [mine]
            while self._queue and len(group) < _MOST:
                group.append(self._queue.popleft())
        try:
            self._write(group)
        except BaseException:
            self._drop()
            raise
        finally:
            # After an interrupt some may be kept already (a failed group is written one by one); the rest wait on.
            with self._guard:
                self._queue.extendleft(one for one in reversed(group[1:]) if not (one.settled or one.gone))
            for operation in group[1:]:
                if operation.settled:
                    operation.turn.release()
            self._pass_on(mine)

    def _leave(self, mine: _Operation) -> None:
        """Forget an operation whose thread goes away: nobody would lead in its place."""
        with self._guard, suppress(ValueError):
            mine.gone = True
            self._queue.remove(mine)
        self._pass_on(mine)

    def _pass_on(self, mine: _Operation) -> None:
        with self._guard:
            if self._leader is not mine:
                return
            self._leader = self._queue.popleft() if self._queue else None
            if self._leader is not None:
                self._leader.turn.release()

    def _write(self, group: list[_Operation]) -> None:
        try:
            self._transaction(group)
        except (sqlite3.Error, exc.DBAPIError) as error:
            self._drop()
            if len(group) == 1:
                group[0].error, group[0].settled = error, True
                return
            for operation in group:
                self._write([operation])

    def _transaction(self, group: list[_Operation]) -> None:
        """Commit the group. Raises a database's error when the transaction as a whole failed; nothing is kept."""
        connection = self._connection or self._open()
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("BEGIN IMMEDIATE")
        alone = len(group) == 1
        for operation in group:
            operation.error = None
            if not alone:
                driver.execute("SAVEPOINT operation")
            try:
                operation.result = operation.work(connection)
            except Exception as error:
                operation.error = error
                if alone or not driver.in_transaction:  # SQLite itself has given up the transaction (a full disk)
                    break
                driver.execute("ROLLBACK TO operation")
            if not alone:
                driver.execute("RELEASE operation")
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


def _commit(driver: Any, group: list[_Operation]) -> None:
    """Commit, and mark what is kept even when an interrupt comes between the two."""
    try:
        driver.execute("COMMIT")
        _settle(group, kept=True)
    except sqlite3.Error:
        raise
    except BaseException:
        _settle(group, kept=not driver.in_transaction)
        raise


def _settle(group: list[_Operation], *, kept: bool) -> None:
    for operation in group:
        operation.settled = kept
