"""Refuses what Discord refuses: forms that are too long or make no sense, each wrong field named."""

from __future__ import annotations

from collections.abc import Iterator

from bots.render.limits import check_discord
from bots.testing.discord.errors import EMPTY, TOO_LARGE, invalid
from bots.testing.discord.shapes import Json

_MOST_FILES, _FILE_BYTES = 10, 10_000_000


def check_message(body: Json, files: list[tuple[str, str, bytes]], *, edits: bool = False) -> None:
    """Raise Refusal for a message that Discord would not take. An edit may leave out what stays."""
    if any(len(content) > _FILE_BYTES for _, _, content in files):
        raise TOO_LARGE
    if len(files) > _MOST_FILES:
        raise invalid("attachments", "Must be 10 or fewer in length.")
    payload = {**body, "files": [name for name, _, _ in files]}
    if edits and "content" not in body:
        payload["content"] = "kept"
    try:
        check_discord(payload)
    except ValueError as error:
        raise (EMPTY if "empty message" in str(error) else invalid(_field(str(error)), str(error))) from None
    ids = [one["custom_id"] for one in _buttons(body) if one.get("custom_id")]
    if len(ids) != len(set(ids)):
        raise invalid("components", "Component custom id cannot be duplicated", "COMPONENT_CUSTOM_ID_DUPLICATED")


def check_modal(data: Json) -> None:
    """Raise Refusal for a window that Discord would not open."""
    if not 1 <= len(str(data.get("title") or "")) <= 45:
        raise invalid("data.title", "Must be between 1 and 45 in length.")
    if not 1 <= len(str(data.get("custom_id") or "")) <= 100:
        raise invalid("data.custom_id", "Must be between 1 and 100 in length.")
    fields = modal_fields(data)
    if not 1 <= len(fields) <= 5:
        raise invalid("data.components", "Must be between 1 and 5 in length.")
    for field in fields:
        if not 1 <= len(str(field["label"])) <= 45:
            raise invalid("data.components.0.label", "Must be between 1 and 45 in length.")
        if len(str(field["value"])) > 4_000 or len(str(field.get("hint") or "")) > 100:
            raise invalid("data.components.0.value", "Must be 4000 or fewer in length.")


def check_choices(data: Json) -> None:
    """Raise Refusal for suggestions that Discord would not show."""
    choices = data.get("choices") or []
    if len(choices) > 25:
        raise invalid("data.choices", "Must be 25 or fewer in length.")
    for number, choice in enumerate(choices):
        if not (1 <= len(str(choice["name"])) <= 100 and len(str(choice["value"])) <= 100):
            raise invalid(f"data.choices.{number}.name", "Must be between 1 and 100 in length.")


def modal_fields(data: Json) -> list[Json]:
    """Return the text inputs of a window, in labels or, of older clients, in rows."""
    found = []
    for one in data.get("components") or ():
        for field in (one["component"],) if "component" in one else one.get("components") or ():
            about = {"name": field["custom_id"], "label": one.get("label") or field.get("label") or ""}
            more = {
                "long": field.get("style") == 2,
                "value": field.get("value") or "",
                "hint": field.get("placeholder"),
            }
            found.append({**about, **more, "required": field.get("required", True)})
    return found


def _buttons(body: Json) -> Iterator[Json]:
    for row in body.get("components") or ():
        yield from row.get("components") or ()


def _field(why: str) -> str:
    for word in ("embed", "component", "button", "nonce", "file"):
        if word in why:
            return {"embed": "embeds", "nonce": "nonce", "file": "attachments"}.get(word, "components")
    return "content"
