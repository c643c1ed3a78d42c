"""Keeps one owner's session in PostgreSQL: the advisory lock that ends with the process, and its row that beats."""

from __future__ import annotations

import hashlib
import selectors
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog
from sqlalchemy import Connection, NullPool, create_engine, exc, func, text
from sqlalchemy.engine import URL

from store.pooler import is_direct
from store.workers import beaten, enter, left
from tieout.errors import NotAvailable
from tieout.model import SignOfLife, Worker

BEAT_S = 2.0
_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.05, 1.0
_END_S = 5.0
# A machine that lost its power or its network says no goodbye: both ends of the connection ask after each other.
_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 3, "keepalives_interval": 1, "keepalives_count": 3}
_SERVER_KEEPALIVE = ("tcp_keepalives_idle = 3", "tcp_keepalives_interval = 1", "tcp_keepalives_count = 3")
_MINE = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
    "AND objsubid = 1 AND ((classid::bigint << 32) | objid::bigint) = :key)"
)
_NOW = func.clock_timestamp()
_log = structlog.get_logger(__name__)


def lock_key(owner: str) -> int:
    """Return the key of the owner's advisory lock: 64 bits, signed."""
    return int.from_bytes(hashlib.blake2b(owner.encode(), digest_size=8).digest(), signed=True)


class LockTaken(NotAvailable):
    """Another session holds the owner's lock."""


class LivenessSession:
    """A connection of its own, and the thread that watches it: a cut session is noticed, and renewed, at once."""

    def __init__(self, url: URL, worker: Worker, *, on_cut: Callable[[], None]) -> None:
        """Take the database's address and the worker's row; `on_cut` is called when the session was cut."""
        self._worker = worker
        self._on_cut = on_cut
        self._engine = create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={
                "connect_timeout": 3,
                "tcp_user_timeout": 5000,
                "application_name": f"tieout {worker.owner}"[:63],
                "prepare_threshold": None,  # a pooler hands each statement to another session
                **_KEEPALIVE,
            },
        )
        self._connection: Connection | None = None
        self._ended = threading.Event()
        self._bell, self._ear = socket.socketpair()
        self._thread = threading.Thread(target=self._keep, name="tieout-liveness", daemon=True)

    @property
    def liveness(self) -> SignOfLife:
        """How the owner shows life: by its lock, or by leases when a pooler stands before the server."""
        return self._worker.liveness

    def start(self) -> None:
        """Take the lock, write the row and keep both. Raises NotAvailable."""
        try:
            self._take()
        except BaseException as error:
            self._close()
            if isinstance(error, exc.SQLAlchemyError):
                raise NotAvailable(f"the database cannot keep a sign of life: {_reason(error)}") from error
            raise
        self._thread.start()

    def end(self) -> None:
        """Say goodbye in the row and give up the lock; never raises."""
        self._ended.set()
        self._bell.send(b"x")
        self._thread.join(_END_S)
        if not self._thread.is_alive():  # else it hangs in a connection attempt and holds nothing
            with suppress(exc.SQLAlchemyError):
                if self._connection is not None:
                    self._connection.execute(left(self._worker.owner, _NOW))
            self._close()

    def _take(self) -> None:
        self._connection = connection = self._engine.connect()
        how = SignOfLife.LEASE
        if is_direct(connection.connection.driver_connection):
            for setting in (*_SERVER_KEEPALIVE, "tcp_user_timeout = 5000", "synchronous_commit = off"):
                connection.execute(text(f"SET {setting}"))
            how = self._take_lock(connection)
        if how is not self._worker.liveness:
            self._worker = replace(self._worker, liveness=how)
        if how is SignOfLife.LEASE:
            _log.warning(
                "liveness_fell_back_to_leases",
                owner=self._worker.owner,
                reason="a pooler stands before PostgreSQL, so no session lock can be kept",
            )
        # After the lock: a row that says `lock` and has none would read as a dead process.
        enter(connection, self._worker, _NOW)

    def _take_lock(self, connection: Connection) -> SignOfLife:
        key = {"key": lock_key(self._worker.owner)}
        if not connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), key):
            raise LockTaken(f"another process is already called {self._worker.owner!r}")
        return SignOfLife.LOCK if connection.scalar(_MINE, key) else SignOfLife.LEASE

    # ------------------------------------------------------------ the thread

    def _keep(self) -> None:
        retry_s = _FIRST_RETRY_S
        while not self._ended.is_set():
            try:
                if self._connection is None:
                    self._take()
                    _log.info("liveness_session_renewed", owner=self._worker.owner)
                else:
                    self._watch(self._connection)
                retry_s = _FIRST_RETRY_S
            except Exception as error:
                if self._connection is not None:
                    self._disconnect()
                if retry_s == _FIRST_RETRY_S:
                    _log.warning("liveness_session_cut", owner=self._worker.owner, reason=_reason(error))
                self._on_cut()
                self._ended.wait(retry_s)
                retry_s = min(_LONGEST_RETRY_S, retry_s * 2)

    def _watch(self, connection: Connection) -> None:
        """Wait for the next beat, or for the server to say something: mostly that it ends the session. Then beat."""
        with selectors.DefaultSelector() as selector:
            selector.register(connection.connection.driver_connection, selectors.EVENT_READ)  # type: ignore[arg-type]
            selector.register(self._ear, selectors.EVENT_READ)
            selector.select(BEAT_S)
        if not self._ended.is_set() and not connection.execute(beaten(self._worker.owner, _NOW)).rowcount:
            enter(connection, self._worker, _NOW)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(exc.SQLAlchemyError):
                connection.invalidate()
            connection.close()

    def _close(self) -> None:
        self._disconnect()
        self._engine.dispose()
        self._bell.close()
        self._ear.close()


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).strip()
