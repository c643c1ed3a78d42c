"""The supervisor over small processes of its own: who is started again, when, and how all end."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command import until

ROOT = Path(__file__).parents[2]
_SUPERVISE = """
import sys
sys.path.insert(0, sys.argv[1])
from tieout.supervisor import Supervisor
tell = lambda text: print(text, file=sys.stderr, flush=True)
command = [sys.executable, sys.argv[2], sys.argv[3]]
supervisor = Supervisor(command, int(sys.argv[4]), tell=tell, patience_s=float(sys.argv[5]), first_pause_s=0.01)
sys.exit(supervisor.run())
"""
# Writes its number into the folder, obeys its standard input, and does what the file `do` says when it starts.
_CHILD = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
do = (folder / "do").read_text() if (folder / "do").exists() else ""
signal.signal(signal.SIGINT, signal.SIG_DFL)
(folder / f"pid-{os.getpid()}").touch()
if do == "unusable":
    sys.exit(2)
if do == "die":
    sys.exit(5)
while heard := os.read(0, 16):
    with (folder / "heard").open("ab", buffering=0) as file:
        file.write(heard)
    if do == "deaf" or (do == "slow" and b"e" not in heard):
        continue
    sys.exit(0)
while do == "deaf":
    time.sleep(1)
"""


class Site:
    """A supervisor process and the folder where its children leave traces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "child.py").write_text(_CHILD)
        (folder / "traces").mkdir()
        self.process: Any = None

    def start(self, count: int, *, do: str = "", patience_s: float = 60.0) -> None:
        self.do(do)
        arguments = [str(ROOT), str(self.folder / "child.py"), str(self.folder / "traces"), str(count), str(patience_s)]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-c", _SUPERVISE, *arguments], stderr=log)

    def do(self, what: str) -> None:
        (self.folder / "traces" / "do").write_text(what)

    def pids(self) -> list[int]:
        """Return the numbers of all children that there ever were."""
        return [int(path.name.removeprefix("pid-")) for path in (self.folder / "traces").glob("pid-*")]

    def living(self) -> set[int]:
        return {pid for pid in self.pids() if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"}

    def heard(self) -> str:
        path = self.folder / "traces" / "heard"
        return path.read_text() if path.exists() else ""

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        return int(self.process.wait(60))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    if site.process is not None and site.process.poll() is None:
        site.process.kill()
        site.process.wait()
    for pid in site.living():
        psutil.Process(pid).kill()


def test_who_dies_is_replaced_and_the_siblings_stay(site: Site) -> None:
    site.start(3)
    until(lambda: len(site.living()) == 3)
    first = site.living()
    killed = min(first)
    psutil.Process(killed).kill()
    until(lambda: len(site.living() - {killed}) == 3)
    assert first - {killed} < site.living()
    site.send(signal.SIGTERM)
    assert site.ends() == 0
    assert site.heard() == "ddd"


def test_who_dies_again_and_again_is_started_at_growing_intervals(site: Site) -> None:
    site.start(1, do="die")
    until(lambda: site.log().count("another starts") >= 5)
    pauses = [line.split(" in ")[1] for line in site.log().splitlines() if "another starts" in line]
    assert pauses[:5] == ["0.01 s.", "0.02 s.", "0.04 s.", "0.08 s.", "0.16 s."]
    assert "exit code 5" in site.log()
    site.send(signal.SIGTERM)
    assert site.ends() == 0


def test_settings_that_cannot_be_used_end_it_all(site: Site) -> None:
    site.start(2, do="unusable")
    assert site.ends() == 2
    assert site.living() == set()


def test_a_second_signal_is_passed_on_as_the_order_to_end(site: Site) -> None:
    site.start(2, do="slow")
    until(lambda: len(site.living()) == 2)
    site.send(signal.SIGINT)
    until(lambda: site.heard() == "dd")
    site.send(signal.SIGINT)
    assert site.ends() == 0
    assert sorted(site.heard()) == ["d", "d", "e", "e"]


def test_the_pipe_of_a_killed_supervisor_breaks(site: Site) -> None:
    site.start(2)
    until(lambda: len(site.living()) == 2)
    site.process.kill()
    site.process.wait()
    until(lambda: not site.living())


def test_who_does_not_end_is_killed_and_that_is_said(site: Site) -> None:
    site.start(1, do="deaf", patience_s=-14.5)  # half a second in all
    until(lambda: len(site.living()) == 1)
    site.send(signal.SIGTERM)
    assert site.ends() == 1
    assert "is killed" in site.log()
    assert not site.living()
