"""One connection to Redis that is made again by itself, tells how often it broke, and says so once, not each time.

Several times quicker than the package's client, whose connection it drives: all commands of a call travel together.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import structlog

from tieout.errors import InvalidInput, NotAvailable

Command = tuple[str | bytes | int | float, ...]

_CONNECT_S = 2.0
_FIRST_REST_S = 0.05
_LONGEST_REST_S = 1.0
_log = structlog.get_logger(__name__)


class RedisAway(NotAvailable):
    """Redis does not answer, or refuses what it is asked. It is tried again by itself."""

    retryable = True


class RedisWire:
    """A connection that threads take in turn. It connects when first used, and again after it broke."""

    def __init__(self, url: str, *, purpose: str, timeout_s: float = 2.0, quiet: bool = False) -> None:
        """Take the address; an answer that takes longer than `timeout_s` seconds counts as none.

        A `quiet` one leaves it to its user to say that it broke. Raises InvalidInput for an address that is none of
        Redis, NotAvailable without the package.
        """
        try:
            from redis import ConnectionPool
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError, ResponseError
            from redis.retry import Retry
        except ImportError as error:
            raise NotAvailable("Redis support is not installed: pip install 'tieout[redis]'") from error
        self._broken: tuple[type[Exception], ...] = (RedisError, OSError)
        self._refused: type[Exception] = ResponseError
        retry = Retry(NoBackoff(), 0)  # the package's own retries would hide that the connection broke
        try:
            self._pool = ConnectionPool.from_url(
                url, protocol=2, retry=retry, socket_timeout=timeout_s, socket_connect_timeout=_CONNECT_S
            )
        except ValueError:
            # Without the package's words, which may quote the password.
            raise InvalidInput("TIEOUT_REDIS_URL is not the address of a Redis, such as redis://host:6379/0") from None
        self._purpose = purpose
        self._quiet = quiet
        self._lock = threading.Lock()
        self._connection: Any = None
        self._rest_s = _FIRST_REST_S
        self._rests_until = 0.0
        self.away = False
        self.breaks = 0

    def ask(self, *commands: Command) -> list[Any]:
        """Send the commands together and return their replies, bytes undecoded.

        Raises RedisAway; for a while after one, it raises at once without trying, so that nobody waits in vain.
        """
        with self._lock:
            if self.rests_s() > 0:
                raise RedisAway(f"Redis is away: the connection for {self._purpose} is tried again in a moment")
            try:
                replies = self._ask(commands)
            except BaseException as error:
                self._drop()
                if not isinstance(error, self._broken):
                    raise
                raise self._broke(error) from error
            self._works()
            return replies

    def rests_s(self) -> float:
        """Return for how many seconds it will not try again."""
        return max(0.0, self._rests_until - time.monotonic()) if self.away else 0.0

    def fileno(self) -> int:
        """Return the file descriptor of the connection, to wait for what it receives. Raises RedisAway."""
        sock = getattr(self._connection, "_sock", None)
        if sock is None:
            raise RedisAway(f"Redis is away: the connection for {self._purpose} is closed")
        return int(sock.fileno())

    def received(self) -> list[Any]:
        """Return what has arrived without being asked for, without waiting. Raises RedisAway."""
        with self._lock:
            try:
                self.fileno()
                messages = []
                while self._connection.can_read(timeout=0):
                    messages.append(self._connection.read_response())
            except self._broken as error:
                self._drop()
                raise self._broke(error) from error
            return messages

    def close(self) -> None:
        """Close the connection; the next call makes another."""
        with self._lock:
            self._drop()

    def _ask(self, commands: tuple[Command, ...]) -> list[Any]:
        if self._connection is None:
            self._connection = self._pool.connection_class(**self._pool.connection_kwargs)
        self._connection.send_packed_command(self._connection.pack_commands(commands), check_health=False)
        replies: list[Any] = []
        refused: Exception | None = None
        for _ in commands:
            try:
                replies.append(self._connection.read_response())
            except self._refused as error:
                refused = refused or error
        if refused:
            raise refused
        return replies

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.disconnect()

    def _broke(self, error: Exception) -> RedisAway:
        self.breaks += 1
        self._rest_s = min(_LONGEST_REST_S, self._rest_s * 2) if self.away else _FIRST_REST_S
        self._rests_until = time.monotonic() + self._rest_s
        if not self.away and not self._quiet:
            _log.warning("redis_lost", purpose=self._purpose, reason=str(error))
        self.away = True
        return RedisAway(f"Redis is away, needed for {self._purpose}: {error}")

    def _works(self) -> None:
        if self.away and not self._quiet:
            _log.info("redis_restored", purpose=self._purpose)
        self.away = False
