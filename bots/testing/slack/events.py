"""Tells the app of what was written, changed and removed, as Events API payloads."""

from __future__ import annotations

import time
from copy import deepcopy

from bots.testing.slack.courier import Courier
from bots.testing.slack.identity import Json
from bots.testing.slack.messages import Message
from bots.testing.slack.parcels import Parcel, ParcelKind
from bots.testing.slack.people import Channel, ChannelKind
from bots.testing.slack.world import World


class Events:
    """Builds events for channels that the bot is in, and keeps them so that they can be sent again."""

    def __init__(self, world: World, courier: Courier) -> None:
        self._world = world
        self._courier = courier
        self._sent: list[Parcel] = []
        self._mention_first = True

    def posted(self, message: Message, mention_first: bool | None = None) -> None:
        """Tell of a new message. One that names the bot makes two events, in turns this one first or that one."""
        channel = self._world.channels[message.channel]
        shape = self._world.show(message)
        events = [self._message(channel, shape, message.ts)]
        if self._names_bot(message) and channel.kind is not ChannelKind.DIRECT:
            events.append(_mention(shape, channel.id))
            if self._take_turn(mention_first):
                events.reverse()
        for event in events:
            self._emit(channel, event)

    def changed(self, message: Message, before: Json) -> None:
        """Tell that a message reads differently now."""
        self._emit_hidden(
            message.channel,
            {"subtype": "message_changed", "message": self._world.show(message), "previous_message": before},
        )

    def removed(self, channel: str, ts: str, before: Json) -> None:
        """Tell that a message is gone."""
        self._emit_hidden(channel, {"subtype": "message_deleted", "deleted_ts": ts, "previous_message": before})

    def revoked(self) -> None:
        """Tell that the bot's token is void."""
        tokens = {"oauth": [], "bot": [self._world.identity.bot_user]}
        self._send({"type": "tokens_revoked", "tokens": tokens, "event_ts": self._world.next_ts()})

    def sent(self) -> list[Json]:
        """Return the payloads so far."""
        with self._world.lock:
            return [parcel.payload for parcel in self._sent]

    def again(self, ts: str, *, new_event_id: bool = False) -> int:
        """Send every event about this message once more; return how many."""
        with self._world.lock:
            parcels = [parcel for parcel in self._sent if parcel.payload["event"].get("ts") == ts]
        for parcel in parcels:
            self._courier.send(parcel.again(self._world.ids.next("Ev") if new_event_id else ""))
        return len(parcels)

    def _take_turn(self, mention_first: bool | None) -> bool:
        if mention_first is not None:
            return mention_first
        self._mention_first = not self._mention_first
        return not self._mention_first

    def _names_bot(self, message: Message) -> bool:
        identity = self._world.identity
        return f"<@{identity.bot_user}>" in message.text and message.user != identity.bot_user

    def _message(self, channel: Channel, shape: Json, ts: str) -> Json:
        return {**shape, "channel": channel.id, "channel_type": channel.kind.value, "event_ts": ts}

    def _emit_hidden(self, channel_id: str, shape: Json) -> None:
        channel, ts = self._world.channels[channel_id], self._world.next_ts()
        self._emit(channel, self._message(channel, {"type": "message", "hidden": True, "ts": ts, **shape}, ts))

    def _emit(self, channel: Channel, event: Json) -> None:
        if self._world.has_bot(channel) and not self._world.revoked:
            self._send(event)

    def _send(self, event: Json) -> None:
        identity = self._world.identity
        authorization = {"team_id": identity.team, "user_id": identity.bot_user, "enterprise_id": None}
        payload: Json = {
            "token": identity.verification,
            "team_id": identity.team,
            "context_team_id": identity.team,
            "context_enterprise_id": None,
            "api_app_id": identity.app,
            "event": deepcopy(event),
            "type": "event_callback",
            "event_id": self._world.ids.next("Ev"),
            "event_time": int(time.time()),
            "authorizations": [{**authorization, "is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": False,
            "event_context": self._world.ids.next("4-"),
        }
        parcel = Parcel(ParcelKind.EVENT, payload)
        with self._world.lock:
            self._sent.append(parcel)
        self._courier.send(parcel)


def _mention(shape: Json, channel: str) -> Json:
    kept = {name: value for name, value in shape.items() if name not in ("subtype", "upload", "parent_user_id")}
    return {**kept, "type": "app_mention", "channel": channel, "event_ts": shape["ts"]}
