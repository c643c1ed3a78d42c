"""Wake-ups between processes through PostgreSQL, for installations without Redis: LISTEN and NOTIFY on one channel.

Each direction has a connection of its own beside the pool. Behind a pooler that gives sessions away between
transactions nothing is heard, and polling finds what was committed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url

from tieout.errors import InvalidInput
from tieout.relay import RelayedChanges

_CONNECT_S = 5
# A peer that vanished without a word is noticed by the operating system, within a minute.
_KEEPALIVE: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class PostgresChanges(RelayedChanges):
    """`Changes` for all processes that share a PostgreSQL database."""

    def __init__(self, url: str, *, channel: str = "tieout_changes") -> None:
        """Take the address; nothing is connected before the first change or wait. Raises InvalidInput."""
        super().__init__(PostgresLine(url, channel), name="PostgreSQL")


class PostgresLine:
    """A notification channel of a database, as a line."""

    def __init__(self, url: str, channel: str) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise InvalidInput(f"{parsed.get_backend_name()!r} cannot wake other processes: use postgresql")
        self._address = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
        self._channel = channel
        self._to: Any = None
        self._from: Any = None

    def send(self, text: str) -> None:
        """Notify with a text. Raises psycopg.Error."""
        try:
            if self._to is None:
                self._to = self._connect()
            self._to.execute("SELECT pg_notify(%s, %s)", (self._channel, text))
        except BaseException:
            self.close()
            raise

    def open(self) -> int:
        """Listen; return the file descriptor of the connection. Raises psycopg.Error."""
        from psycopg import sql

        self.hang_up()
        self._from = self._connect()
        self._from.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))
        return int(self._from.fileno())

    def receive(self) -> list[str]:
        """Return what was notified since. Raises psycopg.Error."""
        return [note.payload for note in self._from.notifies(timeout=0)]

    def hang_up(self) -> None:
        """Close the listening connection."""
        connection, self._from = self._from, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close the notifying connection."""
        connection, self._to = self._to, None
        if connection is not None:
            connection.close()

    def _connect(self) -> Any:
        import psycopg

        return psycopg.connect(
            self._address, autocommit=True, connect_timeout=_CONNECT_S, application_name="tieout changes", **_KEEPALIVE
        )
