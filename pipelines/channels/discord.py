"""Discord as a channel: a nonce makes a message the same one for minutes; later it is found by all that it holds."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from pipelines.channels.discord_api import DiscordApi
from pipelines.channels.fetch import fetched
from tieout.errors import OutcomeUnknown, ProviderRefused
from tieout.ports import BlobStore

NO_MENTIONS: dict[str, list[str]] = {"parse": []}
_PAGE, _PAGES = 100, 100  # messages that one call gives at most, and how many calls look for one
_TOKEN_LIVES_S = 14 * 60.0  # of an interaction; Discord says 15 minutes
_UNACKNOWLEDGED_S = 3.0  # after which an interaction cannot be acknowledged any more
_PAUSE_S = 0.1
_EPHEMERAL = 64
_RENAMED = re.compile(r"[^A-Za-z0-9]")  # what Discord changes in the names of files
_DAY_MIN = 1440  # without a message, then a thread is put away; another message brings it back
_EPOCH_MS = 1_420_070_400_000
_PRIVATE_THREAD, _THREADS = 12, (10, 11, 12)
_VIEW_CHANNEL = 1 << 10
_UNKNOWN_CHANNEL, _THREAD_EXISTS = 10003, 160004


class DiscordChannel:
    """Sends what `bots.render` made for Discord, over its REST API with the bot's token.

    A message: `workspace`, `to` {channel, thread}, `content`, `components`, and perhaps
    `files`        [{name, media_type, sha256}]
    `edit`         the id of a message that is changed; `to` is its channel, as in its receipt
    `reply_to`     the id of a message in the same channel
    `after`        an id that is older than the message: where `look_up` begins
    `open_thread`  {message, name}: the thread begins with that message, unless it was begun
    `interaction`  {application, token, first}: the first answer takes the place of "thinking…", others are seen by one
                   person; without an interaction, or when its token is spent, the message goes the ordinary way
    `alone`        the person who alone sees it: by the interaction, else as a direct message
    """

    name = "discord"

    def __init__(self, token: SecretStr, blobs: BlobStore, *, url: str) -> None:
        """Take the bot's token, the blobs that hold files, and where the API is; nothing is connected."""
        self._api = DiscordApi(token, blobs, url=url)
        self._user = ""

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send or change a message; return `{"message": id, "channel": id}`. Raises ProviderRefused and others."""
        if message.get("edit"):
            path = f"/channels/{message['to']['channel']}/messages/{message['edit']}"
            return _receipt(self._api.call("PATCH", path, _body(message), message))
        said = self._answer_interaction(message) if message.get("interaction") else None
        return _receipt(said if said is not None else self._say(key, message))

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the receipt of what was sent under the key, None when certainly nothing was.

        A change may be made again, so it was never sent; the first answer to an interaction likewise, as long as its
        token lives. Raises OutcomeUnknown when too much was said since, or when only one person sees it.
        """
        if message.get("edit"):
            return None
        interaction = message.get("interaction") or {}
        try:
            found = next(self._found(key, message), None)
        except OutcomeUnknown:
            if interaction.get("first") and _age_s(message["after"]) < _TOKEN_LIVES_S:
                return None
            raise
        if found is None and interaction and not interaction["first"]:
            raise OutcomeUnknown("Discord cannot tell whether a message that only one person sees was shown")
        return found and _receipt(found)

    def open_to_all(self, channel: str) -> bool:
        """Return whether all members of the guild may see a channel. Raises as `look_up` does."""
        found = self._api.call("GET", f"/channels/{channel}", None, {}, sends=False)
        if found["type"] == _PRIVATE_THREAD or not found.get("guild_id"):
            return False
        if found["type"] in _THREADS:
            return self.open_to_all(found["parent_id"])
        everyone = found["guild_id"]  # the role of all members has the guild's id
        for one in found.get("permission_overwrites") or ():
            if one["id"] == everyone and (int(one["deny"]) | int(one["allow"])) & _VIEW_CHANNEL:
                return bool(int(one["allow"]) & _VIEW_CHANNEL)
        roles = self._api.call("GET", f"/guilds/{everyone}/roles", None, {}, sends=False)
        return any(role["id"] == everyone and int(role["permissions"]) & _VIEW_CHANNEL for role in roles)

    def fetch(self, url: str, *, most: int) -> bytes:
        """Return a posted file's bytes. Raises InvalidInput, ProviderUnavailable, ProviderRefused."""
        hosts = {"cdn.discordapp.com", "media.discordapp.net", self._api.host}
        return fetched(url, hosts=hosts, headers={}, most=most)

    def _answer_interaction(self, message: Mapping[str, Any]) -> Any | None:
        """Answer with the interaction's token; None when that is spent."""
        interaction, body = message["interaction"], _body(message)
        path = f"/webhooks/{interaction['application']}/{interaction['token']}"
        began = time.monotonic()
        while True:
            try:
                if interaction["first"]:
                    return self._api.call("PATCH", f"{path}/messages/@original", body, message)
                return self._api.call("POST", path, {**body, "flags": _EPHEMERAL}, message)
            except ProviderRefused as error:
                status = error.details.get("status")
                if status == 401 or (status == 404 and time.monotonic() - began > _UNACKNOWLEDGED_S):
                    return None
                if status != 404:
                    raise
            time.sleep(_PAUSE_S)  # it is acknowledged only after it was committed, and its run may be faster

    def _say(self, key: str, message: Mapping[str, Any]) -> Any:
        """Say something with the bot's token: in the thread, which is begun when there is none, or the channel."""
        body = _body(message) | {"nonce": nonce(key), "enforce_nonce": True}
        if message.get("reply_to"):
            body |= _reply(message["reply_to"])
        where = self._where(message)
        opened = message.get("open_thread")
        if not opened or message.get("alone"):
            return self._api.call("POST", f"/channels/{where}/messages", body, message)
        said = self._say_in_thread(where, body, message)
        if said is None and self._begin_thread(message["to"]["channel"], opened):
            said = self._say_in_thread(where, body, message)
        if said is not None:
            return said
        body |= _reply(opened["message"])  # here there are no threads
        return self._api.call("POST", f"/channels/{message['to']['channel']}/messages", body, message)

    def _say_in_thread(self, thread: str, body: Mapping[str, Any], message: Mapping[str, Any]) -> Any | None:
        """Say something in a thread; None when there is no such."""
        try:
            return self._api.call("POST", f"/channels/{thread}/messages", body, message)
        except ProviderRefused as error:
            if error.details.get("code") != _UNKNOWN_CHANNEL:
                raise
            return None

    def _begin_thread(self, channel: str, opened: Mapping[str, Any]) -> bool:
        """Begin a thread; return whether there is one now."""
        path = f"/channels/{channel}/messages/{opened['message']}/threads"
        try:
            self._api.call("POST", path, {"name": opened["name"], "auto_archive_duration": _DAY_MIN}, {}, sends=False)
        except ProviderRefused as error:
            return error.details.get("code") == _THREAD_EXISTS
        return True

    def _where(self, message: Mapping[str, Any]) -> str:
        """Return the channel of a message: a thread is one, and a person's direct messages are."""
        if message.get("alone"):
            return str(
                self._api.call("POST", "/users/@me/channels", {"recipient_id": message["alone"]}, {}, sends=False)["id"]
            )
        return str(message["to"].get("thread") or message["to"]["channel"])

    def _found(self, key: str, message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield what was said as the message is sent. Raises OutcomeUnknown when not all could be looked through."""
        where, after = self._where(message), str(message.get("after") or "")
        opened = None if message.get("alone") else message.get("open_thread")
        yield from (one for one in self._said(where, after) if self._is(one, key, message))
        if opened:
            for one in self._said(message["to"]["channel"], after):
                reference = one.get("message_reference") or {}
                if reference.get("message_id") == opened["message"] and self._is(one, key, message):
                    yield one

    def _is(self, said: Mapping[str, Any], key: str, message: Mapping[str, Any]) -> bool:
        """Return whether this is the message: by its nonce, which Discord forgets, or by all that it holds."""
        if said.get("nonce") is not None:
            return str(said["nonce"]) == nonce(key)
        return str((said.get("author") or {}).get("id")) == self._me() and _held(said) == _held(message)

    def _me(self) -> str:
        if not self._user:
            self._user = str(self._api.call("GET", "/users/@me", None, {}, sends=False)["id"])
        return self._user

    def _said(self, where: str, after: str) -> Iterator[Mapping[str, Any]]:
        """Yield the messages of a channel since the one with the id, or the newest."""
        for _ in range(_PAGES):
            path = f"/channels/{where}/messages?limit={_PAGE}{f'&after={after}' if after else ''}"
            try:
                said = self._api.call("GET", path, None, {}, sends=False)
            except ProviderRefused as error:
                if error.details.get("code") == _UNKNOWN_CHANNEL:
                    return
                raise OutcomeUnknown(f"the messages of channel {where} cannot be read: {error.message}") from error
            yield from said
            if len(said) < _PAGE:
                return
            if not after:
                break
            after = max((str(one["id"]) for one in said), key=int)
        raise OutcomeUnknown(f"the message is not among the {_PAGE} to {_PAGE * _PAGES} looked through in {where}")


def nonce(key: str) -> str:
    """Return an effect's name in the 25 characters that Discord allows."""
    return hashlib.sha256(key.encode()).hexdigest()[:25]


def _body(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "content": message.get("content", ""),
        "components": message.get("components", []),
        "allowed_mentions": NO_MENTIONS,
    }


def _reply(message: str) -> dict[str, Any]:
    return {"message_reference": {"message_id": message, "fail_if_not_exists": False}}


def _held(message: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    """Return what a message holds, sent or received: its text, its buttons, and its files."""
    buttons = [one for row in message.get("components") or () for one in row.get("components") or ()]
    values = [str(one.get("custom_id") or one.get("url")) for one in buttons]
    names = [
        str(file.get("filename") or file.get("name"))
        for file in message.get("attachments") or message.get("files") or ()
    ]
    return str(message.get("content") or "").strip(), values, [_RENAMED.sub("", name) for name in names]


def _age_s(id: str) -> float:
    """Return the seconds since an id was given; ids of Discord begin with the time."""
    return time.time() - ((int(id) >> 22) + _EPOCH_MS) / 1000


def _receipt(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": str(said["id"]), "channel": str(said["channel_id"])}
