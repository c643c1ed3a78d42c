"""Gives the crash tests an installation of each profile, with workers that may be killed and a world that counts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.channel_server import ChannelServer
from tests.support.crash_site import CrashSite


@pytest.fixture
def world() -> Iterator[ChannelServer]:
    """Yield the server outside that counts messages."""
    with ChannelServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres and redis"])
def site(request: pytest.FixtureRequest, world: ChannelServer, tmp_path: Path) -> Iterator[CrashSite]:
    """Yield an installation of either profile."""
    if request.param == "sqlite":
        site = CrashSite(f"sqlite:///{tmp_path / 'tieout.db'}", None, world, tmp_path)
    else:
        urls = request.getfixturevalue("postgres_url"), request.getfixturevalue("redis_url")
        site = CrashSite(*urls, world, tmp_path)
    yield site
    site.end()


@pytest.fixture
def embedded(world: ChannelServer, tmp_path: Path) -> Iterator[CrashSite]:
    """Yield an installation over SQLite."""
    site = CrashSite(f"sqlite:///{tmp_path / 'tieout.db'}", None, world, tmp_path)
    yield site
    site.end()


@pytest.fixture
def team(world: ChannelServer, postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[CrashSite]:
    """Yield an installation over PostgreSQL and Redis."""
    site = CrashSite(postgres_url, redis_url, world, tmp_path)
    yield site
    site.end()
