"""Reads a streamed chat completion, as the protocol has it and as careless servers send it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletionChunk

_LONGEST_ANSWER = 2_000_000  # characters; a server that never stops must not fill the memory


@dataclass
class Received:
    """What has arrived of an answer. `finish_reason` stays None while it is not whole."""

    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    caller_error: BaseException | None = None  # raised by on_text, not by the wire


def read_stream(
    stream: openai.Stream[ChatCompletionChunk], received: Received, on_text: Callable[[str], None] | None
) -> None:
    """Read a stream to its end into `received`, passing each piece of text on.

    A server that ignores `stream` and answers with one JSON object is understood as well. Raises the vendor's
    errors, and ValueError for a body that is not the protocol.
    """
    if stream.response.headers.get("content-type", "").startswith("application/json"):
        stream.response.read()
        _take_whole(stream.response.json(), received, on_text)
        return
    pieces: list[str] = []
    length = 0
    try:
        for chunk in stream:
            piece = _take_chunk(chunk, received)
            pieces.append(piece)
            length += len(piece)
            if length > _LONGEST_ANSWER:
                raise ValueError(f"an answer of more than {_LONGEST_ANSWER} characters")
            _pass_on(piece, received, on_text)
    finally:
        received.text = "".join(pieces)  # a cut answer is charged by what came of it


def _take_chunk(chunk: Any, received: Received) -> str:
    """Take one event; the package does not check its fields, so each is looked at with care."""
    received.model = _text(getattr(chunk, "model", None)) or received.model
    _take_usage(getattr(chunk, "usage", None), received)
    text = ""
    for choice in (getattr(chunk, "choices", None) or [])[:1]:
        delta = getattr(choice, "delta", None)
        text = _text(getattr(delta, "content", None))
        received.refusal += _text(getattr(delta, "refusal", None))
        received.finish_reason = _text(getattr(choice, "finish_reason", None)) or received.finish_reason
    return text


def _take_whole(body: Any, received: Received, on_text: Callable[[str], None] | None) -> None:
    try:
        choice = body["choices"][0]
        message = choice["message"]
        received.text = _text(message.get("content"))
        received.refusal = _text(message.get("refusal"))
        received.finish_reason = _text(choice.get("finish_reason")) or "stop"
        received.model = _text(body.get("model")) or None
        usage = body.get("usage") or {}
        received.tokens_in = _count(usage.get("prompt_tokens"))
        received.tokens_out = _count(usage.get("completion_tokens"))
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("a JSON body that is no chat completion") from error
    _pass_on(received.text, received, on_text)


def _take_usage(usage: Any, received: Received) -> None:
    tokens_in = _count(getattr(usage, "prompt_tokens", None))
    tokens_out = _count(getattr(usage, "completion_tokens", None))
    received.tokens_in = received.tokens_in if tokens_in is None else tokens_in
    received.tokens_out = received.tokens_out if tokens_out is None else tokens_out


def _pass_on(piece: str, received: Received, on_text: Callable[[str], None] | None) -> None:
    if not piece or on_text is None:
        return
    try:
        on_text(piece)
    except BaseException as error:
        received.caller_error = error
        raise


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
