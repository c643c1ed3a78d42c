"""Tells dead processes from slow ones on many machines: each holds a session advisory lock in PostgreSQL.

The server drops the lock when the process's connection ends, however it ends. What a missing lock means is decided
in `store/liveness_verdict.py`. Behind a pooler, where sessions are shared, leases alone tell.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, text

from store.database import Database
from store.liveness_session import LivenessSession, lock_key
from store.liveness_verdict import Look, Verdict
from store.workers import SqlWorkerStore
from tieout.errors import NotAvailable, TieoutError
from tieout.model import SignOfLife, Worker

_REMEMBER = timedelta(days=7)  # what ended stays in the list for so long
_LOOK = text("""
    WITH held AS (
        SELECT (classid::bigint << 32) | objid::bigint AS key
        FROM pg_locks
        WHERE locktype = 'advisory' AND objsubid = 1 AND granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    SELECT asked.owner,
           EXISTS (SELECT 1 FROM held WHERE held.key = asked.key) AS locked,
           workers.liveness,
           workers.stopped_at IS NOT NULL AS stopped,
           workers.seen_at,
           coalesce(extract(epoch FROM clock_timestamp() - workers.seen_at), 0)::float8 AS silent_s,
           extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS server_up_s
    FROM unnest(cast(:owners AS text[]), cast(:keys AS bigint[])) AS asked(owner, key)
    LEFT JOIN workers ON workers.owner = asked.owner
""")
_log = structlog.get_logger(__name__)


class PostgresLiveness:
    """Signs of life in PostgreSQL. It keeps the processes' rows in `workers`, too: they say how each shows life."""

    def __init__(
        self,
        database: Database,
        describe: Callable[[str], Worker],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`describe` returns the row of an owner of this process; how it shows life is found out here."""
        self._database = database
        self._describe = describe
        self._sessions: dict[str, LivenessSession] = {}
        self._verdict = Verdict(clock=clock)
        self._lock = threading.Lock()

    def hold(self, owner: str) -> None:
        """Take the owner's lock and keep it through cut sessions. Raises NotAvailable."""
        if owner in self._sessions:
            raise NotAvailable(f"this process is already called {owner!r}")
        session = LivenessSession(self._database.engine.url, self._describe(owner), on_cut=self._trouble)
        session.start()
        self._sessions[owner] = session
        self._forget_old()

    def release(self, owner: str) -> None:
        """Say goodbye and give up the lock."""
        session = self._sessions.pop(owner, None)
        if session is not None:
            session.end()

    def shown_by(self, owner: str) -> SignOfLife | None:
        """Return how an owner of this process shows life, None when it is not held here."""
        session = self._sessions.get(owner)
        return session.liveness if session else None

    def alive(self, owner: str) -> bool:
        """Return whether the owner may still be at work."""
        return owner in self.alive_many([owner])

    def alive_many(self, owners: Collection[str]) -> frozenset[str]:
        """Return those owners that may still be at work: all of them while the server does not answer.

        A killed process is told at the second call that is at least 0.4 s after the first.
        """
        mine = frozenset(self._sessions)
        others = sorted(set(owners) - mine)
        if not others:
            return mine & frozenset(owners)
        try:
            rows = self._rows([*others, *sorted(mine)])
        except TieoutError:
            return frozenset(owners)
        with self._lock:
            if any(row.liveness == SignOfLife.LOCK and not row.locked for row in rows if row.owner in mine):
                self._verdict.trouble()  # our own session is cut, and its thread does not know it yet
            looks = [_look(row) for row in rows if row.owner not in mine]
            return self._verdict.living(looks, server_up_s=rows[0].server_up_s) | (mine & frozenset(owners))

    def _rows(self, owners: Sequence[str]) -> Sequence[Row[Any]]:
        asked = {"owners": list(owners), "keys": [lock_key(owner) for owner in owners]}
        return self._database.read(lambda connection: connection.execute(_LOOK, asked).all())

    def _trouble(self) -> None:
        with self._lock:
            self._verdict.trouble()

    def _forget_old(self) -> None:
        try:
            SqlWorkerStore(self._database).forget(before=datetime.now(UTC) - _REMEMBER)
        except TieoutError as error:
            _log.warning("old_workers_not_forgotten", reason=error.message)


def _look(row: Row[Any]) -> Look:
    how = SignOfLife(row.liveness) if row.liveness is not None else None
    return Look(row.owner, row.locked, how, row.stopped, row.seen_at, row.silent_s)
