"""What Discord is told of the commands: `/tieout NAME …` for each, and an entry in the menu of messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import discord
import structlog

from bots.command import Argument, Command
from bots.discord.limits import CHOICES, DESCRIPTION, short

GROUP = "tieout"  # one name, so that no other bot's `/help` is in the way
PICK = "Ask tieout"
_SUBCOMMAND, _STRING = 1, 3
_SLASH, _OF_MESSAGES = 1, 3
_log = structlog.get_logger(__name__)

type Json = dict[str, Any]


def tree(commands: Iterable[Command]) -> list[Json]:
    """Return the application's commands as Discord takes them. Raises ValueError for more than fit."""
    options = [_subcommand(command) for command in commands]
    if len(options) > CHOICES:
        raise ValueError(f"Discord takes {CHOICES} commands in a group; there are {len(options)}")
    about = "Answers about companies, with sources for every number."
    return [
        {"type": _SLASH, "name": GROUP, "description": about, "options": options},
        {"type": _OF_MESSAGES, "name": PICK},
    ]


async def sync(client: discord.Client, wanted: list[Json]) -> bool:
    """Tell Discord the commands when it knows others; return whether it was told. Raises HTTPException."""
    assert client.application_id is not None
    known: list[Any] = list(await client.http.get_global_commands(client.application_id))
    if _sorted(known) == _sorted(wanted):
        return False
    payload: list[Any] = list(wanted)
    await client.http.bulk_upsert_global_commands(client.application_id, payload)
    _log.info("commands_synced", commands=len(wanted))
    return True


def _subcommand(command: Command) -> Json:
    arguments = sorted(command.arguments, key=lambda argument: not argument.required)  # Discord wants these first
    return {
        "type": _SUBCOMMAND,
        "name": command.name,
        "description": short(command.summary, DESCRIPTION),
        "options": [_option(argument) for argument in arguments],
    }


def _option(argument: Argument) -> Json:
    option: Json = {
        "type": _STRING,
        "name": argument.name,
        "description": short(argument.help, DESCRIPTION),
        "required": argument.required,
    }
    if 0 < len(argument.choices) <= CHOICES:
        return option | {"choices": [{"name": choice, "value": choice} for choice in argument.choices]}
    return option | {"autocomplete": bool(argument.suggest or argument.choices)}


def _sorted(commands: Iterable[Json]) -> list[Json]:
    return sorted((_core(command) for command in commands), key=lambda command: str(command["name"]))


def _core(known: Json) -> Json:
    """Return what is compared: Discord adds ids, versions and defaults, and leaves out what is false or empty."""
    choices = [(choice["name"], choice["value"]) for choice in known.get("choices") or ()]
    return {
        "type": known.get("type", _SLASH),
        "name": known["name"],
        "description": known.get("description") or "",
        "required": bool(known.get("required")),
        "autocomplete": bool(known.get("autocomplete")),
        "choices": choices,
        "options": [_core(option) for option in known.get("options") or ()],
    }
