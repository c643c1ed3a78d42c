"""Refuses messages that Slack would refuse, and fills in the ids that Slack gives to blocks."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json


def check_payload(payload: Json) -> None:
    """Raise Refusal when a message is larger than Slack takes."""
    try:
        from bots.render.limits import check_slack
    except ImportError:
        _check_roughly(payload)
        return
    check_slack(payload)


def _check_roughly(payload: Json) -> None:
    if len(payload.get("text", "")) > 40_000:
        raise Refusal("msg_too_long")
    blocks = payload.get("blocks", [])
    if len(blocks) > 50 or any(len(str(block.get("text", {}).get("text", ""))) > 3000 for block in blocks):
        raise Refusal("invalid_blocks")


def complete_blocks(blocks: list[Json]) -> list[Json]:
    """Return the blocks with a `block_id` each and an `action_id` on each element that can be used."""
    complete = deepcopy(blocks)
    for block in complete:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements(block):
            element.setdefault("action_id", secrets.token_urlsafe(4))
    return complete


def elements(block: Json) -> Iterator[Json]:
    """Yield what a person can use in a block: buttons, menus, inputs."""
    candidates: list[Any] = [block.get("accessory"), block.get("element")]
    if block.get("type") == "actions":
        candidates += block.get("elements", [])
    for element in candidates:
        if isinstance(element, dict) and element.get("type") != "image":
            yield element
