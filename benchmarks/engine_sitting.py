"""One sitting: folders and servers that the measurements share, each made when it is first asked for."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.support.servers import PostgresServer, RedisServer


class Sitting:
    """What a measurement may use. `quick` asks for a short version of it."""

    def __init__(self, *, quick: bool, million: bool = False) -> None:
        self.quick = quick
        self.million = million
        self._stack = ExitStack()
        self._databases = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def folder(self) -> Path:
        """Return an empty folder that is removed in the end."""
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tieout-bench-")))

    @cached_property
    def postgres(self) -> PostgresServer:
        """A PostgreSQL as one installs it: fsync on."""
        return self._stack.enter_context(PostgresServer(durable=True))

    @cached_property
    def redis(self) -> RedisServer:
        """A Redis that keeps nothing on disk."""
        return self._stack.enter_context(RedisServer())

    def team(self, workers: int = 8) -> dict[str, Any]:
        """Return the settings of a desk over a new database and an empty Redis."""
        import redis

        self._databases += 1
        name = f"sitting_{self._databases}"
        self.postgres.administer(f"CREATE DATABASE {name}")
        with redis.Redis.from_url(self.redis.url) as client:
            client.flushall()
        return {
            "home": str(self.folder()),
            "profile": "team",
            "database_url": f"{self.postgres.url}/{name}",
            "redis_url": self.redis.url,
            "workers": workers,
        }

    def embedded(self, workers: int = 4) -> dict[str, Any]:
        """Return the settings of a desk in a new folder."""
        return {"home": str(self.folder()), "profile": "embedded", "workers": workers}
