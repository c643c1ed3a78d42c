"""Reads what discord.py receives into inbound events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import discord

from bots.discord.forms import filled_in
from bots.inbound import Attachment, Inbound, InboundKind, Place

type Json = Mapping[str, Any]

_SAID = (discord.MessageType.default, discord.MessageType.reply)


def place_of(guild: int | None, channel: int | None, parent: int | None) -> Place:
    """Return a place: a thread has a parent, and without a guild (a server) it is a direct message."""
    thread = str(channel) if parent else ""
    return Place("discord", str(guild or ""), str(parent or channel), thread, direct=guild is None)


def message_key(message: int) -> str:
    """Return the key under which a message is taken, once."""
    return f"discord/message/{message}"


def read_message(message: discord.Message, bot: int, parent: int | None) -> Inbound | None:
    """Return what a message tells; None for what bots and webhooks said, and for news of the channel."""
    if message.author.bot or message.webhook_id or message.type not in _SAID:
        return None
    names = _names(message, bot)
    place = place_of(message.guild.id if message.guild else None, message.channel.id, parent)
    named = any(one.id == bot for one in message.mentions) or any(name in message.content for name in names)
    return Inbound(
        key=message_key(message.id),
        kind=InboundKind.MESSAGE,
        place=place,
        author=str(message.author.id),
        at=message.created_at,
        message=str(message.id),
        text=plain(message.content, names),
        mentioned=place.direct or named,
        attachments=tuple(_attachment(one) for one in message.attachments),
    )


def read_edit(event: discord.RawMessageUpdateEvent, bot: int, parent: int | None) -> Inbound | None:
    """Return how a person changed a message; None when only its links were unfolded, or a bot changed it."""
    message, before = event.message, event.cached_message
    if message.author.bot or message.webhook_id or message.edited_at is None:
        return None
    if before is not None and before.content == message.content:
        return None
    return Inbound(
        key=f"{message_key(message.id)}/edited/{message.edited_at.isoformat()}",
        kind=InboundKind.EDITED,
        place=place_of(event.guild_id, event.channel_id, parent),
        author=str(message.author.id),
        at=message.edited_at,
        message=str(message.id),
        text=plain(message.content, _names(message, bot)),
    )


def read_deletion(
    message: int, guild: int | None, channel: int, parent: int | None, cached: discord.Message | None
) -> Inbound:
    """Return which message was removed; its author is only known while it is remembered."""
    return Inbound(
        key=f"{message_key(message)}/deleted",
        kind=InboundKind.DELETED,
        place=place_of(guild, channel, parent),
        author=str(cached.author.id) if cached is not None else "",
        at=datetime.now(UTC),
        message=str(message),
    )


def read_command(interaction: discord.Interaction, parent: int | None) -> Inbound:
    """Return which command was called, with what."""
    name, options = called(_data(interaction))
    arguments = {str(option["name"]): str(option["value"]) for option in options}
    return _interaction(interaction, InboundKind.COMMAND, parent, command=name, arguments=arguments)


def read_click(interaction: discord.Interaction, parent: int | None) -> Inbound:
    """Return which button was pressed, on which message."""
    on = str(interaction.message.id) if interaction.message else ""
    action = str(_data(interaction)["custom_id"])
    return _interaction(interaction, InboundKind.CLICK, parent, message=on, action=action)


def read_form(interaction: discord.Interaction, parent: int | None) -> Inbound:
    """Return the click with what was filled in."""
    clicked = read_click(interaction, parent)
    return replace(clicked, arguments=filled_in(_data(interaction)))


def read_pick(interaction: discord.Interaction, bot: int, parent: int | None) -> Inbound:
    """Return the message that a person wants answered, as if it had been said to tieout."""
    data = _data(interaction)
    message = data["resolved"]["messages"][data["target_id"]]
    return _interaction(
        interaction,
        InboundKind.MESSAGE,
        parent,
        message=str(message["id"]),
        text=plain(str(message.get("content") or ""), _written(bot)),
        mentioned=True,
        attachments=tuple(_attachment_of(one) for one in message.get("attachments") or ()),
        token="",  # it is answered at the message, not at the interaction
    )


def called(data: Json) -> tuple[str, list[Json]]:
    """Return the name and the options of a call of `/tieout NAME …`."""
    command = data["options"][0]
    return str(command["name"]), list(command.get("options") or ())


def plain(text: str, names: tuple[str, ...]) -> str:
    """Return a message's text without the bot's names."""
    for name in names:
        text = text.replace(name, " ")
    return re.sub(r"[ \t]+", " ", text).strip() if names else text.strip()


def _names(message: discord.Message, bot: int) -> tuple[str, ...]:
    """Return how the bot is named: itself, or the role that it has in the server, which looks the same."""
    role = message.guild.self_role if message.guild else None
    return _written(bot) + ((f"<@&{role.id}>",) if role is not None else ())


def _written(bot: int) -> tuple[str, ...]:
    return f"<@{bot}>", f"<@!{bot}>"


def _interaction(interaction: discord.Interaction, kind: InboundKind, parent: int | None, **given: Any) -> Inbound:
    told: dict[str, Any] = {"token": f"{interaction.application_id}/{interaction.token}", **given}
    return Inbound(
        key=f"discord/interaction/{interaction.id}",
        kind=kind,
        place=place_of(interaction.guild_id, interaction.channel_id, parent),
        author=str(interaction.user.id),
        at=interaction.created_at,
        **told,
    )


def _data(interaction: discord.Interaction) -> Json:
    data: Any = interaction.data
    return data or {}


def _attachment(file: discord.Attachment) -> Attachment:
    kind = file.content_type or "application/octet-stream"
    return Attachment(str(file.id), file.filename, file.size, kind, file.url)


def _attachment_of(file: Json) -> Attachment:
    kind = str(file.get("content_type") or "application/octet-stream")
    return Attachment(str(file["id"]), str(file["filename"]), int(file["size"]), kind, str(file["url"]))
