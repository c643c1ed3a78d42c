"""Renders a document as Discord messages: escaped Markdown in pieces that fit, tables in letters of one width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bots.render.blocks import Block, Code, Rule, Span, Table, Text, led
from bots.render.document import Button, ButtonStyle, Document, File
from bots.render.pieces import pieces, split, units
from bots.render.reader import parse
from bots.render.tables import aligned_parts, listed

NO_MENTIONS: dict[str, list[str]] = {"parse": []}
RULE = "─" * 20
_CONTENT = 1_950
_FENCE = 40  # units around a piece of code: the fences and the language
_WIDEST = 100  # columns of a table
_FILES, _ROW, _ROWS = 10, 5, 5
_STYLES = {ButtonStyle.PLAIN: 2, ButtonStyle.PRIMARY: 1, ButtonStyle.DANGER: 4}
_SPECIAL = re.compile(r"([\\*_~`|>#\[\]()<@:-])")
_NUMBER = re.compile(r"^((?:> )?\s*\d+)\.", re.M)
_UNFIT_AS_CODE = re.compile(r"[`<@\n]")
_BARE = "\u200b"  # parts marks that would be read as one

type Json = dict[str, Any]


@dataclass(frozen=True)
class DiscordMessage:
    """What one message holds; mentions in it ping nobody when it is sent with `NO_MENTIONS`."""

    content: str
    components: tuple[Json, ...] = ()
    files: tuple[File, ...] = ()


def render_discord(document: Document) -> list[DiscordMessage]:
    """Return the messages in their order; buttons and files are with the last one, further files in more messages."""
    files = (*document.pictures, *document.files)
    messages = [DiscordMessage(content) for content in _packed(laid_out(document))]
    if not messages and not files:
        messages = [DiscordMessage("(nothing to say)")]
    last = messages.pop() if messages else DiscordMessage("")
    messages.append(DiscordMessage(last.content, _rows(document.buttons), files[:_FILES]))
    more = range(_FILES, len(files), _FILES)
    return messages + [DiscordMessage("", (), files[start : start + _FILES]) for start in more]


def laid_out(document: Document) -> list[Block]:
    """Return the document's blocks without its tables, which Discord has none of: they are code or text instead."""
    return [shown for block in parse(document.markdown) for shown in _shown(block)]


def escape(text: str) -> str:
    """Return text in which Discord's Markdown, mentions and links mean nothing."""
    return _SPECIAL.sub(r"\\\1", text).replace("@", f"@{_BARE}")


def _shown(block: Block) -> Iterator[Block]:
    if not isinstance(block, Table):
        yield block
        return
    parts = aligned_parts(block, widest=_WIDEST, most=_CONTENT - _FENCE, size=_size_of_code)
    yield from map(Code, parts) if parts else listed(block)


def _size_of_code(text: str) -> int:
    return units(_unfenced(text))


def _packed(blocks: Sequence[Block]) -> list[str]:
    """Return contents, as many parts in each as fit."""
    contents: list[str] = []
    before: Block | None = None
    for block in blocks:
        for part in _parts(block):
            joined = f"{contents[-1]}{_between(before, block)}{part}" if contents else part
            if contents and units(joined) <= _CONTENT:
                contents[-1] = joined
            else:
                contents.append(part)
            before = block
    return contents


def _between(before: Block | None, block: Block) -> str:
    """Return an empty line between paragraphs, none within a list or a quote, or beside what has its own space."""
    if not (isinstance(before, Text) and isinstance(block, Text)):
        return "\n"
    return "\n" if (before.item and block.item) or (before.quote and block.quote) or before is block else "\n\n"


def _parts(block: Block) -> Iterator[str]:
    if isinstance(block, Code):
        yield from _code(block)
    elif isinstance(block, Rule):
        yield RULE
    elif isinstance(block, Text):
        lead = "> " if block.quote else ""
        for spans in split(led(block, "  "), _CONTENT, lambda spans: units(_lines(spans, lead))):
            if any(span.text.strip() for span in spans):
                yield _lines(spans, lead)


def _lines(spans: Sequence[Span], lead: str) -> str:
    """Return a piece of styled text as Markdown; a number at a line's beginning begins no list."""
    text = ""
    for span in spans:
        styled = _styled(span)
        parted = styled[:1] in ("*", "`") and text[-1:] in ("*", "`")
        text += f"{_BARE}{styled}" if parted else styled
    return _NUMBER.sub(r"\1\\.", "\n".join(lead + line for line in text.split("\n")))


def _styled(span: Span) -> str:
    if (span.code or span.address) and span.text.strip() == span.text and not _UNFIT_AS_CODE.search(span.text):
        return f"`{span.text}`"
    mark = "**" * span.bold + "*" * span.italic
    return "\n".join(_marked(line, mark) for line in span.text.split("\n"))


def _marked(line: str, mark: str) -> str:
    """Return a line between marks; the space around it stays outside of them, where they would mean nothing."""
    inner = line.strip()
    if not mark or not inner:
        return escape(line)
    start = line.index(inner)
    return f"{line[:start]}{mark}{escape(inner)}{mark}{line[start + len(inner) :]}"


def _code(block: Code) -> Iterator[str]:
    named = block.language if re.fullmatch(r"[\w+-]{1,20}", block.language, re.A) else ""
    for piece in pieces(_unfenced(block.text), _CONTENT - _FENCE):
        if piece.strip():
            yield f"```{named}\n{piece}\n```"


def _unfenced(text: str) -> str:
    """Return code that does not end its fence."""
    return text.replace("```", f"`{_BARE}`{_BARE}`")


def _rows(buttons: Sequence[Button]) -> tuple[Json, ...]:
    starts = range(0, min(len(buttons), _ROW * _ROWS), _ROW)
    return tuple({"type": 1, "components": [_button(one) for one in buttons[at : at + _ROW]]} for at in starts)


def _button(button: Button) -> Json:
    if button.url:
        return {"type": 2, "style": 5, "label": button.label[:80], "url": button.url}
    return {"type": 2, "style": _STYLES[button.style], "label": button.label[:80], "custom_id": button.value}
