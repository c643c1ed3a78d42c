"""Redis and PostgreSQL that forget, die and come back in the middle of work."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.support.channel_server import ChannelServer
from tests.support.crash_points import Point
from tests.support.crash_site import CrashSite
from tests.support.servers import PostgresServer, RedisServer
from tieout.model import RunState


@pytest.fixture
def own_redis(world: ChannelServer, postgres_url: str, tmp_path: Path) -> Iterator[tuple[CrashSite, RedisServer]]:
    """Yield an installation whose Redis may be killed."""
    with RedisServer() as server:
        site = CrashSite(postgres_url, server.url, world, tmp_path)
        yield site, server
        site.end()


@pytest.fixture
def own_postgres(world: ChannelServer, redis_url: str, tmp_path: Path) -> Iterator[tuple[CrashSite, PostgresServer]]:
    """Yield an installation whose PostgreSQL may be killed."""
    with PostgresServer() as server:
        server.administer("CREATE DATABASE tieout")
        site = CrashSite(f"{server.url}/tieout", redis_url, world, tmp_path)
        yield site, server
        site.end()


def under_load(site: CrashSite, do: Callable[[], object], *, times: int) -> None:
    """Do something again and again while runs are submitted and worked on."""
    for _ in range(times):
        for _ in range(8):
            site.submit()
        do()
        site.replace_dead()


def test_a_redis_that_is_flushed_under_load_loses_and_doubles_nothing(team: CrashSite) -> None:
    team.start()
    with redis.Redis.from_url(team.job.redis_url or "") as client:

        def flush() -> None:
            for _ in range(5):
                client.flushall()
                time.sleep(0.03)

        under_load(team, flush, times=8)
        team.await_ends()
    team.judge()


def test_a_redis_that_is_killed_and_started_again_loses_and_doubles_nothing(
    own_redis: tuple[CrashSite, RedisServer],
) -> None:
    site, server = own_redis
    site.start()

    def kill() -> None:
        server.kill()
        done = sum(run.state.final for run in site.looked())
        site.until(lambda: sum(run.state.final for run in site.looked()) > done)  # work goes on without it
        server.start()

    under_load(site, kill, times=4)
    site.await_ends()
    site.judge()


@pytest.mark.parametrize("how", ["restarted", "killed"])
def test_a_postgresql_that_ends_in_the_middle_of_a_sweep_loses_and_doubles_nothing(
    own_postgres: tuple[CrashSite, PostgresServer], how: str
) -> None:
    """A worker is killed with steps in hand; the one that frees them is held between two, and PostgreSQL ends there."""
    site, server = own_postgres
    runs = [site.submit(actions={"left": "park", "right": "park"}) for _ in range(3)]
    (first,) = site.start(count=1, threads=6)
    site.until(lambda: sum(site.step(run, key).state == "running" for run in runs for key in ("left", "right")) == 6)
    point = Point("store._release", "after", "hold")
    first.kill()
    first.join()
    site.workers.clear()
    site.start(point, count=1, threads=6)
    site.await_point(point)
    if how == "restarted":
        server.stop()
    else:
        server.kill()
    server.start()
    (site.folder / "go").touch()
    site.await_ends()
    site.judge()
    assert {site.step(run, key).attempt for run in runs for key in ("left", "right")} == {2}


def test_a_postgresql_that_restarts_again_and_again_under_load_loses_and_doubles_nothing(
    own_postgres: tuple[CrashSite, PostgresServer],
) -> None:
    site, server = own_postgres
    site.start()
    site.await_at_work()
    ways = itertools.cycle([server.stop, server.kill])

    def restart() -> None:
        next(ways)()
        server.start()
        time.sleep(0.3)

    under_load(site, restart, times=4)
    site.await_ends()
    site.judge()


def test_a_worker_killed_while_postgresql_is_down_is_made_up_for(
    own_postgres: tuple[CrashSite, PostgresServer],
) -> None:
    site, server = own_postgres
    run = site.submit(actions={"left": "park"})
    first, _ = site.start()
    site.until((site.folder / "parked left").exists)
    server.stop()
    for process, _ in site.workers:
        process.kill()
        process.join()
    server.start()
    (site.folder / "go").touch()
    site.await_ends(RunState.DONE)
    site.judge()
    assert site.step(run, "left").attempt == 2
    assert first.exitcode == -signal.SIGKILL
