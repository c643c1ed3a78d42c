"""A worker process of the engine's benchmarks, and the class that starts, kills and ends one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

sys.path.insert(0, str(Path(__file__).parents[1]))

READY = "ready"


class WorkerProcess:
    """`python engine_worker.py SETTINGS`: works until its standard input is closed, or it is killed."""

    def __init__(self, settings: dict[str, Any], *, script: Path = Path(__file__)) -> None:
        """Start the process; `settings` are those of tieout, as JSON values."""
        self.process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> Self:
        """Wait until the engine in the process has started; exit when it ended instead."""
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != READY:
            sys.exit(f"a worker process ended with {self.process.wait()} before it was ready")
        return self

    def kill(self) -> None:
        """End the process with SIGKILL."""
        self.process.kill()
        self.process.wait()
        self._close()

    def stop(self) -> None:
        """Let running steps finish, then end the process."""
        if self.process.poll() is None and self.process.stdin is not None:
            self.process.stdin.close()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close()

    def _close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def work(settings: dict[str, Any], agents: Any = None) -> None:
    """Run an engine until standard input ends: a parent that dies takes its workers along."""
    from engine_desk import IDLE, open_desk, quiet

    from tieout.settings import read_settings

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    quiet()
    with open_desk(read_settings(**settings), work=True, agents=agents or (IDLE,)):
        print(READY, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    work(json.loads(sys.argv[1]))
