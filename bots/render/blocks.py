"""Parses Markdown with tables into blocks of styled text; HTML in it is text like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Span:
    """Text of one style. `url` is where it leads: http or https only."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    url: str = ""


@dataclass(frozen=True)
class Text:
    """A paragraph, heading, list item or quote. `prefix` stands before it: a bullet, a number."""

    spans: tuple[Span, ...]
    heading: bool = False
    quote: bool = False
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


type Block = Text | Code | Table


def parse(markdown: str) -> list[Block]:
    """Return the blocks of a text in their order."""
    return _Reader(_PARSER.parse(markdown)).blocks()


class _Reader:
    """Goes through markdown-it's tokens, with the lists and quotes that are open."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._blocks: list[Block] = []
        self._lists: list[int] = []  # the next number of each open list; 0 for bullets
        self._prefix = ""
        self._quotes = 0
        self._heading = False
        self._rows: list[list[str]] = []

    def blocks(self) -> list[Block]:
        for token in self._tokens:
            read = getattr(self, f"_{token.type}", None)
            if read is not None:
                read(token)
        return self._blocks

    def _bullet_list_open(self, _: Token) -> None:
        self._lists.append(0)

    def _ordered_list_open(self, token: Token) -> None:
        self._lists.append(int(token.attrs.get("start", 1)) or 1)

    def _bullet_list_close(self, _: Token) -> None:
        self._lists.pop()

    _ordered_list_close = _bullet_list_close

    def _list_item_open(self, _: Token) -> None:
        number = self._lists[-1]
        self._prefix = f"{number}. " if number else "• "
        self._lists[-1] += bool(number)

    def _blockquote_open(self, _: Token) -> None:
        self._quotes += 1

    def _blockquote_close(self, _: Token) -> None:
        self._quotes -= 1

    def _heading_open(self, _: Token) -> None:
        self._heading = True

    def _heading_close(self, _: Token) -> None:
        self._heading = False

    def _fence(self, token: Token) -> None:
        self._blocks.append(Code(token.content.rstrip("\n"), token.info.split(" ")[0]))

    def _code_block(self, token: Token) -> None:
        self._blocks.append(Code(token.content.rstrip("\n")))

    def _table_open(self, _: Token) -> None:
        self._rows = []

    def _tr_open(self, _: Token) -> None:
        self._rows.append([])

    def _table_close(self, _: Token) -> None:
        width = max(len(row) for row in self._rows)
        self._blocks.append(Table(tuple(tuple(row + [""] * (width - len(row))) for row in self._rows)))
        self._rows = []

    def _inline(self, token: Token) -> None:
        spans = _spans(token.children or [])
        if self._rows:
            self._rows[-1].append("".join(span.text + _shown(span) for span in spans))
            return
        depth = max(0, len(self._lists) - 1)
        self._blocks.append(Text(spans, self._heading, self._quotes > 0, depth, self._prefix))
        self._prefix = ""


def _spans(tokens: Sequence[Token]) -> tuple[Span, ...]:
    bold = italic = 0
    url, spans = "", list[Span]()
    for token in tokens:
        bold += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        italic += {"em_open": 1, "em_close": -1}.get(token.type, 0)
        if token.type == "link_open":
            url = _safe(str(token.attrs.get("href", "")))
        elif token.type == "link_close":
            url = ""
        text = _text(token)
        if text:
            spans.append(Span(text, bold > 0, italic > 0, token.type == "code_inline", url))
    return tuple(spans)


def _text(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    if token.type == "image":
        return token.content or str(token.attrs.get("src", ""))
    return token.content if token.type in ("text", "code_inline") else ""


def _safe(url: str) -> str:
    return url if url.startswith(("https://", "http://")) else ""


def _shown(span: Span) -> str:
    return f" ({span.url})" if span.url and span.url != span.text else ""


def shown(span: Span) -> str:
    """Return the text of a span, with the address that it leads to behind it."""
    return span.text + _shown(span)
