"""Starts PostgreSQL and Redis servers of one's own on free ports, for tests and benchmarks, and ends or kills them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_PATIENCE_S = 60.0


class Server(ABC):
    """A server in a folder that is removed in the end. Its port stays the same when it is started again."""

    how_to_stop: signal.Signals = signal.SIGTERM

    def __init__(self, name: str) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"tieout-{name}-"))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises AssertionError with its log when it does not."""
        log = self.folder / "log"
        with log.open("ab") as file:
            self.process = subprocess.Popen(self.command(), stdout=file, stderr=file, **self.surroundings())
        deadline = time.monotonic() + _PATIENCE_S
        while not self.answers():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server in an orderly way; one that does not end is killed."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.how_to_stop)
        try:
            self.process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End the server with SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        """End the server and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server takes connections."""

    def surroundings(self) -> dict[str, Any]:
        """Return the further arguments of Popen."""
        return {"cwd": self.folder}


class RedisServer(Server):
    """A Redis that keeps nothing on disk."""

    def __init__(self) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed: run `make services`"
        super().__init__("redis")
        self._program = program

    @property
    def url(self) -> str:
        """`redis://…`"""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        return [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0


class PostgresServer(Server):
    """A PostgreSQL with a cluster of its own. `durable` keeps fsync on, as every installation should; tests do without."""

    how_to_stop = signal.SIGINT  # "fast": sessions are ended, not waited for

    def __init__(self, *, durable: bool = False, **settings: str | int) -> None:
        self._programs = _postgres_programs()
        super().__init__("pg")
        self._settings = {
            "max_connections": 200,
            "unix_socket_directories": self.folder,
            **({} if durable else {"fsync": "off"}),
            **settings,
        }
        self._account = unprivileged_account()
        if self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])

    @property
    def url(self) -> str:
        """`postgresql://…` without a database's name."""
        return f"postgresql://tieout@127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self._data.exists():
            command = [
                str(self._programs / "initdb"),
                "-D",
                str(self._data),
                "-U",
                "tieout",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "-N",
            ]
            made = subprocess.run(command, capture_output=True, text=True, check=False, **self.surroundings())
            assert made.returncode == 0, made.stderr
        super().start()

    def administer(self, statement: str) -> None:
        """Execute a statement such as CREATE DATABASE."""
        import psycopg

        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def command(self) -> list[str]:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        program = [str(self._programs / "postgres"), "-D", str(self._data)]
        return [*program, "-h", "127.0.0.1", "-p", str(self.port), *options]

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(f"{self.url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def surroundings(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **self._account}

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def free_port() -> int:
    """Return a port of the loopback that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _postgres_programs() -> Path:
    found = [Path(path).resolve().parent for path in (shutil.which("initdb"),) if path]
    found += [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    assert found, "PostgreSQL is not installed: run `make services`"
    return max(found, key=lambda path: path.parent.name)


def unprivileged_account() -> dict[str, Any]:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
