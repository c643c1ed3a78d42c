"""Reads Markdown with tables into blocks of styled text; HTML in it is text like any other."""

from __future__ import annotations

from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bots.render.blocks import Block, Code, Rule, Span, Table, Text
from bots.render.inline import spans_of

_DEEPEST = 60  # blocks within blocks; the parser leaves out what is deeper
_PARSER = MarkdownIt("commonmark", {"html": False, "maxNesting": _DEEPEST}).enable("table")


def parse(markdown: str) -> list[Block]:
    """Return the blocks of a text in their order; one that is nested too deep to be read is text as it stands."""
    whole = markdown.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    tokens = _PARSER.parse(whole)
    if any(token.level >= _DEEPEST - 1 for token in tokens):
        return [Text((Span(whole),))]
    return _Reader().blocks(tokens)


class _Reader:
    """Goes through markdown-it's tokens, with the lists and quotes that are open."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._lists: list[int | None] = []  # the next number of each open list; None for bullets
        self._prefix = ""
        self._quotes = 0
        self._heading = False
        self._rows: list[list[str]] = []
        self._readers = {
            "bullet_list_open": self._open_list,
            "ordered_list_open": self._open_list,
            "bullet_list_close": self._close_list,
            "ordered_list_close": self._close_list,
            "list_item_open": self._open_item,
            "list_item_close": self._close_item,
            "blockquote_open": self._open_quote,
            "blockquote_close": self._close_quote,
            "heading_open": self._turn_heading,
            "heading_close": self._turn_heading,
            "fence": self._read_code,
            "code_block": self._read_code,
            "hr": self._read_rule,
            "tr_open": self._open_row,
            "table_close": self._close_table,
            "inline": self._read_inline,
        }

    def blocks(self, tokens: Sequence[Token]) -> list[Block]:
        for token in tokens:
            read = self._readers.get(token.type)
            if read is not None:
                read(token)
        return self._blocks

    def _open_list(self, token: Token) -> None:
        self._lists.append(int(token.attrs.get("start", 1)) if token.type.startswith("ordered") else None)

    def _close_list(self, _: Token) -> None:
        self._lists.pop()

    def _open_item(self, _: Token) -> None:
        self._place_prefix(len(self._lists) - 2)
        number = self._lists[-1]
        self._prefix = "• " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1

    def _close_item(self, _: Token) -> None:
        self._place_prefix(len(self._lists) - 1)

    def _open_quote(self, _: Token) -> None:
        self._quotes += 1

    def _close_quote(self, _: Token) -> None:
        self._quotes -= 1

    def _turn_heading(self, _: Token) -> None:
        self._heading = not self._heading

    def _read_code(self, token: Token) -> None:
        self._add(Code(token.content.rstrip("\n"), token.info.strip().partition(" ")[0]))

    def _read_rule(self, _: Token) -> None:
        self._add(Rule())

    def _open_row(self, _: Token) -> None:
        self._rows.append([])

    def _close_table(self, _: Token) -> None:
        width = max(len(row) for row in self._rows)
        rows, self._rows = self._rows, []
        self._add(Table(tuple(tuple(row + [""] * (width - len(row))) for row in rows)))

    def _read_inline(self, token: Token) -> None:
        spans = spans_of(token.children or [], heading=self._heading)
        if self._rows:
            self._rows[-1].append("".join(span.text for span in spans))
            return
        depth = max(0, len(self._lists) - 1)
        self._blocks.append(Text(spans, self._quotes > 0, bool(self._lists), depth, self._prefix))
        self._prefix = ""

    def _add(self, block: Block) -> None:
        self._place_prefix(len(self._lists) - 1)
        self._blocks.append(block)

    def _place_prefix(self, depth: int) -> None:
        """Give the bullet or number of an item that does not begin with text a line of its own."""
        if self._prefix:
            self._blocks.append(Text((), self._quotes > 0, True, depth, self._prefix))
            self._prefix = ""
