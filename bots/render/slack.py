"""Renders a document as Slack messages: rich text, in which nothing from outside can mean anything, and tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.render.blocks import Block, Code, Span, Table, Text, parse, shown
from bots.render.document import Button, ButtonStyle, Document, File
from bots.render.monospace import aligned
from bots.render.pieces import pieces

_BLOCKS, _TEXT, _MESSAGE = 45, 2_800, 11_000
_ROWS, _COLUMNS, _CELLS = 100, 20, 9_000
_FALLBACK = 2_000
_BUTTONS = 25
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
    table: bool = False

    def fits(self, size: int, table: bool) -> bool:
        used = sum(map(len, self.texts))
        full = len(self.blocks) >= _BLOCKS or (used > 0 and used + size > _MESSAGE)
        return not (full or (table and self.table))


def render_slack(document: Document) -> list[SlackMessage]:
    """Return the messages in their order; buttons and files are with the last one."""
    messages = [_Open()]
    for block, text in _all_blocks(parse(document.markdown)):
        table = block["type"] == "table"
        if not messages[-1].fits(len(text), table):
            messages.append(_Open())
        messages[-1].blocks.append(block)
        messages[-1].texts.append(text)
        messages[-1].table |= table
    for start in range(0, len(document.buttons), _BUTTONS):
        messages[-1].blocks.append(_actions(document.buttons[start : start + _BUTTONS]))
    files = (*document.pictures, *document.files)
    if not messages[-1].blocks:
        messages[-1].blocks.append(_rich([_section([Span(files[0].name if files else "(nothing to say)")])]))
    return [
        SlackMessage(_fallback(one.texts), tuple(one.blocks), files if one is messages[-1] else ()) for one in messages
    ]


def escape(text: str) -> str:
    """Return text for Slack's mrkdwn, in which it stays text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fallback(texts: Sequence[str]) -> str:
    return escape("\n".join(texts)[:_FALLBACK]) or "tieout"


def _all_blocks(blocks: Sequence[Block]) -> Iterator[tuple[Json, str]]:
    """Yield Slack's blocks, each with its text."""
    for block in blocks:
        if isinstance(block, Table):
            yield from _table(block)
        elif isinstance(block, Code):
            yield from _code(block.text)
        else:
            yield from _text(block)


def _text(block: Text) -> Iterator[tuple[Json, str]]:
    lead = "    " * block.depth + block.prefix
    spans = ([Span(lead)] if lead else []) + [
        Span(piece, span.bold or block.heading, span.italic, span.code)
        for span in block.spans
        for piece in pieces(shown(span), _TEXT)
    ]
    for group in _groups(spans):
        section = _quote(group) if block.quote else _section(group)
        yield _rich([section]), "".join(span.text for span in group)


def _groups(spans: Sequence[Span]) -> Iterator[list[Span]]:
    group: list[Span] = []
    for span in spans:
        if group and sum(len(one.text) for one in group) + len(span.text) > _TEXT:
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _code(text: str) -> Iterator[tuple[Json, str]]:
    for piece in pieces(text, _TEXT):
        yield _rich([{"type": "rich_text_preformatted", "elements": [{"type": "text", "text": piece}]}]), piece


def _table(table: Table) -> Iterator[tuple[Json, str]]:
    """Yield table blocks, or aligned text when the cells are too many or too long."""
    header, *rows = table.rows
    longest = max((sum(map(len, row)) for row in table.rows), default=0)
    if len(header) > _COLUMNS or 2 * longest > _CELLS:
        yield from _code(aligned(table.rows))
        return
    part: list[tuple[str, ...]] = []
    parts = 0
    for row in rows:
        cells = sum(len(cell) for one in (header, *part, row) for cell in one)
        if part and (len(part) + 2 > _ROWS or cells > _CELLS):
            yield _table_block([header, *part], parts)
            part, parts = [], parts + 1
        part.append(row)
    yield _table_block([header, *part], parts)


def _table_block(rows: Sequence[Sequence[str]], number: int) -> tuple[Json, str]:
    """Return the `number`th part of a table; from the second on its name says that the header is a repeated one."""
    name = {"block_id": f"{CONTINUED}{number}"} if number else {}
    cells = [[{"type": "raw_text", "text": cell or " "} for cell in row] for row in rows]
    return {"type": "table", "rows": cells, **name}, "\n".join(" ".join(row) for row in rows)


def _rich(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": elements}


def _section(spans: Sequence[Span]) -> Json:
    return {"type": "rich_text_section", "elements": [_element(span) for span in spans]}


def _quote(spans: Sequence[Span]) -> Json:
    return {"type": "rich_text_quote", "elements": [_element(span) for span in spans]}


def _element(span: Span) -> Json:
    style = {name: True for name in ("bold", "italic", "code") if getattr(span, name)}
    return {"type": "text", "text": span.text, **({"style": style} if style else {})}


def _actions(buttons: Sequence[Button]) -> Json:
    return {"type": "actions", "elements": [_button(button, number) for number, button in enumerate(buttons)]}


def _button(button: Button, number: int) -> Json:
    shown_as: Json = {"primary": {"style": "primary"}, "danger": {"style": "danger"}}.get(button.style.value, {})
    assert isinstance(button.style, ButtonStyle)
    where = {"url": button.url} if button.url else {}
    label = {"type": "plain_text", "text": button.label[:75], "emoji": True}
    return {
        "type": "button",
        "text": label,
        "value": button.value,
        "action_id": f"{button.value.partition(':')[0]}-{number}",
        **shown_as,
        **where,
    }
