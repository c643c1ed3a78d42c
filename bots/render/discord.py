"""Renders a document as Discord messages: escaped Markdown in pieces that fit, tables in letters of one width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bots.render.blocks import Block, Code, Span, Table, Text, parse, shown
from bots.render.document import Button, ButtonStyle, Document, File
from bots.render.monospace import aligned, width
from bots.render.pieces import pieces

NO_MENTIONS: dict[str, list[str]] = {"parse": []}
_CONTENT = 1_950
_WIDEST = 100
_FILES, _ROW, _ROWS = 10, 5, 5
_STYLES = {ButtonStyle.PLAIN: 2, ButtonStyle.PRIMARY: 1, ButtonStyle.DANGER: 4}
_SPECIAL = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_ADDRESS = re.compile(r"https?://\S+")

type Json = dict[str, Any]


@dataclass(frozen=True)
class DiscordMessage:
    """What one message holds; mentions in it ping nobody when it is sent with `NO_MENTIONS`."""

    content: str
    components: tuple[Json, ...] = ()
    files: tuple[File, ...] = ()


def render_discord(document: Document) -> list[DiscordMessage]:
    """Return the messages in their order; buttons and files are with the last one, further files in more messages."""
    contents = _packed(part for block in parse(document.markdown) for part in _parts(block))
    files = (*document.pictures, *document.files)
    messages = [DiscordMessage(content) for content in contents]
    if not messages and not files:
        messages = [DiscordMessage("(nothing to say)")]
    last = messages.pop() if messages else DiscordMessage("")
    messages.append(DiscordMessage(last.content, _rows(document.buttons), files[:_FILES]))
    more = range(_FILES, len(files), _FILES)
    return messages + [DiscordMessage("", (), files[start : start + _FILES]) for start in more]


def size(text: str) -> int:
    """Return a text's length as the strictest reading of the limit counts it: in UTF-16 units."""
    return len(text.encode("utf-16-le")) // 2


def escape(text: str) -> str:
    """Return text in which Discord's Markdown, mentions and links mean nothing."""
    return _SPECIAL.sub(r"\\\1", text).replace("@", "@\u200b")


def _packed(parts: Iterator[str]) -> list[str]:
    """Return contents, as many parts in each as fit."""
    contents: list[str] = []
    for part in parts:
        joined = f"{contents[-1]}\n{part}" if contents else part
        if contents and size(joined) <= _CONTENT:
            contents[-1] = joined
        else:
            contents.append(part)
    return [content for content in contents if content.strip()]


def _parts(block: Block) -> Iterator[str]:
    if isinstance(block, Code):
        yield from _code(block.text, block.language)
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        yield from _text(block)


def _text(block: Text) -> Iterator[str]:
    lead = "> " if block.quote else ""
    indent = "  " * block.depth + block.prefix
    line = ""
    for text in (_styled(piece, span, block) for span in block.spans for piece in pieces(shown(span), 450, size)):
        if size(lead + indent + line + text) > _CONTENT - 50:
            yield _lines(indent + line, lead)
            line, indent = "", ""
        line += text
    yield _lines(indent + line, lead)


def _lines(text: str, lead: str) -> str:
    return "\n".join(lead + line for line in text.split("\n")) if lead else text


def _styled(piece: str, span: Span, block: Text) -> str:
    """Return a piece in its style; the space around it stays outside of the marks."""
    text = escape(piece)
    mark = "**" if span.bold or block.heading else "_" if span.italic else ""
    inner = text.strip()
    if not mark or not inner or "\n" in inner:
        return text
    return text.replace(inner, f"{mark}{inner}{mark}", 1)


def _code(text: str, language: str = "") -> Iterator[str]:
    named = language if re.fullmatch(r"[\w+-]{1,20}", language) else ""
    for piece in pieces(text.replace("```", "`\u200b`\u200b`"), _CONTENT - 60, size):
        yield f"```{named}\n{piece}\n```"


def _table(table: Table) -> Iterator[str]:
    text = aligned(table.rows)
    if max(width(line) for line in text.splitlines()) <= _WIDEST:
        yield from _code(text)
        return
    header, *rows = table.rows
    for row in rows or [("",) * len(header)]:
        named = "\n".join(f"{name}: {cell}" for name, cell in zip(header, row, strict=True))
        yield from _text(Text((Span(named),)))


def _rows(buttons: Sequence[Button]) -> tuple[Json, ...]:
    starts = range(0, min(len(buttons), _ROW * _ROWS), _ROW)
    return tuple({"type": 1, "components": [_button(one) for one in buttons[at : at + _ROW]]} for at in starts)


def _button(button: Button) -> Json:
    if button.url:
        return {"type": 2, "style": 5, "label": button.label[:80], "url": button.url}
    return {"type": 2, "style": _STYLES[button.style], "label": button.label[:80], "custom_id": button.value}
