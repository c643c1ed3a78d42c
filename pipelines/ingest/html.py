"""Reads the visible text of an HTML page: one table row per line, cells parted by ` | `, scripts never."""

from __future__ import annotations

import re
from typing import Any

from pipelines.ingest.clean import clean
from pipelines.ingest.pages import RawFile, RawPage
from tieout.errors import RefusedFile

_SKIP = frozenset(
    {"script", "style", "noscript", "template", "head", "svg", "iframe", "object", "ix:header", "-comment"}
)
_BLOCK_TAGS = (
    "address article aside blockquote body br center dd div dl dt fieldset figure footer form h1 h2 h3 h4 h5 h6 "
    "header hr html li main nav ol p pre section table tbody tfoot thead tr ul caption"
)
_BLOCK = frozenset(_BLOCK_TAGS.split())
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\n\s*\n\s*\n+")
_DEEPEST = 400  # nesting beyond this is an attack, not a page


def read_html(data: bytes) -> RawFile:
    """Read an HTML file as one page. Raises RefusedFile when nothing of it is visible text."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_decode(data))
    pieces: list[str] = []
    root = tree.body or tree.root
    if root is not None:
        _walk(root, pieces, 0)
    text = _tidy("".join(pieces))
    if not text.strip():
        raise RefusedFile("the HTML page has no visible text; save the page as it shows in the browser")
    head = tree.css_first("title")
    title = " ".join(clean(head.text() or "").split()) if head is not None else ""
    return RawFile("text/html", (RawPage(1, text),), title or None)


def _decode(data: bytes) -> str:
    match = re.search(rb"charset=[\"']?([\w-]+)", data[:2048], re.I)
    for encoding in ("utf-8-sig", match.group(1).decode() if match else "cp1252", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")


def _walk(node: Any, pieces: list[str], depth: int) -> None:
    if depth > _DEEPEST:
        raise RefusedFile(f"the HTML page nests deeper than {_DEEPEST} elements; save a simpler copy")
    child = node.child
    while child is not None:
        tag = child.tag
        if tag == "-text":
            pieces.append(_SPACE.sub(" ", (child.text_content or "").replace("\n", " ")))
        elif tag not in _SKIP and not _HIDDEN.search(child.attributes.get("style") or ""):
            if tag == "tr":
                _row(child, pieces, depth)
            else:
                if tag in _BLOCK:
                    pieces.append("\n")
                if tag in ("h1", "h2", "h3", "h4", "h5", "h6"):
                    pieces.append("#" * int(tag[1]) + " ")
                _walk(child, pieces, depth + 1)
                if tag in _BLOCK and tag != "br":
                    pieces.append("\n")
        child = child.next


def _row(row: Any, pieces: list[str], depth: int) -> None:
    cells: list[str] = []
    cell = row.child
    while cell is not None:
        if cell.tag in ("td", "th") and not _HIDDEN.search(cell.attributes.get("style") or ""):
            inner: list[str] = []
            _walk(cell, inner, depth + 1)
            if value := " ".join("".join(inner).split()):
                cells.append(value)
        cell = cell.next
    pieces.append("\n" + " | ".join(_join_signs(cells)) + "\n")


def _join_signs(cells: list[str]) -> list[str]:
    """Join what filings part into cells of their own: `$` `1,234`, `(56` `)`, `12` `%`."""
    joined: list[str] = []
    for cell in cells:
        if joined and (cell in (")", "%", ")%") or joined[-1] in ("$", "€", "£", "($", "(")):
            joined[-1] += cell
        else:
            joined.append(cell)
    return joined


def _tidy(text: str) -> str:
    lines = (line.strip() for line in clean(text).split("\n"))
    return _LINES.sub("\n\n", "\n".join(lines)).replace("\n\n\n", "\n\n").strip("\n")
