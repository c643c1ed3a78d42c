"""One suite for every way that a process shows that it lives; each test body uses two processes' worth of objects."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.engine.enrolment import EnrolledLiveness
from pipelines.engine.liveness import FileLiveness, LeaseLiveness
from store.database import open_database
from store.liveness import PostgresLiveness
from store.workers import SqlWorkerStore
from tests.support.command import until
from tieout.errors import NotAvailable
from tieout.model import SignOfLife, Worker, WorkerKind, new_id
from tieout.ports import Liveness

ROOT = Path(__file__).parents[2]
_HOLD = """
import sys
from contextlib import ExitStack
sys.path.insert(0, sys.argv[1])
from tests.contracts.test_liveness import make
made = make(sys.argv[2], sys.argv[3], ExitStack())
made.hold(sys.argv[4])
print("held", flush=True)
sys.stdin.read()
made.release(sys.argv[4])
print("released", flush=True)
sys.stdin.read()
"""


def described(owner: str) -> Worker:
    now = datetime.now(UTC)
    return Worker(owner, WorkerKind.WORKER, "here", 7, "boot", 4, "1", SignOfLife.FILE, now, now)


def make(kind: str, place: str, opened: ExitStack) -> Liveness:
    """Return what one process would have. `place` is a folder or a database's address."""
    if kind == "lease":
        return LeaseLiveness()
    if kind == "file":
        return FileLiveness(Path(place) / "owners")
    database = open_database(place if kind == "postgres" else f"sqlite:///{place}/tieout.db")
    opened.callback(database.close)
    if kind == "postgres":
        return PostgresLiveness(database, described)
    return EnrolledLiveness(FileLiveness(Path(place) / "owners"), SqlWorkerStore(database), described)


@dataclass
class Site:
    """Where processes meet."""

    kind: str
    place: str
    opened: ExitStack

    def process(self) -> Liveness:
        return make(self.kind, self.place, self.opened)

    def launch(self, owner: str) -> subprocess.Popen[str]:
        """Start a real process that holds the name, and lets it go when its standard input ends."""
        command = [sys.executable, "-c", _HOLD, str(ROOT), self.kind, self.place, owner]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        return process


KINDS = ["file", "file and row", "postgres"]


@contextmanager
def site_of(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    place = request.getfixturevalue("postgres_url") if request.param == "postgres" else str(tmp_path)
    with ExitStack() as opened:
        yield Site(request.param, place, opened)


@pytest.fixture(params=[*KINDS, "lease"])
def any_site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with site_of(request, tmp_path) as site:
        yield site


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Where the death of a process is told at once."""
    with site_of(request, tmp_path) as site:
        yield site


@pytest.fixture
def mine(site: Site) -> Iterator[Liveness]:
    liveness = site.process()
    liveness.hold("me")
    yield liveness
    liveness.release("me")


def dies(liveness: Liveness, owner: str) -> Callable[[], bool]:
    return lambda: not liveness.alive_many([owner, "me"]) & {owner}


def test_an_owner_is_alive_to_itself_and_to_others(any_site: Site) -> None:
    mine, other = any_site.process(), any_site.process()
    mine.hold("me")
    try:
        for liveness in (mine, other):
            assert liveness.alive("me")
            assert liveness.alive_many(["me"]) == {"me"}
    finally:
        mine.release("me")


def test_asking_about_nobody_finds_nobody(any_site: Site) -> None:
    assert any_site.process().alive_many([]) == frozenset()


def test_releasing_what_is_not_held_is_quiet(any_site: Site) -> None:
    any_site.process().release("nobody")


def test_who_said_goodbye_is_dead_at_once(site: Site) -> None:
    mine, other = site.process(), site.process()
    mine.hold("me")
    mine.release("me")
    assert not other.alive("me")
    assert not mine.alive("me")


def test_a_name_can_be_held_again_after_it_was_let_go(site: Site) -> None:
    mine, other = site.process(), site.process()
    for _ in range(2):
        mine.hold("me")
        assert other.alive("me")
        mine.release("me")
    assert not other.alive("me")


def test_one_process_may_hold_several_names(site: Site) -> None:
    mine, other = site.process(), site.process()
    mine.hold("me")
    mine.hold("myself")
    mine.release("me")
    assert other.alive_many(["me", "myself"]) == {"myself"}
    mine.release("myself")


def test_a_name_in_use_is_refused(site: Site, mine: Liveness) -> None:
    other = site.process()
    with pytest.raises(NotAvailable, match="already called"):
        other.hold("me")
    assert other.alive("me")


def test_a_killed_process_is_soon_dead_and_others_are_not(site: Site, mine: Liveness) -> None:
    with site.launch("killed") as killed, site.launch("other") as other:
        assert mine.alive_many(["killed", "other", "me"]) == {"killed", "other", "me"}
        killed.kill()
        killed.wait()
        until(dies(mine, "killed"))
        assert mine.alive_many(["killed", "other", "me"]) == {"other", "me"}
        other.kill()


def test_a_stopped_process_is_slow_not_dead(site: Site, mine: Liveness) -> None:
    with site.launch("slow") as slow:
        slow.send_signal(signal.SIGSTOP)
        try:
            for _ in range(8):  # as many looks as a sweeper has in some seconds
                assert mine.alive("slow")
                time.sleep(0.2)
        finally:
            slow.kill()


def test_a_process_that_lets_go_is_dead_while_it_still_runs(site: Site, mine: Liveness) -> None:
    with site.launch("leaving") as leaving:
        assert leaving.stdin
        assert leaving.stdout
        leaving.stdin.close()
        assert leaving.stdout.readline() == "released\n"
        assert not mine.alive("leaving")


def test_a_name_that_nobody_ever_had_is_not_called_alive_by_a_lock(tmp_path: Path) -> None:
    assert not FileLiveness(tmp_path).alive(new_id("owner"))


def test_leases_alone_call_nobody_dead() -> None:
    liveness = LeaseLiveness()
    liveness.hold("me")
    liveness.release("me")
    assert liveness.alive("anybody")
    assert liveness.alive_many(["a", "b"]) == {"a", "b"}
