"""Prepares data folders once per session; a test gets a copy of its own, so that it may do what it likes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Tieout

FILINGS = Path(__file__).parents[2] / "../shared/data/filings"


NO_NETWORK = """
import os, sys

def refuse(event, details):
    if event in {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}:
        with open(os.environ["WITNESS"], "a") as witness:
            witness.write(f"{event} {details}\\n")
        raise OSError("there is no network")

sys.addaudithook(refuse)
with open(os.environ["WITNESS"], "a") as witness:
    witness.write("watching\\n")
"""


@dataclass(frozen=True)
class Demo:
    """A data folder in which `tieout demo` ran once on a fresh machine, and what it printed."""

    home: Path
    printed: dict[str, Any]
    said: str
    reached: list[str]  # what the process did about the network


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demo in an empty data folder, without network: refused to Python, gone for all where that can be."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    witness = folder / "witness"
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    env = {"PYTHONPATH": path, "WITNESS": str(witness)}
    outcome = Tieout(folder / "home", folder, env, _without_network())("demo", "--json")
    assert outcome.code == 0, outcome.err
    return Demo(folder / "home", outcome.json, outcome.err, witness.read_text().splitlines())


def _without_network() -> tuple[str, ...]:
    """Return a command that runs another in a machine without network interfaces, nothing where that is not allowed."""
    prefix = ("unshare", "--map-root-user", "--net")
    try:
        return prefix if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0 else ()
    except FileNotFoundError:
        return ()


@pytest.fixture
def tieout(tmp_path: Path) -> Tieout:
    """Give the command over an empty data folder."""
    (tmp_path / "work").mkdir()
    return Tieout(tmp_path / "home", tmp_path / "work")


@pytest.fixture
def prepared(tieout: Tieout, demo: Demo) -> Tieout:
    """Give the command over a copy of the demo's data folder."""
    tieout.copy_of(demo.home)
    return tieout


@pytest.fixture(scope="session")
def run_notebook() -> Callable[[Path], str]:
    """Give a function that executes a report's notebook in this process and returns what it printed."""
    return execute


def execute(notebook: Path) -> str:
    """Execute the code cells one after another; an assertion that fails in one fails the test."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    names: dict[str, object] = {"__name__": "__main__"}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for cell in cells:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return printed.getvalue()


def numbers(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all numbers of a result."""
    return [number for claim in result["claims"] for number in claim["numbers"]]


def tied_values(result: dict[str, Any]) -> set[Decimal]:
    """Return the values that are tied."""
    return {Decimal(number["value"]) for number in numbers(result) if number["status"] == "tied"}
