"""Runs the installed `tieout` command as a user does: a process of its own, a data folder of its own, no settings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one object on standard output; anything else there is a mistake."""
        value = json.loads(self.out)
        assert isinstance(value, dict), self.out
        return value


def program() -> str:
    """Return the command that stands beside the interpreter of the tests."""
    found = shutil.which("tieout", path=str(Path(sys.executable).parent))
    assert found, "tieout is not installed in this environment: run `make setup`"
    return found


@dataclass(frozen=True)
class Tieout:
    """The command over one data folder."""

    home: Path
    folder: Path  # the working directory
    env: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()  # a command that runs the command

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command; the caller ends it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        return subprocess.Popen(
            [*self.prefix, program(), *arguments],
            cwd=self.folder,
            env={**kept, "TIEOUT_HOME": str(self.home), **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def __call__(self, *arguments: str, **options: Any) -> Outcome:
        """Run a command to its end."""
        with self.start(*arguments, **options) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Outcome(process.returncode, out, err)

    def with_env(self, **env: str) -> Tieout:
        """Return the same command with more in its environment."""
        return Tieout(self.home, self.folder, {**self.env, **env}, self.prefix)

    @contextmanager
    def service(self) -> Iterator[subprocess.Popen[str]]:
        """Keep `tieout up` running for the length of the block."""
        with self.start("up") as process:
            try:
                until(lambda: (self.home / "runtime.json").exists() or process.poll() is not None)
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
                yield process
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.communicate(timeout=PATIENCE_S)

    def copy_of(self, home: Path) -> None:
        """Make the data folder a copy of a prepared one that no process holds."""
        shutil.copytree(home, self.home)


def until(true: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait for a condition that another process brings about."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
