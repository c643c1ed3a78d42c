"""Refuses messages that Slack would refuse, and fills in the ids that Slack gives to blocks."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json


def check_payload(payload: Json) -> None:
    """Raise Refusal when Slack would not take a message: no content, too much text, or blocks that break a limit."""
    from bots.render.limits import check_slack

    text = payload.get("text")
    if not text and not payload.get("blocks") and not payload.get("attachments"):
        raise Refusal("no_text")
    if text:
        _check(check_slack, {"text": text}, "msg_too_long")
    _check(check_slack, payload, "invalid_blocks")


def _check(check: Callable[[Json], None], payload: Json, error: str) -> None:
    try:
        check(payload)
    except (ValueError, LookupError, TypeError, AttributeError) as broken:  # the last three: of another shape
        raise Refusal(error, response_metadata={"messages": [f"[ERROR] {broken}"]}) from broken


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
