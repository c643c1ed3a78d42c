"""Response URLs: five answers to one interaction within thirty minutes."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from bots.testing.slack.errors import Refusal
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.payloads import check_payload
from bots.testing.slack.world import World
from bots.testing.slack.writer import Writer

USES = 5
LIFETIME_S = 30 * 60.0


@dataclass
class Hook:
    """Where an answer goes: the person, the channel, and the message with the button if there is one."""

    channel: str
    user: str
    message: Message | None
    expires: float  # monotonic seconds
    uses: int = 0


class Hooks:
    """Makes response URLs and does what is posted to them."""

    def __init__(self, world: World, writer: Writer) -> None:
        self._world = world
        self._writer = writer
        self._hooks: dict[str, Hook] = {}

    def create(self, channel: str, user: str, message: Message | None = None) -> str:
        """Return a new URL."""
        key = secrets.token_hex(8)
        self._hooks[key] = Hook(channel, user, message, time.monotonic() + LIFETIME_S)
        return f"{self._world.base_url}/hooks/{self._world.identity.team}/{key}"

    def expire(self) -> None:
        """Let the thirty minutes of every URL be over."""
        for hook in self._hooks.values():
            hook.expires = 0.0

    def respond(self, key: str, payload: Json) -> None:
        """Do what was posted to a URL; raises Refusal when it is unknown, used up or too old."""
        hook = self._hooks.get(key)
        if hook is None or time.monotonic() > hook.expires:
            raise Refusal("expired_url", status=404)
        if hook.uses >= USES:
            raise Refusal("used_url", status=404)
        self.answer(hook, payload)
        hook.uses += 1

    def answer(self, hook: Hook, payload: Json) -> None:
        """Delete or replace the original, or post: to the person alone unless the channel is asked for."""
        if payload.get("delete_original") and hook.message is not None:
            self._writer.remove(hook.message)
            return
        check_payload(payload)
        if payload.get("replace_original") and hook.message is not None:
            self._writer.change(hook.message, _content(payload))
            return
        self._post(hook, payload)

    def _post(self, hook: Hook, payload: Json) -> None:
        identity = self._world.identity
        self._writer.post(
            Message(
                channel=hook.channel,
                ts="",
                user=identity.bot_user,
                bot=identity.bot,
                app=identity.app,
                thread=str(payload.get("thread_ts") or ""),
                ephemeral_to="" if payload.get("response_type") == "in_channel" else hook.user,
                **_content(payload),
            )
        )


def _content(payload: Json) -> Json:
    return {
        "text": payload.get("text") or "",
        "blocks": payload.get("blocks") or [],
        "attachments": payload.get("attachments") or [],
    }
