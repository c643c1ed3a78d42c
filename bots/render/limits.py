"""What the platforms refuse: the limits of their messages, each broken one named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

type Json = Mapping[str, Any]

_KNOWN = frozenset(
    "actions context divider file header image input markdown rich_text section table video context_actions".split()
)


def check_slack(payload: Json) -> None:
    """Raise ValueError naming the limit that a `chat.postMessage` would break."""
    text, blocks = str(payload.get("text") or ""), payload.get("blocks") or []
    if not text and not blocks and not payload.get("attachments"):
        raise ValueError("no_text: a message needs text or blocks")
    _most(len(text), 40_000, "characters of text")
    _most(len(blocks), 50, "blocks")
    _most(sum(block.get("type") == "table" for block in blocks), 1, "tables in a message")
    ids = [block["block_id"] for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        raise ValueError("two blocks have the same block_id")
    for block in blocks:
        _slack_block(block)


def _slack_block(block: Json) -> None:
    kind = block.get("type")
    if kind not in _KNOWN:
        raise ValueError(f"there is no block {kind!r}")
    _most(len(str(block.get("block_id") or "")), 255, "characters of a block_id")
    check = _SLACK.get(str(kind))
    if check is not None:
        check(block)


def _section(block: Json) -> None:
    text, fields = block.get("text"), block.get("fields") or []
    if text is None and not fields:
        raise ValueError("a section needs text or fields")
    if text is not None:
        _some(str(text.get("text") or ""), 3_000, "a section")
    _most(len(fields), 10, "fields of a section")
    for field in fields:
        _some(str(field.get("text") or ""), 2_000, "a field")


def _header(block: Json) -> None:
    if block["text"].get("type") != "plain_text":
        raise ValueError("a header's text is plain_text")
    _some(str(block["text"].get("text") or ""), 150, "a header")


def _context(block: Json) -> None:
    _most(len(block.get("elements") or []), 10, "elements of a context")


def _markdown(block: Json) -> None:
    _some(str(block.get("text") or ""), 12_000, "a markdown block")


def _actions(block: Json) -> None:
    elements = block.get("elements") or []
    if not elements:
        raise ValueError("actions without an element")
    _most(len(elements), 25, "elements of actions")
    ids = [element["action_id"] for element in elements if element.get("action_id")]
    if len(ids) != len(set(ids)):
        raise ValueError("two elements have the same action_id")
    for element in elements:
        if element.get("type") == "button":
            _some(str(element["text"].get("text") or ""), 75, "a button's label")
            _most(len(str(element.get("value") or "")), 2_000, "characters of a button's value")
            _most(len(str(element.get("url") or "")), 3_000, "characters of a button's url")


def _table(block: Json) -> None:
    rows: Sequence[Any] = block.get("rows") or []
    if not rows:
        raise ValueError("a table without rows")
    _most(len(rows), 100, "rows of a table")
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        raise ValueError("a table's rows have different numbers of cells")
    _most(max(widths), 20, "columns of a table")
    texts = list(_texts(rows))
    _most(sum(map(len, texts)), 10_000, "characters of a table")
    if any(not text for text in texts):
        raise ValueError("a cell without text")


def _rich_text(block: Json) -> None:
    texts = list(_texts(block.get("elements") or []))
    if not texts or any(not text for text in texts):
        raise ValueError("rich text without text")
    _most(sum(map(len, texts)), 3_000, "characters of rich text")


def _texts(elements: Any) -> Iterator[str]:
    """Yield the texts within elements, or rows of them."""
    for one in elements:
        if isinstance(one, list):
            yield from _texts(one)
        elif "elements" in one:
            yield from _texts(one["elements"])
        elif "text" in one:
            yield str(one["text"])


_SLACK = {
    "section": _section,
    "header": _header,
    "context": _context,
    "markdown": _markdown,
    "actions": _actions,
    "table": _table,
    "rich_text": _rich_text,
}


def check_discord(payload: Json) -> None:
    """Raise ValueError naming the limit that a message would break. Files are in `attachments` or `files`."""
    content, embeds = str(payload.get("content") or ""), payload.get("embeds") or []
    components, files = payload.get("components") or [], payload.get("attachments") or payload.get("files") or []
    if not (content.strip() or embeds or files or components or payload.get("sticker_ids") or payload.get("poll")):
        raise ValueError("an empty message")
    _most(max(len(content), len(content.encode("utf-16-le")) // 2), 2_000, "characters of content")
    _most(len(files), 10, "files")
    nonce = payload.get("nonce")
    _most(len(str(nonce)) if nonce is not None else 0, 25, "characters of a nonce")
    _embeds(embeds)
    _most(len(components), 5, "rows of components")
    for row in components:
        _row(row)


def _embeds(embeds: Sequence[Json]) -> None:
    _most(len(embeds), 10, "embeds")
    total = 0
    for embed in embeds:
        fields = embed.get("fields") or []
        _most(len(fields), 25, "fields of an embed")
        parts = [
            (str(embed.get("title") or ""), 256),
            (str(embed.get("description") or ""), 4_096),
            (str((embed.get("footer") or {}).get("text") or ""), 2_048),
            (str((embed.get("author") or {}).get("name") or ""), 256),
            *((str(field["name"]), 256) for field in fields),
            *((str(field["value"]), 1_024) for field in fields),
        ]
        for text, most in parts:
            _most(len(text), most, "characters in a part of an embed")
        total += sum(len(text) for text, _ in parts)
    _most(total, 6_000, "characters of all embeds")


def _row(row: Json) -> None:
    if row.get("type") != 1:
        raise ValueError(f"a message's component is a row (1), not {row.get('type')}")
    elements = row.get("components") or []
    if not elements:
        raise ValueError("a row without a component")
    _most(len(elements), 5, "components of a row")
    for element in elements:
        _most(len(str(element.get("custom_id") or "")), 100, "characters of a custom_id")
        _most(len(str(element.get("label") or "")), 80, "characters of a label")
        _most(len(element.get("options") or []), 25, "options")
        if element.get("type") == 2 and not (element.get("custom_id") or element.get("url") or element.get("sku_id")):
            raise ValueError("a button needs a custom_id or a url")


def _most(count: int, most: int, what: str) -> None:
    if count > most:
        raise ValueError(f"{count} {what}; at most {most} are allowed")


def _some(text: str, most: int, what: str) -> None:
    if not text:
        raise ValueError(f"{what} without text")
    _most(len(text), most, f"characters of {what}")
