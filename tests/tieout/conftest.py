"""Runs the command line as users do: in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on standard output."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Starts commands over the toy agents in one data folder."""

    folder: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.folder / "home"

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL, **env: str) -> subprocess.Popen[str]:
        """Start a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        path = {"PYTHONPATH": str(ROOT), "TIEOUT_HOME": str(self.home), "TOY_GO": str(self.folder / "go")}
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.toy_cli", *arguments],
            cwd=self.folder,
            env={**kept, **path, **env},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def __call__(self, *arguments: str, **env: str) -> Outcome:
        """Run a command to its end."""
        process = self.start(*arguments, **env)
        out, err = process.communicate(timeout=120)
        return Outcome(process.returncode, out, err)

    def all(self, *commands: tuple[str, ...]) -> list[Outcome]:
        """Run commands one after another in one process, which spares the time of starting each."""
        process = self.start("--batch", stdin=subprocess.PIPE)
        out, err = process.communicate(json.dumps(commands), timeout=120)
        assert process.returncode == 0, err
        return [Outcome(*outcome) for outcome in json.loads(out)]

    def go(self) -> None:
        """Let blocked toy steps go on."""
        (self.folder / "go").touch()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Give a shell in an empty folder; what it started ends with the test."""
    opened = Shell(tmp_path)
    yield opened
    for process in opened.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
