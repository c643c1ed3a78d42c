"""How much Discord takes in commands and suggestions."""

from __future__ import annotations

CHOICES = 25  # of an argument, suggestions at a time, and commands in a group
CHOICE = 100  # characters
DESCRIPTION = 100  # characters


def short(text: str, most: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"
