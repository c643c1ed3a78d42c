"""Set-up finds a Python that is new enough wherever it is, and says what to do when there is none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BASE_PYTHON = Path(sys._base_executable)  # type: ignore[attr-defined]


def run(script: str, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of scripts/ with nothing on PATH but `path` and the shell's own tools."""
    for tool in ("bash", "cat", "env", "chmod"):
        if not (path / tool).exists():
            (path / tool).symlink_to(str(shutil.which(tool)))
    return subprocess.run(
        [str(ROOT / "scripts" / script)],
        env={"PATH": str(path), "HOME": str(path)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def command(path: Path, script: str) -> None:
    """Put an executable shell script at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def test_a_new_python_behind_an_old_one_on_path_is_found(path: Path) -> None:
    command(path / "python3.12", "exit 1")
    command(path / "python3", f'exec "{BASE_PYTHON}" "$@"')

    result = run("find-python", path)

    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()).exists()


def test_a_version_of_pyenv_is_found_when_path_has_only_an_old_one(path: Path, tmp_path: Path) -> None:
    command(path / "python3", "exit 1")
    command(tmp_path / "pyenv/versions/3.11.7/bin/python", "exit 1")
    command(tmp_path / "pyenv/versions/3.12.1/bin/python", f'exec "{BASE_PYTHON}" "$@"')

    result = run("find-python", path, PYENV_ROOT=str(tmp_path / "pyenv"))

    assert result.returncode == 0, result.stderr


def test_uv_is_asked_last(path: Path) -> None:
    command(path / "uv", f'[ "$1 $2" = "python find" ] && echo "{BASE_PYTHON}"')

    result = run("find-python", path)

    assert result.returncode == 0, result.stderr


def test_no_python_at_all_gives_advice(path: Path) -> None:
    result = run("find-python", path)

    assert result.returncode == 1
    assert result.stdout == ""
    assert "tieout needs Python 3.12 or newer" in result.stderr
    assert "python3-venv" in result.stderr


def test_missing_services_are_installed_when_that_is_allowed(path: Path) -> None:
    command(path / "id", "echo 0")
    services = ("redis-server", "initdb", "pgbouncer", "chromium")
    for name in services:
        install = f'[ "$1" = install ] || exit 0; echo > "{path}/{name}"; chmod 755 "{path}/{name}"'
        command(path / "apt-get", install)
        for other in services:
            command(path / other, "exit 0")
        (path / name).unlink()

        result = run("services", path)

        assert result.returncode == 0, result.stderr


def test_missing_services_are_named_when_they_may_not_be_installed(path: Path) -> None:
    """One line, also where `sudo` would ask for a password."""
    command(path / "initdb", "exit 0")
    command(path / "id", "echo 1000")
    command(path / "sudo", "exit 1")
    command(path / "apt-get", "exit 100")

    result = run("services", path)

    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert "sudo apt-get install redis-server" in result.stderr


def test_present_services_cost_nothing(path: Path) -> None:
    for name in ("initdb", "redis-server", "pgbouncer", "chromium"):
        command(path / name, "exit 0")
    command(path / "apt-get", "exit 100")

    result = run("services", path)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_every_pin_is_a_name_and_an_exact_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    pins = [line for line in lines if not line.startswith("#")]
    assert len(pins) > 100
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", pin)] == []
