"""What reading a file gives: its pages' text as it will be stored, before the document has an id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RawPage:
    """One page as read: cleaned text and the printed label, if one was found."""

    number: int
    text: str
    label: str | None = None


@dataclass(frozen=True)
class RawFile:
    """A file as read. `title` is the title that the file itself declares; `notes` say what was repaired."""

    media_type: str
    pages: tuple[RawPage, ...]
    title: str | None = None
    notes: tuple[str, ...] = ()
