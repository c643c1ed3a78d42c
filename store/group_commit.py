"""Commits the writes of many threads together: one flush of the disk serves all that wait.

SQLite has one writer at a time, and a durable commit waits for the disk. So a thread that wants to write while
another one does joins a queue; whoever writes next takes the whole queue into one transaction, each operation in a
savepoint of its own. Operations of one kind may be done as a set, in a savepoint together: a statement for many costs
little more than one for a single one. An uncontended write is done by its own thread at once, without a hop to another.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.pool import StaticPool

from store.group import Group, Operation, perform

type Together[A, T] = Callable[[Connection, Sequence[A]], Sequence[T | Exception]]


class GroupCommit(Group):
    """Writes to one SQLite database, each group of them as one transaction.

    Of a group whose transaction failed each is done again by itself.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(gather_s=0.0002, enough=6)  # the other threads compute meanwhile
        self._engine = engine
        self._connection: Connection | None = None

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is on the disk. Raises what it raises, having kept nothing of it."""
        result: T = self._run(Operation(None, work))
        return result

    def run_together[A, T](self, together: Together[A, T], argument: A) -> T:
        """Return what `together` gives for the argument, which it may be given along with others of the same kind.

        It returns a result, or an exception, for each argument in order, having changed nothing for those that got an
        exception. One that it raises makes it be called again for each argument alone.
        """
        result: T = self._run(Operation(together, argument))
        return result

    def close(self) -> None:
        """Close the writing connection; the next write opens another."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

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
        parts = _parts(group)
        alone = len(group) == 1
        for part in parts:
            _do(driver, connection, part, saved=not alone)
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


def _parts(group: list[Operation]) -> list[list[Operation]]:
    """Return the operations in their order, those that can be done as a set at the place of the first of them."""
    parts: list[list[Operation]] = []
    sets: dict[Any, list[Operation]] = {}
    for operation in group:
        operation.error = None
        if operation.together is None:
            parts.append([operation])
        elif operation.together in sets:
            sets[operation.together].append(operation)
        else:
            parts.append([operation])
            sets[operation.together] = parts[-1]
    return parts


def _do(driver: Any, connection: Connection, part: list[Operation], *, saved: bool) -> None:
    """Do a part; its errors are kept with its operations, and with `saved` nothing else of what it did."""
    if saved:
        driver.execute("SAVEPOINT operation")
    try:
        _perform(connection, part)
    except Exception as error:
        part[0].error = error
        if not saved or not driver.in_transaction:
            return
        driver.execute("ROLLBACK TO operation")
        if len(part) > 1:
            driver.execute("RELEASE operation")
            for operation in part:
                operation.error = None
                _do(driver, connection, [operation], saved=True)
            return
    if saved:
        driver.execute("RELEASE operation")


def _perform(connection: Connection, part: list[Operation]) -> None:
    if part[0].together is None:
        part[0].result = part[0].argument(connection)
        return
    perform(part, connection)


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
