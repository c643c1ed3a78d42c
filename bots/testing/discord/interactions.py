"""What people do besides writing: call commands, press buttons, type arguments, fill in windows; and its answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bots.testing.discord import shapes
from bots.testing.discord.errors import (
    ACKNOWLEDGED,
    SPENT_TOKEN,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    invalid,
)
from bots.testing.discord.gateway import Gateway
from bots.testing.discord.limits import check_choices, check_message, check_modal, modal_fields
from bots.testing.discord.shapes import DIRECT, EPHEMERAL, Json
from bots.testing.discord.world import World, new_token

_ACK_S, _TOKEN_S = 3.0, 900.0
_COMMAND, _COMPONENT, _AUTOCOMPLETE, _SUBMIT = 2, 3, 4, 5
_SAY, _THINK, _LATER, _UPDATE, _CHOICES, _MODAL = 4, 5, 6, 7, 8, 9

type Files = list[tuple[str, str, bytes]]


@dataclass
class Interaction:
    """One act, and how it was answered. `token` is good for a quarter of an hour after the acknowledgement."""

    id: str
    token: str
    kind: int
    user: str
    channel: str
    message: str = ""  # that the button is on
    sent: float = field(default_factory=time.monotonic)
    answered: Json | None = None
    original: Json | None = None  # the message that was said or promised in answer
    expired: bool = False

    @property
    def alone(self) -> bool:
        """Whether the answer is for the person alone."""
        return bool(int(((self.answered or {}).get("data") or {}).get("flags") or 0) & EPHEMERAL)


@dataclass
class Modal:
    """A window on somebody's screen."""

    id: str
    user: str
    channel: str
    message: str
    content: Json
    open: bool = True


class Interactions:
    """Sends interactions and takes their answers. People's methods raise LookupError for what is not there."""

    def __init__(self, world: World, gateway: Gateway, acked: list[tuple[str, float]]) -> None:
        self._world, self._gateway, self._acked = world, gateway, acked
        self.all: dict[str, Interaction] = {}
        self.modals: dict[str, Modal] = {}
        self.choices: dict[str, list[Json]] = {}

    # ------------------------------------------------------------ people

    def command(self, user: str, channel: str, command: str, /, **options: str) -> str:
        """Call `/tieout COMMAND` and return the interaction's id."""
        return self._send(_COMMAND, user, channel, _call(command, [_option(*one) for one in options.items()]))

    def pick(self, user: str, channel: str, message: str, name: str = "Ask tieout") -> str:
        """Choose an entry of a message's menu and return the interaction's id."""
        said = self._shown(user, channel, message)
        data = {"id": "2", "name": name, "type": 3, "target_id": message, "resolved": {"messages": {message: said}}}
        return self._send(_COMMAND, user, channel, data)

    def type_in(self, user: str, channel: str, name: str, option: str, typed: str) -> str:
        """Type an argument of a command; the suggestions come into `choices` under the returned id."""
        return self._send(_AUTOCOMPLETE, user, channel, _call(name, [{**_option(option, typed), "focused": True}]))

    def click(self, user: str, message_id: str, custom_id: str, channel: str = "") -> str:
        """Press a button and return the interaction's id."""
        with self._world.lock:
            where = channel or self._channel_of(message_id)
            said = self._shown(user, where, message_id)
            buttons = [one for row in said["components"] for one in row.get("components") or ()]
            if not any(one.get("custom_id") == custom_id for one in buttons):
                raise LookupError(f"No button {custom_id!r} on {message_id}")
        data = {"custom_id": custom_id, "component_type": 2}
        return self._send(_COMPONENT, user, where, data, message=said)

    def submit(self, user: str, modal_id: str, **values: str) -> str:
        """Fill in a window and submit it."""
        modal = self.modals[modal_id]
        if not modal.open or modal.user != user:
            raise LookupError(f"{user} has no open window {modal_id}")
        modal.open = False
        fields = [
            {
                "type": 18,
                "component": {"type": 4, "custom_id": one["name"], "value": values.get(one["name"], one["value"])},
            }
            for one in modal_fields(modal.content)
        ]
        data = {"custom_id": modal.content["custom_id"], "components": fields}
        return self._send(_SUBMIT, user, modal.channel, data)

    def expire(self) -> None:
        """Let the quarter of an hour of all interactions be over."""
        for one in self.all.values():
            one.expired = True

    # ------------------------------------------------------------ the API

    def callback(self, id: str, token: str, body: Json, files: Files) -> Json:
        """Take the first answer; return what is told of it to who asks for it. Raises Refusal."""
        with self._world.changing():
            one = self.all.get(id)
            if one is None or one.token != token or time.monotonic() - one.sent > _ACK_S:
                raise UNKNOWN_INTERACTION
            if one.answered is not None:
                raise ACKNOWLEDGED
            data = body.get("data") or {}
            self._check_kind(one, int(body.get("type") or 0), data, files)
            one.answered = body
            self._acked.append((_KINDS[one.kind], time.monotonic() - one.sent))
            if body["type"] == _SAY:
                one.original = self._say(one, data, files, alone=one.alone)
            elif body["type"] == _UPDATE:
                self._update(one, data)
            elif body["type"] == _CHOICES:
                self.choices[id] = list(data["choices"])
            elif body["type"] == _MODAL:
                self.modals[id] = Modal(id, one.user, one.channel, one.message, data)
            told: Json = {"interaction": {"id": id, "type": one.kind}}
            if body["type"] in (_SAY, _THINK):
                about = {"response_message_loading": body["type"] == _THINK, "response_message_ephemeral": one.alone}
                told["interaction"] |= about
            if one.original is not None:
                told["interaction"]["response_message_id"] = one.original["id"]
                told["resource"] = {"type": body["type"], "message": one.original}
            return told

    def edit_original(self, token: str, body: Json, files: Files) -> Json:
        """Take what was promised, or a change of it. Raises Refusal."""
        with self._world.changing():
            one = self._of(token)
            check_message(body, files, edits=True)
            if one.answered is not None and one.answered["type"] in (_LATER, _UPDATE):
                return self._update(one, body)
            if one.original is None:
                one.original = self._say(one, body, files, alone=one.alone)
                return one.original
            attachments = self._world.keep_files(one.channel, files)
            one.original |= {name: body[name] for name in ("content", "components", "embeds") if name in body}
            one.original |= {"edited_timestamp": shapes.now(), **({"attachments": attachments} if files else {})}
            return one.original

    def original(self, token: str) -> Json:
        """Return the answer. Raises Refusal."""
        one = self._of(token)
        if one.original is None:
            raise UNKNOWN_MESSAGE
        return one.original

    def follow_up(self, token: str, body: Json, files: Files) -> Json:
        """Say something more. Raises Refusal."""
        with self._world.changing():
            one = self._of(token)
            check_message(body, files)
            return self._say(one, body, files, alone=bool(int(body.get("flags") or 0) & EPHEMERAL))

    # ------------------------------------------------------------ within

    def _check_kind(self, one: Interaction, kind: int, data: Json, files: Files) -> None:
        allowed = {
            _AUTOCOMPLETE: {_CHOICES},
            _COMMAND: {_SAY, _THINK, _MODAL},
            _COMPONENT: {_SAY, _THINK, _LATER, _UPDATE, _MODAL},
            _SUBMIT: {_SAY, _THINK, _LATER, _UPDATE},
        }[one.kind]
        if kind not in allowed:
            raise invalid("type", f"Value must be one of {sorted(allowed)}.", "BASE_TYPE_CHOICES")
        if kind in (_SAY, _UPDATE):
            check_message(data, files, edits=kind == _UPDATE)
        elif kind == _CHOICES:
            check_choices(data)
        elif kind == _MODAL:
            check_modal(data)

    def _of(self, token: str) -> Interaction:
        one = next((one for one in self.all.values() if one.token == token), None)
        if one is None or one.answered is None:
            raise UNKNOWN_WEBHOOK
        if one.expired or time.monotonic() - one.sent > _TOKEN_S:
            raise SPENT_TOKEN
        return one

    def _say(self, one: Interaction, body: Json, files: Files, *, alone: bool) -> Json:
        world = self._world
        kept = {name: body[name] for name in ("components", "embeds") if name in body}
        about = {"attachments": world.keep_files(one.channel, files), "flags": EPHEMERAL if alone else 0}
        id, text = world.snowflake(), str(body.get("content") or "")
        said = shapes.message(id, one.channel, world.bot, text, **kept, **about)
        where = world.channels[one.channel]
        if alone:
            said["ephemeral_to"] = one.user
            where.ephemerals.append(said)
        else:
            where.messages[id] = said
            self._gateway.emit("MESSAGE_CREATE", in_guild(world, said))
        return said

    def _update(self, one: Interaction, body: Json) -> Json:
        """Change the message that the button is on."""
        where = self._world.channels[one.channel]
        said = where.messages.get(one.message) or next(
            (said for said in where.ephemerals if said["id"] == one.message), None
        )
        if said is None:
            raise UNKNOWN_MESSAGE
        said |= {name: body[name] for name in ("content", "components", "embeds") if name in body}
        said["edited_timestamp"] = shapes.now()
        return said

    def _send(self, kind: int, user: str, channel: str, data: Json, message: Json | None = None) -> str:
        world = self._world
        with world.changing():
            where = world.channels[channel]
            if not world.sees(user, where):
                raise LookupError(f"{user} does not see {channel}")
            one = Interaction(world.snowflake(), new_token(), kind, user, channel, str((message or {}).get("id") or ""))
            self.all[one.id] = one
            payload = {
                "id": one.id,
                "token": one.token,
                "type": kind,
                "version": 1,
                "data": data,
                "channel_id": channel,
            }
            payload |= {"application_id": world.application, "channel": where.about, "entitlements": []}
            payload |= {"attachment_size_limit": 10_000_000, "locale": "en-US"}
            if where.about["type"] == DIRECT:
                payload["user"] = world.users[user]
            else:
                guild = {"id": world.guild_id, "locale": "en-US", "features": []}
                member = {**world.member(user), "permissions": str(shapes.EVERYONE)}
                payload |= {"member": member, "guild_id": world.guild_id, "guild": guild, "guild_locale": "en-US"}
            if message is not None:
                payload["message"] = message
        self._gateway.emit("INTERACTION_CREATE", payload)
        return one.id

    def _shown(self, user: str, channel: str, message: str) -> Json:
        where = self._world.channels[channel]
        found = where.messages.get(message)
        alone = (one for one in where.ephemerals if one["id"] == message and one["ephemeral_to"] == user)
        if found is None:
            found = next(alone, None)
        if found is None:
            raise LookupError(f"No message {message} in {channel} for {user}")
        return found

    def _channel_of(self, message: str) -> str:
        for id, channel in self._world.channels.items():
            if message in channel.messages or any(one["id"] == message for one in channel.ephemerals):
                return id
        raise LookupError(f"No message {message}")


_KINDS = {_COMMAND: "command", _COMPONENT: "click", _AUTOCOMPLETE: "suggestion", _SUBMIT: "window"}


def in_guild(world: World, said: Json) -> Json:
    """Return a message as an event tells it: with the guild and the author's membership."""
    if world.channels[said["channel_id"]].about["type"] == DIRECT:
        return dict(said)
    author = said["author"]["id"]
    member = (
        {name: value for name, value in world.member(author).items() if name != "user"} if author in world.users else {}
    )
    return {**said, "guild_id": world.guild_id, "member": member}


def _call(name: str, options: list[Json]) -> Json:
    return {"id": "1", "name": "tieout", "type": 1, "options": [{"type": 1, "name": name, "options": options}]}


def _option(name: str, value: str) -> Json:
    return {"type": 3, "name": name, "value": value}
