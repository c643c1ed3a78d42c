"""Renders a document as Slack messages: rich text, in which nothing from outside can mean anything, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from bots.render.blocks import Block, Code, Rule, Span, Table, Text, led
from bots.render.document import Button, ButtonStyle, Document, File
from bots.render.pieces import pieces, split, units
from bots.render.reader import parse
from bots.render.tables import aligned_parts, listed

_BLOCKS, _TEXT, _MESSAGE = 45, 2_800, 11_000
_ROWS, _COLUMNS, _CELLS = 100, 20, 9_000
_WIDEST = 120  # columns of a table in letters of one width
_FALLBACK = 2_000
_BUTTONS = 25
_STYLES = {ButtonStyle.PLAIN: {}, ButtonStyle.PRIMARY: {"style": "primary"}, ButtonStyle.DANGER: {"style": "danger"}}
CONTINUED = "continued-"

type Json = dict[str, Any]


@dataclass(frozen=True)
class SlackMessage:
    """What one call of `chat.postMessage` sends; `text` is shown where blocks are not. Files follow it."""

    text: str
    blocks: tuple[Json, ...]
    files: tuple[File, ...] = ()


@dataclass
class _Open:
    """A message that is being filled."""

    blocks: list[Json] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    size: int = 0
    table: bool = False

    def fits(self, size: int, table: bool) -> bool:
        full = len(self.blocks) >= _BLOCKS or (self.size > 0 and self.size + size > _MESSAGE)
        return not (full or (table and self.table))

    def add(self, block: Json, text: str) -> None:
        self.blocks.append(block)
        self.texts.append(text)
        self.size += units(text)
        self.table |= block["type"] == "table"


def render_slack(document: Document) -> list[SlackMessage]:
    """Return the messages in their order; buttons and files are with the last one."""
    messages = [_Open()]
    for block, text in _rendered(laid_out(document)):
        if not messages[-1].fits(units(text), block["type"] == "table"):
            messages.append(_Open())
        messages[-1].add(block, text)
    files = (*document.pictures, *document.files)
    if not messages[-1].blocks:
        messages[-1].add(*_section([Span(files[0].name if files else "(nothing to say)")]))
    for start in range(0, len(document.buttons), _BUTTONS):
        messages[-1].blocks.append(_actions(document.buttons[start : start + _BUTTONS]))
    return [
        SlackMessage(_fallback(one.texts), tuple(one.blocks), files if one is messages[-1] else ()) for one in messages
    ]


def laid_out(document: Document) -> list[Block]:
    """Return the document's blocks, without the tables that Slack has no room for: they are code or text instead."""
    return [shown for block in parse(document.markdown) for shown in _shown(block)]


def escape(text: str) -> str:
    """Return text for Slack's mrkdwn, in which it stays text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fallback(texts: Sequence[str]) -> str:
    start = next(pieces("\n".join(texts), _FALLBACK), "")
    return escape(start) or "tieout"


def _shown(block: Block) -> Iterator[Block]:
    longest = max((_size(row) for row in block.rows), default=0) if isinstance(block, Table) else 0
    if not isinstance(block, Table) or (len(block.rows[0]) <= _COLUMNS and 2 * longest <= _CELLS):
        yield block
        return
    parts = aligned_parts(block, widest=_WIDEST, most=_TEXT, size=units)
    yield from map(Code, parts) if parts else listed(block)


def _size(row: Sequence[str]) -> int:
    return sum(max(1, units(cell)) for cell in row)


def _rendered(blocks: Sequence[Block]) -> Iterator[tuple[Json, str]]:
    """Yield Slack's blocks, each with its text."""
    for kind, same in groupby(blocks, _kind):
        for block in _joined(same) if kind in ("item", "quote") else same:
            if isinstance(block, Table):
                yield from _table(block)
            elif isinstance(block, Code):
                yield from _code(block.text)
            elif isinstance(block, Rule):
                yield {"type": "divider"}, ""
            else:
                yield from _text(block)


def _kind(block: Block) -> str:
    if not isinstance(block, Text):
        return "other"
    return "quote" if block.quote else "item" if block.item else "text"


def _joined(blocks: Iterator[Block]) -> Iterator[Block]:
    """Yield one text of many: the items of a list, the paragraphs of a quote."""
    spans: list[Span] = []
    quote = False
    for block in blocks:
        assert isinstance(block, Text)
        spans += [*([Span("\n")] if spans else []), *led(block, "    ")]
        quote = block.quote
    yield Text(tuple(spans), quote)


def _text(block: Text) -> Iterator[tuple[Json, str]]:
    for piece in split(block.spans, _TEXT, _length):
        if any(span.text.strip() for span in piece):
            yield _section(piece, "rich_text_quote" if block.quote else "rich_text_section")


def _length(spans: Sequence[Span]) -> int:
    return sum(units(span.text) for span in spans)


def _code(text: str) -> Iterator[tuple[Json, str]]:
    for piece in pieces(text, _TEXT):
        if piece.strip():
            yield _section([Span(piece)], "rich_text_preformatted")


def _table(table: Table) -> Iterator[tuple[Json, str]]:
    """Yield table blocks, the header in front of each."""
    header, *rows = table.rows
    parts, size = [[header]], _size(header)
    for row in rows:
        if len(parts[-1]) >= _ROWS or size + _size(row) > _CELLS:
            parts.append([header])
            size = _size(header)
        parts[-1].append(row)
        size += _size(row)
    for number, part in enumerate(parts):
        yield _table_block(part, number)


def _table_block(rows: Sequence[Sequence[str]], number: int) -> tuple[Json, str]:
    """Return the `number`th part of a table; from the second on its name says that the header is a repeated one."""
    name = {"block_id": f"{CONTINUED}{number}"} if number else {}
    cells = [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in rows]
    return {"type": "table", "rows": cells, **name}, "\n".join(" ".join(row) for row in rows)


def _section(spans: Sequence[Span], kind: str = "rich_text_section") -> tuple[Json, str]:
    elements = [_element(span) for span in spans]
    return {"type": "rich_text", "elements": [{"type": kind, "elements": elements}]}, "".join(
        span.text for span in spans
    )


def _element(span: Span) -> Json:
    """Return a text element, also for an address: a link of a model is read, not followed by a click."""
    marks = {"bold": span.bold, "italic": span.italic, "code": span.code or span.address}
    style = {name: True for name, on in marks.items() if on}
    return {"type": "text", "text": span.text, **({"style": style} if style else {})}


def _actions(buttons: Sequence[Button]) -> Json:
    return {"type": "actions", "elements": [_button(button, number) for number, button in enumerate(buttons)]}


def _button(button: Button, number: int) -> Json:
    where = {"url": button.url} if button.url else {}
    label = {"type": "plain_text", "text": button.label[:75], "emoji": True}
    return {
        "type": "button",
        "text": label,
        "value": button.value,
        "action_id": f"{button.value.partition(':')[0]}-{number}",
        **_STYLES[button.style],
        **where,
    }
