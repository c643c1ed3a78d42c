"""Writes to the terminal: one JSON object, plain tables and lines, never a control character from outside."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

_shown = 0  # how many JSON objects this process has printed

# C0 without tab and line feed, DEL, C1, and the marks that turn the direction of text around
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain(value: object) -> str:
    """Return text that is safe to print: no escape sequences, no control or direction characters, valid UTF-8."""
    text = _CONTROLS.sub("", str(value).replace("\r\n", "\n"))
    return text.encode("utf-8", "replace").decode("utf-8")


def line(value: object) -> str:
    """Return safe text on one line."""
    return " ".join(plain(value).split())


def output() -> Console:
    """Return the console for results (standard output); markup in text is not interpreted."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def notices() -> Console:
    """Return the console for progress and messages (standard error)."""
    from rich.console import Console

    return Console(stderr=True, markup=False, highlight=False, emoji=False, soft_wrap=True)


def say(text: object) -> None:
    """Print a message to standard error."""
    print(plain(text), file=sys.stderr)


def show(text: object = "") -> None:
    """Print a line of a result to standard output."""
    print(plain(text))


def show_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object, and nothing else, to standard output."""
    global _shown
    _shown += 1
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def objects_shown() -> int:
    """Return how many JSON objects this process has printed: a command that printed its result needs no other."""
    return _shown


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print rows under headings; the columns named in `right` are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(line("" if cell is None else cell)) for cell in row))
    wide = None if sys.stdout.isatty() else 160
    Console(markup=False, highlight=False, emoji=False, width=wide).print(table)


def paragraphs(text: str) -> None:
    """Print running text, wrapped at the terminal's width (at most 100 columns)."""
    import shutil
    import textwrap

    width = min(100, shutil.get_terminal_size().columns)
    for paragraph in plain(text).split("\n"):
        print(textwrap.fill(paragraph, width) if paragraph.strip() else "")
