"""What standing orders share: a call that is carried out again and again where it was given, and when that is next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from bots.command import Asked
from bots.inbound import InboundKind
from bots.post import place_of_answer
from bots.render.escape import literal
from tieout import codec
from tieout.model import RunRequest
from tieout.recurrence import parse_rule, zone_of


def standing_request(
    asked: Asked, question: str, command: str, arguments: Mapping[str, str], **params: Any
) -> RunRequest:
    """Return a request that calls a command as if it were called here each time; its answers come here."""
    standing = replace(
        asked.inbound,
        kind=InboundKind.COMMAND,
        place=place_of_answer(asked.inbound),
        text="",
        message="",
        command=command,
        arguments=arguments,
        attachments=(),
        action="",
        token="",
    )
    inbound = codec.dump(standing)
    return RunRequest(question, agent="chat", params={"inbound": inbound, **params}, door=asked.inbound.place.platform)


def when(at: datetime | None, rule: str) -> str:
    """Return a time as the clocks of the rule's time zone show it."""
    if at is None:
        return "–"
    return literal(f"{at.astimezone(ZoneInfo(zone_of(parse_rule(rule), at))):%a %Y-%m-%d %H:%M %Z}")
