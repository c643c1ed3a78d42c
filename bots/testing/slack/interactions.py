"""What people do in the stand besides writing: press buttons, call commands and shortcuts, submit modals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bots.testing.slack.controls import fill_in, find_action
from bots.testing.slack.courier import Courier
from bots.testing.slack.errors import Refusal
from bots.testing.slack.hooks import Hook, Hooks
from bots.testing.slack.identity import Json
from bots.testing.slack.journal import Journal
from bots.testing.slack.messages import Message
from bots.testing.slack.parcels import Parcel, ParcelKind
from bots.testing.slack.people import ChannelKind
from bots.testing.slack.views import Views
from bots.testing.slack.world import World

_CHANNEL_NAMES = {ChannelKind.DIRECT: "directmessage", ChannelKind.PRIVATE: "privategroup"}


class Interactions:
    """Builds the payloads and hands them over. LookupError for anything that is not there."""

    def __init__(self, world: World, journal: Journal, courier: Courier, hooks: Hooks, views: Views) -> None:
        self._world = world
        self._journal = journal
        self._courier = courier
        self._hooks = hooks
        self._views = views

    def click(
        self, user: str, message_ts: str, channel: str, value: str | None = None, action_id: str | None = None
    ) -> str:
        """Press the button, or choose the option, with this value or action id; return the trigger id."""
        with self._world.lock:
            message = self._seen(user, channel, message_ts)
            action = find_action(message.blocks, value, action_id)
            payload = self._base(user, "block_actions") | self._place(channel)
            payload |= {"container": _container(message), "actions": [action]}
            payload |= {"state": {"values": {}}, "response_url": self._hooks.create(channel, user, message)}
            if not message.ephemeral_to:
                payload["message"] = self._world.show(message)
            return self._send(ParcelKind.INTERACTION, payload)

    def slash(self, user: str, channel: str, command: str, text: str = "") -> str:
        """Call a command and return the trigger id. An answer in the acknowledgement is posted."""
        with self._world.lock:
            where, identity = self._world.channels[channel], self._world.identity
            payload = {
                "token": identity.verification,
                "team_id": identity.team,
                "team_domain": identity.domain,
                "channel_id": channel,
                "channel_name": _CHANNEL_NAMES.get(where.kind, where.name),
                "user_id": user,
                "user_name": self._world.users[user].name,
                "command": command,
                "text": text,
                "api_app_id": identity.app,
                "is_enterprise_install": "false",
                "response_url": self._hooks.create(channel, user),
                "trigger_id": self._views.trigger(user),
            }
            hook = Hook(channel, user, None, expires=0.0)
            return self._send(
                ParcelKind.COMMAND, payload, lambda body: self._hooks.answer(hook, body) if body else None
            )

    def shortcut(self, user: str, message: Message | None = None, callback_id: str = "shortcut") -> str:
        """Use a shortcut on a message, or a global one without; return the trigger id."""
        with self._world.lock:
            payload = self._base(user, "message_action" if message else "shortcut") | {"callback_id": callback_id}
            payload["action_ts"] = self._world.next_ts()
            if message:
                payload |= self._place(message.channel) | {"message_ts": message.ts}
                payload["message"] = self._world.show(self._seen(user, message.channel, message.ts))
                payload["response_url"] = self._hooks.create(message.channel, user)
            return self._send(ParcelKind.INTERACTION, payload)

    def submit_view(self, user: str, view_id: str, values: Mapping[str, str]) -> str:
        """Fill in a modal, texts or options' values by `action_id`, and submit it; return the trigger id."""
        with self._world.lock:
            view = self._views.views[view_id]
            if not view.open or view.user != user:
                raise LookupError(f"{user} has no open view {view_id}")
            shape = self._views.show(view)
            shape["state"] = {"values": fill_in(shape["blocks"], values)}
            payload = self._base(user, "view_submission") | {"view": shape, "response_urls": []}
            return self._send(ParcelKind.INTERACTION, payload, partial(self._views.answer, view))

    def _send(self, kind: ParcelKind, payload: Json, on_answer: Callable[[Json], None] | None = None) -> str:
        self._courier.send(Parcel(kind, payload, self._taking(on_answer) if on_answer else None))
        return str(payload["trigger_id"])

    def _base(self, user: str, type: str) -> Json:
        identity, name = self._world.identity, self._world.users[user].name
        return {
            "type": type,
            "user": {"id": user, "username": name, "name": name, "team_id": identity.team},
            "api_app_id": identity.app,
            "token": identity.verification,
            "team": {"id": identity.team, "domain": identity.domain},
            "enterprise": None,
            "is_enterprise_install": False,
            "trigger_id": self._views.trigger(user),
        }

    def _place(self, channel: str) -> Json:
        where = self._world.channels[channel]
        return {"channel": {"id": channel, "name": _CHANNEL_NAMES.get(where.kind, where.name)}}

    def _seen(self, user: str, channel: str, ts: str) -> Message:
        where = self._world.channels[channel]
        shown = [message for message in where.ephemerals if message.ephemeral_to == user]
        for message in (*where.messages.values(), *shown):
            if message.ts == ts and user in where.members:
                return message
        raise LookupError(f"{user} sees no message {ts} in {channel}")

    def _taking(self, handle: Callable[[Json], None]) -> Callable[[Json], None]:
        """Return a handler that notes an unusable answer as lost instead of raising."""

        def take(body: Json) -> None:
            try:
                handle(body)
            except Refusal as refusal:
                self._journal.gave_up({"type": "answer", "error": refusal.error, "answer": body})

        return take


def _container(message: Message) -> Json:
    return {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": bool(message.ephemeral_to),
    }
