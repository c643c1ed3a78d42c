"""Puts text from outside into Markdown, where it stays text."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&])")


def literal(text: str) -> str:
    """Return text in which Markdown means nothing."""
    return _SPECIAL.sub(r"\\\1", text)


def cell(text: str) -> str:
    """Return text for a table's cell: literal, on one line."""
    return literal(" ".join(text.split()))
