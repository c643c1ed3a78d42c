"""`report.ipynb` away from the lake: it executes as Jupyter does it and computes every number of the report again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.conftest import Demo

EXECUTE = [sys.executable, "-m", "jupyter", "execute"]


def execute(folder: Path, notebook: Path) -> list[str]:
    """Run `jupyter execute` in a folder, with nothing of tieout in the environment; return what was printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIEOUT_", "PYTHON"))}
    home = folder / "jupyter"
    env = {**kept, "HOME": str(home), "IPYTHONDIR": str(home / "ipython"), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
    done = subprocess.run(
        [*EXECUTE, "--inplace", notebook.name], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((folder / notebook.name).read_text(encoding="utf-8"))["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    printed = "".join(
        "".join(one["text"]) for one in outputs if one["output_type"] == "stream" and one["name"] == "stdout"
    )
    return printed.splitlines()


@pytest.fixture
def alone(demo: Demo, tmp_path: Path) -> Path:
    """Return the demo's notebook, alone in a folder; what it printed when it was made is taken out."""
    path = tmp_path / "report.ipynb"
    shutil.copy(demo.printed["artifacts"]["notebook"], path)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def reproduced(demo: Demo, printed: list[str]) -> None:
    """Assert that all facts of the report were computed again and came out the same."""
    ledger = json.loads(Path(demo.printed["artifacts"]["ledger"]).read_text(encoding="utf-8"))
    facts = ledger["facts"]
    assert printed[-1] == f"{len(facts)} of {len(facts)} computed numbers reproduced"
    for fact in facts:
        assert any(line.startswith(f"{fact['name']} = ") and line.endswith(": reproduced") for line in printed), fact


def test_it_reproduces_every_computed_number_in_a_clean_directory(demo: Demo, alone: Path) -> None:
    reproduced(demo, execute(alone.parent, alone))


def test_a_users_own_modules_beside_it_do_no_harm(demo: Demo, alone: Path) -> None:
    """A working directory may well hold folders and files with the names of our packages."""
    for name in ("store", "pipelines", "tieout"):
        (alone.parent / name).mkdir()
        (alone.parent / name / "__init__.py").write_text(f"raise RuntimeError('this {name} is the user\\'s')\n")
    (alone.parent / "api.py").write_text("raise RuntimeError('this api is the user\\'s')\n")
    reproduced(demo, execute(alone.parent, alone))


def test_a_number_that_was_changed_is_found_out(alone: Path) -> None:
    """The notebook asserts: with another value in it, it does not run through."""
    text = alone.read_text(encoding="utf-8")
    alone.write_text(text.replace("0.433096305613601", "0.443096305613601"), encoding="utf-8")
    assert "0.443096305613601" in alone.read_text(encoding="utf-8")
    with pytest.raises(AssertionError, match=r"gross margin: computed 0\.433"):
        execute(alone.parent, alone)
