"""The stands come as fixtures to whoever has tieout installed, without an import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TEST = """
def test_both_platforms_are_there(slack_stand, discord_stand):
    slack_stand.say(slack_stand.user("ada"), slack_stand.channel("general"), "hello")
    discord_stand.say(discord_stand.user("ada"), discord_stand.channel("general"), "hello")
    assert len(discord_stand.messages(discord_stand.channel("general"))) == 1
"""


def test_a_test_elsewhere_gets_both_platforms_by_name(tmp_path: Path) -> None:
    (tmp_path / "test_elsewhere.py").write_text(TEST)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
