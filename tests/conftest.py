"""Starts the servers that tests ask for: its own PostgreSQL and Redis, on free ports, once per session."""

import time
from collections.abc import Iterator

import pytest

from tests.support.servers import PostgresServer, RedisServer


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[PostgresServer]:
    """Yield a fresh PostgreSQL server, which is not there to be stopped: other tests use it, too."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(postgres_cluster: PostgresServer) -> str:
    """Return `postgresql://…` of a fresh server, without a database's name."""
    return postgres_cluster.url


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: PostgresServer) -> str:
    """Return the name of a database that has this version's schema."""
    from store.database import open_database

    postgres_cluster.administer("CREATE DATABASE tieout_template")
    open_database(f"{postgres_cluster.url}/tieout_template").close()
    return "tieout_template"


@pytest.fixture
def postgres_url(postgres_cluster: PostgresServer, postgres_template: str) -> Iterator[str]:
    """Yield the address of a database of its own, with the schema, dropped afterwards."""
    name = f"test_{time.time_ns()}"
    postgres_cluster.administer(f"CREATE DATABASE {name} TEMPLATE {postgres_template}")
    yield f"{postgres_cluster.url}/{name}"
    postgres_cluster.administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_postgres(postgres_cluster: PostgresServer) -> Iterator[str]:
    """Yield the address of a database without a table, dropped afterwards."""
    name = f"empty_{time.time_ns()}"
    postgres_cluster.administer(f"CREATE DATABASE {name}")
    yield f"{postgres_cluster.url}/{name}"
    postgres_cluster.administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """Yield `redis://…` of a fresh server that keeps nothing on disk."""
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def redis_url(redis_server: str) -> Iterator[str]:
    """Yield the address of an empty Redis."""
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    yield redis_server
