"""Posts a document where a person spoke: rendered for the platform, each message an effect of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bots.inbound import Inbound, InboundKind, Place
from bots.render.discord import render_discord
from bots.render.document import Document, File
from bots.render.slack import render_slack
from tieout.ports import StepContext

_SKEW = timedelta(minutes=2)  # that Slack's clock may be behind ours
_THREAD_NAME = 90  # characters; Discord takes 100

type Sendable = dict[str, Any]


def place_of_answer(inbound: Inbound) -> Place:
    """Return where the answer goes: the thread of what was said, which begins with it when it is in none."""
    place = inbound.place
    begins = inbound.kind is InboundKind.MESSAGE and not (place.direct or inbound.in_channel)
    return place if place.thread or not begins else replace(place, thread=inbound.message)


def post(
    context: StepContext,
    inbound: Inbound,
    document: Document,
    *,
    key: str = "answer",
    private: bool = False,
    direct: bool = False,
    edit: Mapping[str, Any] | None = None,
) -> list[Mapping[str, Any]]:
    """Send the document in as many messages as it takes; return their receipts.

    A `private` one is seen by the person alone, where they spoke; a `direct` one is a direct message, which lasts. With
    `edit`, the receipt of an earlier message, that one is changed instead. Raises as `context.deliver` does.
    """
    platform = inbound.place.platform
    if (context.step.output or {}).get("progress"):
        inbound = replace(inbound, token="")  # the interaction was answered by the progress message
    messages = _SENDABLE[platform](context.principal.workspace, inbound, document, private, direct)
    began = f"{(context.run.created_at - _SKEW).timestamp():.6f}"
    receipts: list[Mapping[str, Any]] = []
    for number, made in enumerate(messages):
        message = {"after": began, **made}  # where a look for what may have been sent begins
        if edit is not None:
            if number:
                break
            message = {**message, "edit": edit["message"], "to": {**message["to"], "channel": edit["channel"]}}
        receipts.append(context.deliver(f"{key}-{number}", platform, message))
    return receipts


def _slack(workspace: str, inbound: Inbound, document: Document, private: bool, direct: bool) -> Iterator[Sendable]:
    place = place_of_answer(inbound)
    to = {"channel": place.channel, "thread": place.thread}
    if direct and not place.direct:
        to = {"person": inbound.author}
    alone = {"ephemeral": inbound.author} if private and not (direct or place.direct) else {}
    about = {"workspace": workspace, "to": to}
    for message in render_slack(document):
        yield {**about, "text": message.text, "blocks": list(message.blocks), **alone}
        for file in message.files:
            yield {**about, "file": _file(file)}


def _discord(workspace: str, inbound: Inbound, document: Document, private: bool, direct: bool) -> Iterator[Sendable]:
    place = place_of_answer(inbound)
    alone = (private or direct) and not place.direct
    if direct:
        inbound = replace(inbound, token="")  # what is said by it is gone when the person looks away
    for number, message in enumerate(render_discord(document)):
        yield {
            "workspace": workspace,
            "to": {"channel": place.channel, "thread": place.thread},
            "after": inbound.key.rpartition("/")[2],
            "content": message.content,
            "components": list(message.components),
            "files": [_file(file) for file in message.files],
            **({"alone": inbound.author} if alone else _opened(inbound, place)),
            **_interaction(inbound, first=number == 0, alone=alone),
        }


def _opened(inbound: Inbound, place: Place) -> Sendable:
    """Return the thread that the answer begins."""
    if place.thread == inbound.place.thread:
        return {}
    name = " ".join(inbound.text.split())[:_THREAD_NAME] or "tieout"
    return {"open_thread": {"message": place.thread, "name": name}}


def _interaction(inbound: Inbound, *, first: bool, alone: bool) -> Sendable:
    """Return how the interaction is answered: only a call waits for its first message, what one person sees is more."""
    first = first and inbound.kind is InboundKind.COMMAND
    if not inbound.token or not (first or alone):
        return {}
    application, _, token = inbound.token.partition("/")
    return {"interaction": {"application": application, "token": token, "first": first}}


def _file(file: File) -> dict[str, Any]:
    return {"name": file.name, "media_type": file.media_type, "sha256": file.sha256}


_SENDABLE = {"slack": _slack, "discord": _discord}
