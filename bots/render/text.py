"""Reads the text back out of what was rendered, to show that none is lost: what counts is all but white space."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bots.render.blocks import Code, Table, Text, parse, shown
from bots.render.discord import DiscordMessage
from bots.render.document import Document
from bots.render.slack import CONTINUED, SlackMessage

_FENCE = re.compile(r"^```[\w+-]*$", re.M)
_INVISIBLE = str.maketrans("", "", "\u200b")


def text_of(document: Document) -> str:
    """Return the text of a document, without white space and zero-width spaces; each table row by row."""
    return squeezed("".join(_of_block(block) for block in parse(document.markdown)))


def _of_block(block: Text | Code | Table) -> str:
    if isinstance(block, Text):
        return block.prefix + "".join(shown(span) for span in block.spans)
    return block.text if isinstance(block, Code) else "".join(cell for row in block.rows for cell in row)


def text_of_slack(messages: Sequence[SlackMessage]) -> str:
    """Return the text of the messages' blocks, in the same form; buttons are left out."""
    blocks = [block for message in messages for block in message.blocks if block["type"] != "actions"]
    return squeezed("".join(_texts(blocks)))


def text_of_discord(messages: Sequence[DiscordMessage]) -> str:
    """Return the text of the messages' contents, in the same form, without what only formats."""
    text = "\n".join(message.content for message in messages)
    parts = re.split(r"(^```[\w+-]*\n[\s\S]*?\n```$)", text, flags=re.M)
    return squeezed("".join(_FENCE.sub("", part) if part.startswith("```") else _plain(part) for part in parts))


def squeezed(text: str) -> str:
    """Return text without white space and zero-width spaces."""
    return "".join(text.translate(_INVISIBLE).split())


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
    text = re.sub(r"^> ", "", text, flags=re.M)
    text = re.sub(r"(?<!\\)\*\*|(?<!\\)_", "", text)
    return re.sub(r"\\([\\*_~`|>#\[\]()<@:-])", r"\1", text)
