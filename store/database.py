"""Opens the state of record: SQLite (WAL, synchronous FULL) or PostgreSQL, migrated to this version's schema.

Reads and writes are functions of a connection, run in one transaction each, so that a transaction is never
held open by accident. On SQLite a write takes the database's write lock at its start (BEGIN IMMEDIATE): it
cannot fail half-way because another writer came first; the writes of many threads are committed together.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from store.group_commit import GroupCommit
from store.pooler import prepare_nothing_behind_a_pooler
from tieout.errors import Conflict, InvalidInput, NotAvailable, StorageFull, TieoutError

BUSY_TIMEOUT_S = 15.0
_RETRIES = 5  # of a PostgreSQL transaction that lost a deadlock or a serialisation check
_MIGRATION_LOCK = 0x7469656F7574  # "tieout", the key of the advisory lock around migrations
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """One SQL database. Safe to use from many threads; one transaction per call."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.sqlite = engine.dialect.name == "sqlite"
        self._in_memory = self.sqlite and engine.url.database in (None, "", ":memory:")
        self._writer = GroupCommit(engine)
        self._straight = StraightConnections(engine)

    def read[T](self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that changes nothing, and return its result."""
        return self.write(work) if self._in_memory else self._run(work, "BEGIN")

    def write[T](self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction and commit it before returning its result.

        Raises StorageFull (nothing was kept), Conflict when other writers held the database for too long,
        NotAvailable when it cannot be reached, and whatever `work` raises (nothing was kept).
        """
        if self.sqlite:
            try:
                return self._writer.run(work)
            except (sqlite3.Error, exc.DBAPIError) as error:
                raise self._translated(error) from error
        for attempt in range(_RETRIES):
            try:
                return self._run(work, "")
            except _LostRace:
                if attempt == _RETRIES - 1:
                    raise
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def straight(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """Run one PostgreSQL statement as a transaction of its own, in one round trip, and return its rows.

        `statement` has `%(name)s` parameters and no other percent sign. Raises as `write` does.
        """
        for attempt in range(_RETRIES):
            try:
                return self._straight.run(statement, values)
            except exc.DBAPIError as error:
                translated = self._translated(error)
                if not isinstance(translated, _LostRace) or attempt == _RETRIES - 1:
                    raise translated from error
                time.sleep(0.01 * 2**attempt)
        raise AssertionError("unreachable")

    def close(self) -> None:
        """Close all connections."""
        self._writer.close()
        self._straight.close()
        self.engine.dispose()

    def _run[T](self, work: Callable[[Connection], T], begin_sqlite: str) -> T:
        try:
            with self.engine.begin() as connection:
                if self.sqlite:  # not by a listener on "begin": with one, SQLAlchemy looks for more at each statement
                    connection.exec_driver_sql(begin_sqlite)
                return work(connection)
        except exc.DBAPIError as error:
            raise self._translated(error) from error

    def _translated(self, error: exc.DBAPIError | sqlite3.Error) -> Exception:
        name = self.engine.url.render_as_string(hide_password=True)
        if isinstance(error, sqlite3.Error):
            return _sqlite_error(error, name) or error
        known = _sqlite_error(error.orig, name) if self.sqlite else _postgres_error(error, name)
        return known or error


class StraightConnections:
    """Connections to PostgreSQL in autocommit, for statements that are a transaction each: no BEGIN, no COMMIT.

    They are nobody else's: the few statements that they run are planned once, for all values.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[Any] = deque()

    def run(self, statement: str, values: Mapping[str, Any]) -> list[Any]:
        """Return the statement's rows. A connection that broke while idle is replaced once."""
        while True:
            driver, fresh = self._take()
            try:
                rows = driver.execute(statement, values, prepare=driver.prepare_threshold is not None).fetchall()
            except BaseException as error:
                broken = driver.closed  # as `broken` is, too
                self._put_back(driver)
                if broken and not fresh and isinstance(error, driver.__class__.Error):
                    self.close()  # what else was idle broke with it
                    continue
                if isinstance(error, driver.__class__.Error):
                    raise exc.DBAPIError.instance(
                        statement, None, error, driver.__class__.Error, connection_invalidated=broken
                    ) from error
                raise
            self._idle.append(driver)
            return list(rows)

    def close(self) -> None:
        """Close what is idle."""
        with suppress(IndexError):
            while True:
                self._idle.popleft().close()

    def _put_back(self, driver: Any) -> None:
        """Keep a connection on which a statement failed, unless it is broken or in the middle of something."""
        if driver.closed or driver.info.transaction_status.name != "IDLE":
            driver.close()
        else:
            self._idle.append(driver)

    def _take(self) -> tuple[Any, bool]:
        """Return a connection, and whether it is a new one."""
        with suppress(IndexError):
            return self._idle.pop(), False
        try:
            pooled = self._engine.raw_connection()
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise exc.DBAPIError.instance("CONNECT", None, error, self._engine.dialect.loaded_dbapi.Error) from error
        driver: Any = pooled.driver_connection
        pooled.detach()
        driver.autocommit = True
        driver.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
        return driver, True


class DatabaseBusy(Conflict):
    """Other writers held the database for too long. Trying again later is right."""

    retryable = True


class _LostRace(DatabaseBusy):
    """A transaction that PostgreSQL ended in favour of another; running it again is right."""


class DatabaseAway(NotAvailable):
    """The database server does not answer. A step that meets this is tried again, as servers come back."""

    retryable = True


def open_database(url: str) -> Database:
    """Connect to `sqlite:///PATH` or `postgresql://…` and bring its schema to this version.

    Several processes may open a new database at once. Raises InvalidInput for another kind of database or
    one that a newer version made, NotAvailable when it cannot be reached, StorageFull.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise InvalidInput("a SQLite database needs a file: sqlite:///PATH")
        _make_folder(Path(parsed.database).parent)
        engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
    elif parsed.get_backend_name() == "postgresql":
        # A connection that the server closed (a restart) is found before it is used, not by a failing step.
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=16)
        event.listen(engine, "connect", prepare_nothing_behind_a_pooler)
    else:
        raise InvalidInput(f"{parsed.get_backend_name()!r} is not a database for tieout: use sqlite or postgresql")
    database = Database(engine)
    try:
        database.write(_migrate)
    except BaseException:
        database.close()
        raise
    return database


def open_in_memory() -> Database:
    """Return a new database in this process's memory, migrated: the same store without a file, for tests."""
    options = {"check_same_thread": False}
    engine = create_engine("sqlite://", connect_args=options, poolclass=StaticPool)
    event.listen(engine, "connect", _prepare_sqlite)
    database = Database(engine)
    database.write(_migrate)
    return database


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAvailable(f"the folder {folder} cannot be made: {error.strerror}") from error


def _migrate(connection: Connection) -> None:
    """Upgrade inside the caller's transaction: a second process waits for its lock, then finds nothing to do."""
    newest = max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9][0-9][0-9][0-9]_*.py"))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    if _revision(connection) == newest:
        return  # spares the usual start the import of Alembic

    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InvalidInput(
            f"the database's schema ({_revision(connection)}) is not known to this version (newest {newest}): "
            "use the version of tieout that made it, or a newer one"
        ) from error


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver's own BEGIN is deferred; ours is not
    cursor = connection.cursor()
    _enter_wal(cursor)
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA cache_size = -32768")  # KiB for each connection; 2 MB, the default, is soon too little
    cursor.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: many commits share one copying back
    cursor.close()


def _enter_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to WAL. The switch of a new file does not wait for others by itself, so wait here."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _sqlite_error(error: BaseException | None, name: str) -> TieoutError | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull(f"the disk under {name} is full: free some space, then resume", database=name)
    if code == sqlite3.SQLITE_IOERR:
        return StorageFull(f"{name} could not be written ({error}): check the disk and its space", database=name)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return DatabaseBusy(
            f"{name} was locked by another process for more than {BUSY_TIMEOUT_S:.0f} s: end it, then try again",
            database=name,
        )
    if code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return NotAvailable(f"{name} cannot be opened for writing ({error}): check its path and rights", database=name)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return NotAvailable(f"{name} is damaged or not a SQLite database ({error}): restore a backup", database=name)
    return None


def _postgres_error(error: exc.DBAPIError, name: str) -> TieoutError | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in ("40001", "40P01"):
        return _LostRace(f"{name}: the transaction gave way to another {_RETRIES} times; try again", database=name)
    if state[:2] == "22":
        return InvalidInput(f"a value does not fit its column: {str(error.orig).strip()}", database=name)
    if state in ("53100", "58030"):
        return StorageFull(f"the disk of {name} is full or failing: {error.orig}", database=name)
    if state == "55P03":
        return DatabaseBusy(f"{name}: another session holds the lock: {error.orig}", database=name)
    if error.connection_invalidated or (not state and isinstance(error, exc.OperationalError)) or state[:2] == "08":
        return DatabaseAway(f"{name} cannot be reached: {str(error.orig).strip()}", database=name)
    if state[:2] == "57":
        return DatabaseAway(f"{name} is shutting down or starting: {str(error.orig).strip()}", database=name)
    if state[:2] in ("28", "3D"):
        return NotAvailable(f"{name} refused the connection: {str(error.orig).strip()}", database=name)
    return None
