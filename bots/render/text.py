"""Reads the text back out of what was rendered, to show that none is lost: what counts is all but white space."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bots.render.blocks import Block, Code, Rule, Table, Text
from bots.render.discord import DiscordMessage
from bots.render.slack import CONTINUED, SlackMessage

_FENCED = re.compile(r"^```[\w+-]*\n([\s\S]*?)\n```$", re.M)
_MARKS = re.compile(r"\\([^\w\s]|_)|`([^`\n]*)`|\*+|^> ", re.M)
_DRAWN = str.maketrans("", "", "\u200b─")


def text_of(blocks: Sequence[Block]) -> str:
    """Return the text of blocks, without white space, zero-width spaces and drawn lines; each table row by row."""
    return squeezed("".join(_of_block(block) for block in blocks))


def _of_block(block: Block) -> str:
    if isinstance(block, Text):
        return block.prefix + "".join(span.text for span in block.spans)
    if isinstance(block, Code):
        return block.text
    return "" if isinstance(block, Rule) else of_table(block)


def of_table(table: Table) -> str:
    """Return the text of a table's cells, row by row."""
    return "".join(cell for row in table.rows for cell in row)


def text_of_slack(messages: Sequence[SlackMessage]) -> str:
    """Return the text of the messages' blocks, in the same form; buttons are left out."""
    blocks = [block for message in messages for block in message.blocks if block["type"] not in ("actions", "divider")]
    return squeezed("".join(_texts(blocks)))


def text_of_discord(messages: Sequence[DiscordMessage]) -> str:
    """Return the text of the messages' contents as Discord shows it, in the same form, without what only formats."""
    text, shown, end = "\n".join(message.content for message in messages), "", 0
    for code in _FENCED.finditer(text):
        shown += _plain(text[end : code.start()]) + code[1]
        end = code.end()
    return squeezed(shown + _plain(text[end:]))


def squeezed(text: str) -> str:
    """Return text without white space, zero-width spaces and drawn lines."""
    return "".join(text.translate(_DRAWN).split())


def _texts(values: Any) -> Iterator[str]:
    for value in values:
        if isinstance(value, list):
            yield from _texts(value)
        elif "rows" in value:
            repeated = str(value.get("block_id", "")).startswith(CONTINUED)
            yield from _texts(value["rows"][repeated:])
        elif "elements" in value:
            yield from _texts(value["elements"])
        else:
            yield str(value["text"])


def _plain(text: str) -> str:
    """Return text without marks of quotes and styles, escapes undone."""
    return _MARKS.sub(lambda found: found[1] or found[2] or "", text)
