"""Discord's windows: what a button asks, as a modal, and what was filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bots.form import Form

_PATIENCE_S = 900.0  # for which an open window is remembered here; what it brings is read all the same


def modal_of(form: Form, action: str) -> discord.ui.Modal:
    """Return the modal that asks; its id is the button's, so that it is understood after a restart, too."""
    modal = discord.ui.Modal(title=form.title, custom_id=action, timeout=_PATIENCE_S)
    for field in form.fields:
        typed: discord.ui.TextInput[Any] = discord.ui.TextInput(
            custom_id=field.name,
            style=discord.TextStyle.paragraph if field.long else discord.TextStyle.short,
            default=field.value or None,
            placeholder=field.hint or None,
            required=field.required,
        )
        modal.add_item(discord.ui.Label(text=field.label, component=typed))
    return modal


def filled_in(data: Mapping[str, Any]) -> dict[str, str]:
    """Return what was typed, by the fields' names."""
    return {str(one["custom_id"]): str(one.get("value") or "") for one in _inputs(data.get("components") or ())}


def _inputs(components: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the fields, which stand in labels or, of older clients, in rows."""
    for one in components:
        if "component" in one:
            yield one["component"]
        elif "components" in one:
            yield from _inputs(one["components"])
        elif "custom_id" in one:
            yield one
