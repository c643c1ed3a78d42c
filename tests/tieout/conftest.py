"""Runs the command line as users do: in a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
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
    """Starts commands over the toy agents, or the real ones, in one data folder."""

    folder: Path

    @property
    def home(self) -> Path:
        """The data folder."""
        return self.folder / "home"

    def start(self, *arguments: str, real: bool = False, **env: str) -> subprocess.Popen[str]:
        """Start a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIEOUT_")}
        path = {"PYTHONPATH": str(ROOT), "TIEOUT_HOME": str(self.home), "TOY_GO": str(self.folder / "go")}
        module = "tieout.cli" if real else "tests.support.toy_cli"
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={**kept, **path, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str, real: bool = False, **env: str) -> Outcome:
        """Run a command to its end."""
        process = self.start(*arguments, real=real, **env)
        out, err = process.communicate(timeout=120)
        return Outcome(process.returncode, out, err)

    def go(self) -> None:
        """Let blocked toy steps go on."""
        (self.folder / "go").touch()


@pytest.fixture
def shell(tmp_path: Path) -> Callable[..., Outcome]:
    """Return a shell in an empty folder."""
    return Shell(tmp_path)
