"""Holds the blocks that a document's Markdown is made of, as both platforms render them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """Text of one style.

    An `address` is an http or https URL that is short enough to stay in one piece. What is `repeated` was said before:
    the name of a column, once more in front of a cell.
    """

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    address: bool = False
    repeated: bool = False


@dataclass(frozen=True)
class Text:
    """A paragraph, a heading (bold) or a part of a list's item, `depth` lists deep within another.

    `prefix` stands before an item: a bullet, a number.
    """

    spans: tuple[Span, ...]
    quote: bool = False
    item: bool = False
    depth: int = 0
    prefix: str = ""


@dataclass(frozen=True)
class Code:
    """Text that keeps its lines."""

    text: str
    language: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells; the first row is the header. All rows have as many cells."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Rule:
    """A line between what comes before and after."""


type Block = Text | Code | Table | Rule


def led(text: Text, indent: str) -> tuple[Span, ...]:
    """Return the spans of a text after its indentation and its bullet or number."""
    lead = indent * text.depth + text.prefix
    return (Span(lead), *text.spans) if lead else text.spans
