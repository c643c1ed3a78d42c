"""What tieout says in a chat, before a platform is chosen: Markdown with tables, pictures, buttons and files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ButtonStyle(StrEnum):
    """How much a button asks for attention."""

    PLAIN = "plain"
    PRIMARY = "primary"
    DANGER = "danger"


@dataclass(frozen=True)
class Button:
    """`value` comes back when it is pressed: `verb:argument`, at most 100 characters. With `url` it opens a page."""

    label: str
    value: str
    style: ButtonStyle = ButtonStyle.PLAIN
    url: str | None = None


@dataclass(frozen=True)
class File:
    """Bytes that go along, kept as a blob of the workspace."""

    name: str
    media_type: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Document:
    """`markdown` is CommonMark with tables. Text from outside is data: its mentions and links are defused.

    `pictures` are shown, `files` are offered. Buttons stand under all of it.
    """

    markdown: str
    buttons: tuple[Button, ...] = ()
    pictures: tuple[File, ...] = ()
    files: tuple[File, ...] = ()
