"""The commands of docs/how-to/schedule-a-run.md do what the page says, one after another."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.command import Tieout
from tieout.recurrence import format_rule, parse_rule

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "schedule-a-run.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    (tieout .*)$", PAGE, re.M)
TABLE = [rule for row in re.findall(r"^\| (`.*?) \|", PAGE, re.M) for rule in re.findall(r"`([^`]+)`", row)]


def test_each_command_works_as_written(prepared: Tieout) -> None:
    assert len(COMMANDS) >= 9
    for command in COMMANDS:
        outcome = prepared(*shlex.split(command)[1:])
        assert outcome.code == 0, (command, outcome.err)
        assert outcome.out.strip(), command
        assert "Traceback" not in outcome.err, command


def test_each_rule_of_the_table_is_one() -> None:
    assert len(TABLE) >= 6
    for rule in TABLE:
        assert parse_rule(format_rule(parse_rule(rule))) == parse_rule(rule)
