"""The page about chats names every command as it is, and examples, settings and commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
import typer

from bots.command import checked, discover
from bots.commands.settings import COMMAND as SETTINGS
from bots.discord.invitation import PERMISSIONS
from bots.slack.http import PATH
from bots.words import read_text
from tieout.cli import app
from tieout.settings import Settings
from tieout.use_cases.common import MAX_QUESTION

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "chat.md").read_text(encoding="utf-8")
COMMANDS = discover()
ROWS = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| (.+) \|$", PAGE, re.M)
LINES = re.findall(r"^ +(tieout .*)$", PAGE, re.M)


def test_every_command_is_there_with_its_usage() -> None:
    assert sorted(usage for usage, _, _ in ROWS) == sorted(command.usage for command in COMMANDS)


@pytest.mark.parametrize(("usage", "example", "comes"), ROWS)
def test_each_example_is_that_command_and_says_what_comes_back(usage: str, example: str, comes: str) -> None:
    command, arguments = read_text(COMMANDS, example)
    assert command.usage == usage
    assert checked(command, arguments) == arguments
    assert len(comes.split()) >= 5


def test_the_settings_of_a_channel_are_named() -> None:
    (paragraph,) = re.findall(r"`settings` are per channel: (.*?)\n\n", PAGE, re.S)
    assert set(SETTINGS.arguments[0].choices) <= set(re.findall(r"`(\w+)`", paragraph))


def test_each_setting_is_one() -> None:
    named = set(re.findall(r"`TIEOUT_([A-Z_]+)`", PAGE))
    assert {"SLACK_BOT_TOKEN", "DISCORD_TOKEN", "SECRET_KEY"} <= named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


def test_each_command_line_is_understood() -> None:
    assert len(LINES) >= 12
    root = typer.main.get_command(app)
    for line in LINES:
        words = shlex.split(line)[1:]
        at: click.Command = root
        context = click.Context(root)
        while isinstance(at, click.Group):
            found = at.get_command(context, words.pop(0))
            assert found is not None, line
            at = found
        at.make_context(str(at.name), words)


def test_its_numbers_and_addresses_are_those_of_the_code() -> None:
    assert f"{MAX_QUESTION:,} characters" in PAGE
    assert f"`{PATH}`" in PAGE
    assert len(PERMISSIONS) > 0 and "bot discord --invite" in PAGE


def test_the_readme_leads_to_it() -> None:
    assert "(docs/how-to/chat.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
