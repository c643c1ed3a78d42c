"""Importing opens nothing and needs no extra; the command line's first word comes without the heavy packages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

IMPORT_ALL = """
import builtins, importlib, json, os, pkgutil, sys, threading
extras = "redis psycopg pandas exchange_calendars panel hvplot slack_bolt discord nbclient ipykernel IPython"
for name in extras.split():
    sys.modules[name] = None  # as if it were not installed
import socket
made = []
connect = socket.socket.connect
socket.socket.connect = lambda self, address: made.append(f"connection to {address}")
real_open = builtins.open
def noting(file, mode="r", *rest, **named):
    if any(letter in mode for letter in "wax+"):
        made.append(f"{file} opened to write")
    return real_open(file, mode, *rest, **named)
builtins.open = noting
before = set(threading.enumerate())
names = []
for package in ("tieout", "store", "pipelines", "api"):
    names.append(package)
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if "migrations" not in module.name:
            importlib.import_module(module.name)
            names.append(module.name)
made += [f"thread {thread.name}" for thread in set(threading.enumerate()) - before]
print(json.dumps({"made": made, "names": names}))
"""

HELP = """
import json, sys
from tieout.cli import main
sys.argv[1:] = ["--help"]
try:
    main()
finally:
    heavy = "duckdb polars deltalake pyarrow matplotlib pypdfium2 qdrant_edge qdrant_client wordllama openai sqlalchemy"
    print(json.dumps([name for name in heavy.split() if name in sys.modules]))
"""


def last_line(script: str, folder: Path) -> Any:
    """Run a script in a process of its own and return the JSON of its last line."""
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_importing_every_module_opens_nothing_and_needs_no_extra(tmp_path: Path) -> None:
    found = last_line(IMPORT_ALL, tmp_path)

    assert found["made"] == []
    assert len(found["names"]) > 100
    assert list(tmp_path.iterdir()) == []


def test_the_help_text_loads_no_heavy_package(tmp_path: Path) -> None:
    assert last_line(HELP, tmp_path) == []
