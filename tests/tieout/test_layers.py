"""The import contracts of pyproject.toml really refuse an import that points upwards or sideways."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
LAYERS = re.findall(r"[\w.]+", " ".join(CONTRACT["layers"]))
PARTS = ["bots/slack", "kernel_ext/magics", "dashboards/serve", "api/app", "store/runs", "pipelines/engine"]
MODULES = [*(layer.replace(".", "/") for layer in LAYERS if layer.startswith("tieout.")), *PARTS]


def lint(folder: Path, importer: str, statement: str) -> subprocess.CompletedProcess[str]:
    """Lay out empty packages in `folder`, put one import into one of them and run the contracts over it."""
    for module in MODULES:
        path = folder / f"{module}.py"
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.touch()
    (folder / f"{importer}.py").write_text(statement + "\n")
    shutil.copy(ROOT / "pyproject.toml", folder)
    script = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", script, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("tieout/model", "import tieout.ports"),
        ("tieout/application", "import store.runs"),
        ("store/runs", "import tieout.bootstrap"),
        ("store/runs", "import tieout.settings"),
        ("tieout/bootstrap", "import api.app"),
        ("api/app", "import tieout.cli"),
    ],
)
def test_an_upward_import_breaks_the_contract(tmp_path: Path, importer: str, statement: str) -> None:
    result = lint(tmp_path, importer, statement)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "is not allowed to import" in result.stdout


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("store/runs", "import pipelines.engine"),
        ("pipelines/engine", "import store.runs"),
        ("bots/slack", "import dashboards.serve"),
        ("tieout/errors", "import tieout.model"),
    ],
)
def test_a_sideways_import_breaks_the_contract(tmp_path: Path, importer: str, statement: str) -> None:
    result = lint(tmp_path, importer, statement)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "is not allowed to import" in result.stdout


def test_the_vocabulary_may_not_know_a_vendor(tmp_path: Path) -> None:
    result = lint(tmp_path, "tieout/ports", "import duckdb")

    assert result.returncode == 1, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("importer", "statement"),
    [
        ("tieout/bootstrap", "import store.runs, pipelines.engine, tieout.settings"),
        ("store/runs", "import tieout.ports, tieout.model, duckdb"),
        ("tieout/cli", "import api.app, tieout.bootstrap"),
    ],
)
def test_a_downward_import_is_allowed(tmp_path: Path, importer: str, statement: str) -> None:
    result = lint(tmp_path, importer, statement)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_module_of_tieout_has_its_layer() -> None:
    """A module that no layer names would escape the contract: put it into the list in pyproject.toml."""
    there = {f"tieout.{path.stem}" for path in (ROOT / "tieout").glob("*.py") if path.stem != "__init__"}
    there |= {f"tieout.{path.parent.name}" for path in (ROOT / "tieout").glob("*/__init__.py")}

    assert there - {"tieout.connect"} == {layer for layer in LAYERS if layer.startswith("tieout.")}
