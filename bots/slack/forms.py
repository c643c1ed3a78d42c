"""Slack's windows: what a button asks, as a modal, and what was filled in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bots.form import Field, Form
from bots.inbound import Inbound, InboundKind, Place

CALLBACK = "tieout_form"


def view_of(form: Form, clicked: Inbound) -> dict[str, Any]:
    """Return the modal that asks; it carries where the button is, which a submission does not tell."""
    place = clicked.place
    where = {
        "action": clicked.action,
        "message": clicked.message,
        "channel": place.channel,
        "thread": place.thread,
        "direct": place.direct,
    }
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "private_metadata": json.dumps(where),
        "title": _text(form.title),
        "submit": _text("Submit"),
        "close": _text("Cancel"),
        "blocks": [_block(field) for field in form.fields],
    }


def read_form(body: Mapping[str, Any]) -> Inbound:
    """Return the click with what was filled in. A window is submitted once, so it is the key."""
    view, team = body["view"], str(body["team"]["id"])
    where = json.loads(view["private_metadata"])
    filled = {
        name: str(field.get("value") or "")
        for block in view["state"]["values"].values()
        for name, field in block.items()
    }
    return Inbound(
        key=f"slack/{team}/view/{view['id']}",
        kind=InboundKind.CLICK,
        place=Place("slack", team, where["channel"], where["thread"], where["direct"]),
        author=str(body["user"]["id"]),
        at=datetime.now(UTC),
        message=where["message"],
        action=where["action"],
        arguments=filled,
    )


def _block(field: Field) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": field.name, "multiline": field.long}
    if field.value:
        element["initial_value"] = field.value
    if field.hint:
        element["placeholder"] = _text(field.hint)
    return {
        "type": "input",
        "block_id": field.name,
        "label": _text(field.label),
        "element": element,
        "optional": not field.required,
    }


def _text(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}
