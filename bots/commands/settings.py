"""`settings`: how tieout behaves in this channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bots.command import Argument, Asked, Command, Reply, discover
from bots.commands._asking import companies, ticker_of
from bots.permission import check_may_set, known, role_of
from bots.render.document import Document
from bots.render.escape import literal
from tieout.errors import InvalidInput, NotAvailable
from tieout.model import ChannelSettings, Role
from tieout.ports.conversations import ConversationStore

_PERSON = re.compile(r"<@!?(\w+)(?:\|[^>]*)?>|\b([UW][A-Z0-9]{6,}|\d{15,20})\b")  # Slack's and Discord's ids
_NONE = ("all", "anyone", "everyone", "none")
_AGENTS = ("alert", "ask", "research")
_CHOICES: Mapping[str, Sequence[str]] = {
    "enabled": ("on", "off"),
    "may_ask": ("anyone", "members"),
    "reply": ("thread", "channel"),
    "verbosity": ("short", "normal", "full"),
}
_MEANINGS = {
    "enabled": "whether tieout answers here",
    "may_ask": "anyone, or only members of the workspace",
    "askers": "the only people who may ask and change settings",
    "agents": "the agents that may be used",
    "off": "commands that are not answered",
    "tickers": "what a question without a company is about",
    "reply": "where answers go",
    "verbosity": "how much of an answer is said",
}


def settings(asked: Asked) -> Reply:
    """Show the channel's settings, or change one.

    Who may is said by `bots.permission`; who changed a setting last is kept and shown.
    Raises InvalidInput, PermissionDenied, NotAvailable.
    """
    name = asked.arguments.get("name", "")
    if not name:
        return Reply(_shown(asked.settings), private=True)
    if name not in _MEANINGS:
        raise InvalidInput(f"There is no setting {name!r}; there are: {', '.join(_MEANINGS)}.")
    store = _store(asked)
    changed = _changed(asked, name, asked.arguments.get("value", "").strip())
    saved = store.save_settings(asked.principal, changed, now=asked.inbound.at)
    return Reply(_shown(saved, f"**{name}** is now {literal(_words(saved, name))}."))


def _store(asked: Asked) -> ConversationStore:
    if asked.conversations is None:
        raise NotAvailable("This installation keeps no settings of channels.")
    members = known(asked.desk, asked.principal)
    check_may_set(asked.inbound.author, asked.settings, members, role_of(members, asked.principal))
    return asked.conversations


def _changed(asked: Asked, name: str, value: str) -> ChannelSettings:
    if not value:
        raise InvalidInput(f"Say what {name!r} is to be ({_MEANINGS[name]}), as in `settings {_example(name)}`.")
    chosen: dict[str, Any] = {name: _LISTS[name](asked, value) if name in _LISTS else _chosen(name, value.lower())}
    return replace(asked.settings, **chosen)


def _chosen(name: str, value: str) -> str | bool:
    if value not in _CHOICES[name]:
        raise InvalidInput(f"{name!r} is one of {', '.join(_CHOICES[name])}, not {value!r}.")
    return value == "on" if name == "enabled" else value


def _askers(asked: Asked, value: str) -> tuple[str, ...]:
    """Return the people named, and who names them: nobody locks themselves out."""
    if value.lower() in _NONE:
        return ()
    named = [found[1] or found[2] for found in _PERSON.finditer(value)]
    if not named and value.lower() != "me":
        raise InvalidInput("Name people by a mention, `me`, or `anyone`.")
    return tuple(dict.fromkeys([*named, asked.inbound.author]))


def _agents(asked: Asked, value: str) -> tuple[str, ...]:  # noqa: ARG001
    if value.lower() in _NONE:
        return ()
    named = tuple(dict.fromkeys(re.split(r"[,\s]+", value.lower())))
    wrong = [name for name in named if name not in _AGENTS]
    if wrong:
        raise InvalidInput(f"There is no agent {wrong[0]!r} for a chat; there are: {', '.join(_AGENTS)}.")
    return named


def _off(asked: Asked, value: str) -> tuple[str, ...]:  # noqa: ARG001
    if value.lower() in _NONE:
        return ()
    named, there = tuple(dict.fromkeys(re.split(r"[,\s]+", value.lower()))), {one.name for one in discover()}
    wrong = [name for name in named if name not in there]
    if wrong:
        raise InvalidInput(f"There is no command {wrong[0]!r}; `help` lists them.")
    if "settings" in named:
        raise InvalidInput("`settings` cannot be switched off: nobody could switch it on again.")
    return named


def _tickers(asked: Asked, value: str) -> tuple[str, ...]:
    return () if value.lower() in _NONE else tuple(ticker_of(one) for one in companies(asked, value))


_LISTS: Mapping[str, Callable[[Asked, str], tuple[str, ...]]] = {
    "askers": _askers,
    "agents": _agents,
    "off": _off,
    "tickers": _tickers,
}


def _example(name: str) -> str:
    return f"{name} {_CHOICES[name][-1]}" if name in _CHOICES else f"{name} all"


def _words(kept: ChannelSettings, name: str) -> str:
    value = getattr(kept, name)
    if name == "enabled":
        return "on" if value else "off"
    return (
        (", ".join(value) or ("none" if name in ("tickers", "off") else "all"))
        if isinstance(value, tuple)
        else str(value)
    )


def _shown(kept: ChannelSettings, first: str = "**How tieout behaves in this channel**") -> Document:
    rows = [f"| {name} | {literal(_words(kept, name))} | {meaning} |" for name, meaning in _MEANINGS.items()]
    lines = [first, "", "| Setting | Value | What it is |", "|---|---|---|", *rows]
    if kept.updated_by and kept.updated_at:
        lines += ["", f"Changed last by {literal(kept.updated_by)} on {kept.updated_at:%-d %B %Y, %H:%M} UTC."]
    return Document("\n".join(lines))


COMMAND = Command(
    "settings",
    "Show or change how tieout behaves in this channel.",
    settings,
    (
        Argument("name", "the setting to change", required=False, choices=tuple(_MEANINGS)),
        Argument("value", "what it is to be; `all` or `none` empties a list", required=False, rest=True),
    ),
    role=Role.MEMBER,
)
