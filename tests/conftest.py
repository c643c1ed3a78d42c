"""Starts the servers that tests ask for: its own PostgreSQL and Redis, on free ports, once per session."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_PATIENCE_S = 60.0


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield `postgresql://…` of a fresh server, without a database's name."""
    programs = _postgres_programs()
    folder = Path(tempfile.mkdtemp(prefix="tieout-pg-"))
    account = _unprivileged()
    if account:
        os.chown(folder, account["user"], account["group"])
    data, port = folder / "data", free_port()
    common: dict[str, Any] = {"cwd": folder, "env": {"PATH": os.environ["PATH"], "LC_ALL": "C"}, **account}
    process = None
    try:
        made = subprocess.run(
            [programs / "initdb", "-D", data, "-U", "tieout", "-A", "trust", "-E", "UTF8", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            **common,
        )
        assert made.returncode == 0, made.stderr
        settings = ["fsync=off", "max_connections=200", f"unix_socket_directories={folder}"]
        options = [word for setting in settings for word in ("-c", setting)]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), *options],
                stdout=log,
                stderr=log,
                **common,
            )
        url = f"postgresql://tieout@127.0.0.1:{port}"
        _await(lambda: _postgres_answers(url), process, folder / "log")
        yield url
    finally:
        _end(process, signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Return the name of a database that has this version's schema."""
    from store.database import open_database

    _administer(postgres_server, "CREATE DATABASE tieout_template")
    open_database(f"{postgres_server}/tieout_template").close()
    return "tieout_template"


@pytest.fixture
def postgres_url(postgres_server: str, postgres_template: str) -> Iterator[str]:
    """Yield the address of a database of its own, with the schema, dropped afterwards."""
    name = f"test_{time.time_ns()}"
    _administer(postgres_server, f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield f"{postgres_server}/{name}"
    _administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Yield `redis://…` of a fresh server that keeps nothing on disk."""
    program = shutil.which("redis-server")
    assert program, "redis-server is not installed: run `make setup`"
    folder = Path(tempfile.mkdtemp(prefix="tieout-redis-"))
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        _await(lambda: _answers(port), process, folder / "log")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        _end(process, signal.SIGTERM)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """Yield the address of an empty Redis."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    yield redis_server


def free_port() -> int:
    """Return a port of the loopback that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _postgres_programs() -> Path:
    found = [Path(path).resolve().parent for path in (shutil.which("initdb"),) if path]
    found += [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    assert found, "PostgreSQL is not installed: run `make setup`"
    return max(found, key=lambda path: path.parent.name)


def _unprivileged() -> dict[str, Any]:
    """Return whom the server runs as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    account = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _await(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not ready():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _postgres_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _administer(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(statement)


def _end(process: subprocess.Popen[bytes] | None, how: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
