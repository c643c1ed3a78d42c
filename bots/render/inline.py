"""Reads what is within a line of Markdown: styles, and links with the address that they lead to in sight."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from markdown_it.token import Token

from bots.render.blocks import Span

_ADDRESS = re.compile(r"https?://[!-~]+", re.I)
_UNFIT = re.compile(r"[<>\\`]|@(?=everyone|here)", re.I)
_LONGEST = 1_000  # characters of an address that stays in one piece


def spans_of(tokens: Sequence[Token], *, heading: bool = False) -> tuple[Span, ...]:
    """Return the spans of a line; a heading's are bold. Neighbours of one style are one span."""
    spans: list[Span] = []
    for span in _spans(tokens):
        span = replace(span, bold=span.bold or heading)
        if spans and not span.address and replace(spans[-1], text="") == replace(span, text=""):
            spans[-1] = replace(span, text=spans[-1].text + span.text)
        else:
            spans.append(span)
    return tuple(spans)


def _spans(tokens: Sequence[Token]) -> Iterator[Span]:
    bold = italic = 0
    link: Token | None = None
    label: list[Span] = []
    for token in tokens:
        bold += {"strong_open": 1, "strong_close": -1}.get(token.type, 0)
        italic += {"em_open": 1, "em_close": -1}.get(token.type, 0)
        if token.type == "link_open":
            link, label = token, []
        elif token.type == "link_close" and link is not None:
            yield from _link(label, str(link.attrs.get("href", "")), str(link.attrs.get("title", "")))
            link = None
        for span in _of_token(token, bold > 0, italic > 0):
            if link is None:
                yield span
            else:
                label.append(span)


def _of_token(token: Token, bold: bool, italic: bool) -> Iterator[Span]:
    if token.type in ("softbreak", "hardbreak"):
        yield Span("\n")
    elif token.type == "image":
        label = [Span(token.content, bold, italic)] if token.content else []
        yield from _link(label, str(token.attrs.get("src", "")), str(token.attrs.get("title", "")))
    elif token.type in ("text", "code_inline") and token.content:
        yield Span(token.content, bold, italic, token.type == "code_inline")


def _link(label: Sequence[Span], url: str, title: str) -> Iterator[Span]:
    """Yield a label and in brackets where it leads; a label that is the address is not said twice."""
    named = "".join(span.text for span in label)
    behind = " ".join(part for part in ("" if named == url else url, title) if part)
    if not named or (named == url and not title):
        yield from [address(url)] if url else []
        yield from [Span(f" ({title})")] if title else []
        return
    yield from label
    if behind:
        yield Span(" (")
        yield from [address(url)] if named != url and url else []
        yield Span(f"{' ' if title and named != url and url else ''}{title})")


def address(url: str) -> Span:
    """Return an address as it is shown: one piece when it is http or https, else text."""
    fit = _ADDRESS.fullmatch(url) and len(url) <= _LONGEST and not _UNFIT.search(url)
    return Span(url, address=bool(fit))
