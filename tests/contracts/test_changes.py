"""What followers rely on in wake-ups: within a process, and between two over Redis and over PostgreSQL."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
import redis

from pipelines.engine.redis_changes import RedisChanges
from store.notify import PostgresChanges
from tieout.changes import LocalChanges
from tieout.ports import Changes

PATIENCE_S = 30.0

type Make = Callable[[], Changes]


@pytest.fixture(params=["local", "redis", "postgres"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Yield what makes the changes of a further process; the local ones are of one process only."""
    made: list[Changes] = []
    local = LocalChanges()
    url = "" if request.param == "local" else request.getfixturevalue(f"{request.param}_url")
    channel = f"test{time.time_ns()}"

    def make() -> Changes:
        if request.param == "local":
            return local
        made.append(
            RedisChanges(url, namespace=channel)
            if request.param == "redis"
            else PostgresChanges(url, channel="of " + channel)
        )
        return made[-1]

    yield make
    for changes in made:
        changes.close()


@pytest.fixture(params=["redis", "postgres"])
def far(request: pytest.FixtureRequest) -> Iterator[tuple[Make, Callable[[], None]]]:
    """Yield what makes the changes of a further process, and what cuts all connections of the server."""
    made: list[Changes] = []
    url = request.getfixturevalue(f"{request.param}_url")
    channel = f"test{time.time_ns()}"

    def make() -> Changes:
        made.append(
            RedisChanges(url, namespace=channel) if request.param == "redis" else PostgresChanges(url, channel=channel)
        )
        return made[-1]

    def cut_redis() -> None:
        with redis.Redis.from_url(url) as client:
            client.client_kill_filter(_type="normal", skipme=True)
            client.client_kill_filter(_type="pubsub")

    def cut_postgres() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    yield make, cut_redis if request.param == "redis" else cut_postgres
    for changes in made:
        changes.close()


class Woken:
    """Counts wake-ups."""

    def __init__(self, changes: Changes, run_id: str | None = None) -> None:
        self.times = 0
        self.end = changes.listen(self._wake, run_id)

    def _wake(self) -> None:
        self.times += 1


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def settled(*changes: Changes) -> None:
    """Return when all hear each other: what says so is told until everybody has heard it from everybody."""
    for source in changes:
        for target in changes:
            probe = f"probe {id(source)} {id(target)}"
            heard = Woken(target, probe)

            def told(source: Changes = source, probe: str = probe, heard: Woken = heard) -> bool:
                source.notify(probe)
                return heard.times > 3  # the first ones may be those of the line's start

            eventually(told)
            heard.end()


def waiting_thread(changes: Changes, run_id: str | None) -> tuple[threading.Thread, threading.Event]:
    """Return a thread that waits for a change and then sets the event."""
    woken = threading.Event()
    seen = changes.wait(-1, 0)

    def wait() -> None:
        if changes.wait(seen, PATIENCE_S, run_id) != seen:
            woken.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread, woken


# ---------------------------------------------------------------- who wakes


def test_a_change_wakes_who_waits_for_any_run_and_for_that_run(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    threads = [waiting_thread(there, None), waiting_thread(there, "run_a")]
    here.notify("run_a")
    for thread, woken in threads:
        thread.join(PATIENCE_S)
        assert woken.is_set()


def test_a_change_of_another_run_wakes_nobody(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    # Now and then two runs share a count, and then a follower may wake in vain: not these two.
    other = next(f"run_b{number}" for number in range(99) if hash(f"run_b{number}") % 1024 != hash("run_a") % 1024)
    listener, follower = Woken(there, "run_a"), Woken(there, other)
    thread, woken = waiting_thread(there, "run_a")
    for _ in range(10):
        here.notify(other)
    eventually(lambda: follower.times)
    assert listener.times == 0
    assert not woken.is_set()
    here.notify("run_a")
    thread.join(PATIENCE_S)
    assert woken.is_set()


def test_a_change_of_no_particular_run_wakes_all(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    threads = [waiting_thread(there, run_id) for run_id in (None, "run_a", "run_b")]
    here.notify()
    for thread, woken in threads:
        thread.join(PATIENCE_S)
        assert woken.is_set()


def test_a_change_between_two_waits_is_not_missed(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    seen = there.wait(-1, 0)
    heard = Woken(there, "run_a")
    here.notify("run_a")
    here.notify("run_b")
    eventually(lambda: heard.times)
    assert there.wait(seen, PATIENCE_S, "run_a") > seen


def test_a_wait_without_a_change_ends_after_its_time(make: Make) -> None:
    changes = make()
    seen = changes.wait(-1, 0)
    assert changes.wait(seen, 0, "run_a") == seen
    assert changes.wait(seen, 0) == seen


def test_a_listener_that_ended_is_not_called(make: Make) -> None:
    changes = make()
    settled(changes)
    ended, other = Woken(changes, "run_a"), Woken(changes, "run_a")
    ended.end()
    ended.end()
    changes.notify("run_a")
    eventually(lambda: other.times)
    assert ended.times == 0


def test_a_process_hears_its_own_change_once(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    own, far = Woken(here, "run_a"), Woken(there, "run_a")
    here.notify("run_a")
    eventually(lambda: far.times)
    own_marker = Woken(here, "run_b")
    there.notify("run_b")  # comes back the same way, after it
    eventually(lambda: own_marker.times)
    assert own.times == 1


def test_closing_sends_what_is_pending_and_leaves_this_process_waking(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    heard = Woken(there, "run_a")
    here.notify("run_a")
    here.close()
    here.close()
    eventually(lambda: heard.times)
    mine = Woken(here, "run_b")
    here.notify("run_b")
    assert mine.times == 1


def test_many_changes_of_many_runs_reach_each_follower(make: Make) -> None:
    here, there = make(), make()
    settled(here, there)
    heard = {f"run_{number:026}": Woken(there, f"run_{number:026}") for number in range(2000)}
    for run_id in heard:
        here.notify(run_id)
    eventually(lambda: all(woken.times for woken in heard.values()))


# ---------------------------------------------------------------- a line that breaks


def test_a_cut_connection_is_made_again_and_who_waits_looks_once(far: tuple[Make, Callable[[], None]]) -> None:
    make, cut = far
    here, there = make(), make()
    settled(here, there)
    thread, woken = waiting_thread(there, "run_a")
    cut()
    thread.join(PATIENCE_S)
    assert woken.is_set()
    settled(here, there)


def test_what_was_told_while_the_line_was_down_wakes_the_others_afterwards(
    far: tuple[Make, Callable[[], None]],
) -> None:
    make, cut = far
    here, there = make(), make()
    settled(here, there)
    for _ in range(3):
        heard = Woken(there, "run_a")
        cut()
        here.notify("run_a")
        eventually(lambda heard=heard: heard.times)
