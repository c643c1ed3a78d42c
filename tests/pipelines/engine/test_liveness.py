"""Signs of life of real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.engine.liveness import FileLiveness, LeaseLiveness
from tieout.errors import NotAvailable

ROOT = Path(__file__).parents[3]
_HOLD = """
import sys
from pathlib import Path
from pipelines.engine.liveness import FileLiveness
liveness = FileLiveness(Path(sys.argv[1]))
liveness.hold("other")
print("held", flush=True)
sys.stdin.read()
"""


def test_an_owner_is_alive_until_it_lets_go(tmp_path: Path) -> None:
    mine, other = FileLiveness(tmp_path / "owners"), FileLiveness(tmp_path / "owners")
    assert not other.alive("me")
    mine.hold("me")
    assert mine.alive("me")
    assert other.alive("me")
    mine.release("me")
    assert not other.alive("me")
    assert list((tmp_path / "owners").iterdir()) == []


def test_a_killed_process_is_dead_at_once(tmp_path: Path) -> None:
    liveness = FileLiveness(tmp_path)
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        assert liveness.alive("other")
        with pytest.raises(NotAvailable):
            liveness.hold("other")
        process.kill()
        process.wait()
        assert not liveness.alive("other")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotAvailable):
        FileLiveness(tmp_path / "file" / "owners").hold("me")


def test_leases_alone_call_nobody_dead() -> None:
    liveness = LeaseLiveness()
    liveness.hold("me")
    liveness.release("me")
    assert liveness.alive("anybody")
