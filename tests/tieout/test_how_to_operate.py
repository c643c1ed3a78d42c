"""The commands and settings of docs/how-to/operate-runs.md are ones that tieout has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tieout.model import Limit
from tieout.settings import read_settings

if TYPE_CHECKING:
    from conftest import Shell

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "operate-runs.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(command)[1:] for command in re.findall(r"^    (tieout .*)$", PAGE, re.M)]


def test_each_command_is_understood_and_at_most_misses_its_run(shell: Shell) -> None:
    assert len(COMMANDS) >= 15
    for command, outcome in zip(COMMANDS, shell.all(*(tuple(command) for command in COMMANDS)), strict=True):
        assert "Usage:" not in outcome.err, command
        assert "Traceback" not in outcome.err, command
        assert outcome.code == (2 if "RUN" in command else 0), (command, outcome.err)
        if "RUN" in command:
            assert "there is no run 'RUN'" in outcome.err, command


def test_its_limits_are_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tieout.toml").write_text(re.findall(r"```toml\n(.*?)```", PAGE, re.S)[0])
    assert read_settings().limits == {
        "model": Limit(4, 0.5, 10),
        "workspace:*": Limit(8),
        "workspace:vip": Limit(),
    }
    monkeypatch.setenv("TIEOUT_LIMITS", re.findall(r"TIEOUT_LIMITS='(.*?)'", PAGE)[0])
    assert read_settings().limits["model"] == Limit(2, 0.5, 10)
