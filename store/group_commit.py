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
from typing import Any

from sqlalchemy import Connection, Engine, exc

_MOST = 64  # operations of one transaction: whoever leads does not write for others for ever
_WAITING, _LEADS, _DONE = range(3)


class _Operation:
    __slots__ = ("error", "result", "state", "turn", "work")

    def __init__(self, work: Callable[[Connection], Any]) -> None:
        self.work = work
        self.turn = threading.Lock()
        self.turn.acquire()
        self.state = _WAITING
        self.result: Any = None
        self.error: BaseException | None = None


class GroupCommit:
    """Writes to one SQLite database. An operation may be run twice (a failed group is done again one by one)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: deque[_Operation] = deque()
        self._guard = threading.Lock()  # of the queue and of `_led`
        self._led = False
        self._connection: Connection | None = None

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is on the disk. Raises what it raises, having kept nothing of it."""
        mine = _Operation(work)
        with self._guard:
            leads = not self._led
            if leads:
                self._led = True
            else:
                self._queue.append(mine)
        if not leads:
            mine.turn.acquire()
        if leads or mine.state == _LEADS:
            self._lead(mine)
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
        except BaseException:  # an interrupt: nothing of the group is kept, the others go on without this thread
            self._drop()
            with self._guard:
                self._queue.extendleft(reversed(group[1:]))
            raise
        else:
            for operation in group[1:]:
                operation.state = _DONE
                operation.turn.release()
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            following = self._queue.popleft() if self._queue else None
            self._led = following is not None
        if following is not None:
            following.state = _LEADS
            following.turn.release()

    def _write(self, group: list[_Operation]) -> None:
        try:
            self._transaction(group)
        except (sqlite3.Error, exc.DBAPIError) as error:
            self._drop()
            if len(group) == 1:
                group[0].error = error
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
        elif lost:
            cause = next(one.error for one in group if one.error is not None)
            raise cause if isinstance(cause, sqlite3.Error | exc.DBAPIError) else sqlite3.OperationalError(str(cause))
        else:
            driver.execute("COMMIT")
        if connection.in_transaction():  # SQLAlchemy's own notion of it
            connection.rollback()

    def _open(self) -> Connection:
        self._connection = self._engine.connect()
        return self._connection

    def _drop(self) -> None:
        """Give up the connection with whatever is open on it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()
