"""Reads Slack's payloads into inbound events."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bots.inbound import Attachment, Inbound, InboundKind, Place

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&amp;": "&"}
_LINK = re.compile(r"<((?:https?|mailto):[^|>]+)(?:\|([^>]*))?>")


def read_message(event: Mapping[str, Any], team: str, bot: str) -> Inbound | None:
    """Return what a `message` or `app_mention` event tells; None for what bots said, and for news of the channel."""
    subtype = event.get("subtype")
    if subtype == "message_changed":
        return _changed(event, team, bot)
    if subtype == "message_deleted":
        return _deleted(event, team)
    if subtype not in (None, "file_share", "thread_broadcast") or event.get("bot_id") or event.get("user") == bot:
        return None
    place = _place(event, team)
    text = str(event.get("text") or "")
    return Inbound(
        key=f"slack/{team}/{event['channel']}/{event['ts']}",
        kind=InboundKind.MESSAGE,
        place=place,
        author=str(event["user"]),
        at=_moment(event["ts"]),
        message=str(event["ts"]),
        text=plain(text, bot),
        mentioned=place.direct or f"<@{bot}>" in text,
        attachments=tuple(_attachment(file) for file in event.get("files") or ()),
    )


def read_command(body: Mapping[str, Any]) -> Inbound:
    """Return what `/tieout …` tells: a message to tieout, in a place where it can be read by all."""
    now = datetime.now(UTC)
    channel = str(body["channel_id"])
    return Inbound(
        key=f"slack/{body['team_id']}/trigger/{body['trigger_id']}",
        kind=InboundKind.MESSAGE,
        place=Place("slack", str(body["team_id"]), channel, direct=channel.startswith("D")),
        author=str(body["user_id"]),
        at=now,
        text=plain(str(body.get("text") or ""), ""),
        mentioned=True,
    )


def read_click(body: Mapping[str, Any]) -> Inbound:
    """Return which button was pressed, on which message."""
    action, container = body["actions"][0], body.get("container") or {}
    message = body.get("message") or {}
    channel = str((body.get("channel") or {}).get("id") or container.get("channel_id"))
    thread = str(message.get("thread_ts") or container.get("thread_ts") or message.get("ts") or "")
    return Inbound(
        key=f"slack/{body['team']['id']}/trigger/{body['trigger_id']}",
        kind=InboundKind.CLICK,
        place=Place("slack", str(body["team"]["id"]), channel, thread, direct=channel.startswith("D")),
        author=str(body["user"]["id"]),
        at=datetime.now(UTC),
        message=str(message.get("ts") or container.get("message_ts") or ""),
        action=str(action.get("value") or action.get("action_id")),
    )


def read_shortcut(body: Mapping[str, Any], bot: str) -> Inbound:
    """Return the message that a person wants answered, as if it had been said to tieout."""
    message, channel = body["message"], str(body["channel"]["id"])
    return Inbound(
        key=f"slack/{body['team']['id']}/trigger/{body['trigger_id']}",
        kind=InboundKind.MESSAGE,
        place=Place("slack", str(body["team"]["id"]), channel, str(message.get("thread_ts") or message["ts"])),
        author=str(body["user"]["id"]),
        at=datetime.now(UTC),
        message=str(message["ts"]),
        text=plain(str(message.get("text") or ""), bot),
        mentioned=True,
        attachments=tuple(_attachment(file) for file in message.get("files") or ()),
    )


def plain(text: str, bot: str) -> str:
    """Return a message's text as it was typed, without the bot's name."""
    if bot:
        text = text.replace(f"<@{bot}>", " ")
    text = _LINK.sub(lambda link: link[1].removeprefix("mailto:"), text)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text.strip()


def _place(event: Mapping[str, Any], team: str) -> Place:
    channel = str(event["channel"])
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    return Place("slack", team, channel, str(event.get("thread_ts") or ""), direct)


def _changed(event: Mapping[str, Any], team: str, bot: str) -> Inbound | None:
    message, before = event["message"], event.get("previous_message") or {}
    if message.get("bot_id") or message.get("user") == bot or message.get("text") == before.get("text"):
        return None
    return Inbound(
        key=f"slack/{team}/{event['channel']}/{message['ts']}/edited/{(message.get('edited') or {}).get('ts', '')}",
        kind=InboundKind.EDITED,
        place=_place({**message, "channel": event["channel"], "channel_type": event.get("channel_type")}, team),
        author=str(message.get("user") or ""),
        at=_moment(str(event.get("ts") or message["ts"])),
        message=str(message["ts"]),
        text=plain(str(message.get("text") or ""), bot),
    )


def _deleted(event: Mapping[str, Any], team: str) -> Inbound:
    return Inbound(
        key=f"slack/{team}/{event['channel']}/{event['deleted_ts']}/deleted",
        kind=InboundKind.DELETED,
        place=_place(event, team),
        author=str((event.get("previous_message") or {}).get("user") or ""),
        at=_moment(str(event.get("ts") or event["deleted_ts"])),
        message=str(event["deleted_ts"]),
    )


def _attachment(file: Mapping[str, Any]) -> Attachment:
    return Attachment(
        str(file["id"]),
        str(file.get("name") or file["id"]),
        int(file.get("size") or 0),
        str(file.get("mimetype") or "application/octet-stream"),
        str(file.get("url_private_download") or file.get("url_private") or ""),
    )


def _moment(ts: object) -> datetime:
    return datetime.fromtimestamp(float(str(ts)), UTC)
