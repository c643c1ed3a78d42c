"""The empty database that a backup's records go into, in one transaction: all of them or none."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import TracebackType

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text

from store.backup.schema import make_schema
from store.database import _MIGRATION_LOCK
from tieout.errors import InvalidInput, NotAvailable, RefusedFile, StorageFull, TieoutError


class Target:
    """Gives a connection in a transaction, with the schema of a revision made; the end of the block commits.

    Raises Conflict when the database is not empty, and what keeps it from being written as errors of our tree.
    """

    def __init__(self, url: str, revision: str) -> None:
        self._url = make_url(url)
        self._revision = revision
        self._engine = _engine(url)
        self._connection: Connection | None = None

    def __enter__(self) -> Connection:
        try:
            self._connection = self._engine.connect()
            if self._engine.dialect.name == "sqlite":
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:  # whoever opens the database meanwhile waits, as for a migration
                self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            make_schema(self._connection, self._revision)
        except BaseException as error:
            self._end()
            if isinstance(error, exc.DBAPIError):
                raise _translated(error) from error
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._connection is not None
        try:
            if error is None:
                self._connection.commit()
        except exc.DBAPIError as failed:
            raise _translated(failed) from failed
        finally:
            self._end()
        if isinstance(error, exc.DBAPIError):
            raise _translated(error) from error
        if error is None and self._engine.dialect.name == "sqlite":
            with Path(str(self._url.database)).open("rb") as file:
                os.fsync(file.fileno())

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"))
    if parsed.get_backend_name() != "sqlite":
        raise InvalidInput(f"{parsed.get_backend_name()!r} is not a database for tieout: use sqlite or postgresql")
    engine = create_engine(parsed)
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _entry: object) -> None:
    connection.isolation_level = None  # our BEGIN is the one
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")  # of a file that nobody uses yet; it is brought to the disk whole


def _translated(error: exc.DBAPIError) -> TieoutError:
    told = str(error.orig).strip()
    if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL or "No space left" in told:
        return StorageFull(f"The disk is full; nothing was restored ({told}).")
    if isinstance(error, exc.IntegrityError | exc.DataError):
        return RefusedFile(f"The backup's records do not go together ({told}); use another copy.")
    return NotAvailable(f"The database could not be written ({told}); nothing was restored.")
