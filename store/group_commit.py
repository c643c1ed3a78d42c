"""Commits the writes of many threads together: one flush of the disk serves all that wait.

SQLite has one writer at a time, and a durable commit waits for the disk. So a thread that wants to write while
another one does joins a queue; whoever writes next takes the whole queue into one transaction, each operation in a
savepoint of its own. Operations of one kind may be done as a set, in a savepoint together: a statement for many costs
little more than one for a single one. An uncontended write is done by its own thread at once, without a hop to another.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, exc
from sqlalchemy.pool import StaticPool

type Together[A, T] = Callable[[Connection, Sequence[A]], Sequence[T | Exception]]

_MOST = 64  # operations of one transaction: whoever leads does not write for others for ever


class _Operation:
    __slots__ = ("argument", "error", "gone", "leads", "result", "settled", "together", "turn")

    def __init__(self, together: Together[Any, Any] | None, argument: Any) -> None:
        self.together = together  # what does a set of such operations; None: the argument does this one
        self.argument = argument
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False  # its thread writes, for itself and for others
        self.settled = False  # it is on the disk, or refused: never to be done again
        self.gone = False  # its thread was interrupted and waits no more
        self.result: Any = None
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let its thread look what has become of it. Once too often does no harm."""
        with suppress(RuntimeError):
            self.turn.release()


class GroupCommit:
    """Writes to one SQLite database. An operation may be run twice, but is kept once.

    Of a group whose transaction failed each is done again by itself; so is what an interrupt left undone. The first
    of the queue leads; whatever it writes stays in the queue until it is settled, so that nothing is lost with it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._queue: deque[_Operation] = deque()
        self._guard = threading.Lock()  # of the queue and of who leads
        self._connection: Connection | None = None

    def run[T](self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns once it is on the disk. Raises what it raises, having kept nothing of it."""
        result: T = self._run(_Operation(None, work))
        return result

    def run_together[A, T](self, together: Together[A, T], argument: A) -> T:
        """Return what `together` gives for the argument, which it may be given along with others of the same kind.

        It returns a result, or an exception, for each argument in order, having changed nothing for those that got an
        exception. One that it raises makes it be called again for each argument alone.
        """
        result: T = self._run(_Operation(together, argument))
        return result

    def _run(self, mine: _Operation) -> Any:
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
        return mine.result

    def close(self) -> None:
        """Close the writing connection; the next write opens another."""
        with self._guard:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _lead(self, mine: _Operation) -> None:
        with self._guard:
            group = [one for one in islice(self._queue, _MOST) if not one.gone]
        try:
            self._write(group)
        except BaseException:
            self._drop()
            raise
        self._pass_on(mine)

    def _leave(self, mine: _Operation) -> None:
        """Give up an operation whose thread goes away, and the lead with it."""
        mine.gone = True
        with self._guard:
            leads = mine.leads or (bool(self._queue) and self._queue[0] is mine)
        if leads:
            self._pass_on(mine)
        elif self._queue:
            self._queue[0].wake()  # perhaps the interrupt came just before that

    def _pass_on(self, mine: _Operation) -> None:
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


def _parts(group: list[_Operation]) -> list[list[_Operation]]:
    """Return the operations in their order, those that can be done as a set at the place of the first of them."""
    parts: list[list[_Operation]] = []
    sets: dict[Any, list[_Operation]] = {}
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


def _do(driver: Any, connection: Connection, part: list[_Operation], *, saved: bool) -> None:
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


def _perform(connection: Connection, part: list[_Operation]) -> None:
    together = part[0].together
    if together is None:
        part[0].result = part[0].argument(connection)
        return
    outcomes = together(connection, [operation.argument for operation in part])
    for operation, outcome in zip(part, outcomes, strict=True):
        if isinstance(outcome, Exception):
            operation.error = outcome
        else:
            operation.result = outcome


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
