"""Discord as a channel: a nonce makes a message the same one for minutes, and later it is looked up by its nonce."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from tieout.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable
from tieout.model import Principal
from tieout.ports import BlobStore

NO_MENTIONS: dict[str, list[str]] = {"parse": []}
_PATIENCE_S = 60.0  # of waiting out rate limits, as long as Discord says
_LOOKED_THROUGH = 100  # newest messages of a channel, the most that one call gives


class DiscordChannel:
    """Sends what `bots.render` made for Discord, over its REST API with the bot's token.

    A message: `workspace`, `to` {channel, thread}, `content`, `components`, and perhaps `files` [{name, media_type,
    sha256}], `edit` (the id of a message that is changed) or `reply_to`.
    """

    name = "discord"

    def __init__(self, token: SecretStr, blobs: BlobStore, *, url: str) -> None:
        """Take the bot's token, the blobs that hold files, and where the API is; nothing is connected."""
        self._blobs = blobs
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bot {token.get_secret_value()}", "User-Agent": "DiscordBot (tieout, 0.1)"},
            timeout=30.0,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send or change a message; return `{"message": id, "channel": id}`. Raises ProviderRefused and others."""
        where = message["to"].get("thread") or message["to"]["channel"]
        body = {
            "content": message.get("content", ""),
            "components": message.get("components", []),
            "allowed_mentions": NO_MENTIONS,
        }
        if message.get("edit"):
            return _receipt(self._call("PATCH", f"/channels/{where}/messages/{message['edit']}", body, message))
        body |= {"nonce": nonce(key), "enforce_nonce": True}
        if message.get("reply_to"):
            body["message_reference"] = {"message_id": message["reply_to"], "fail_if_not_exists": False}
        return _receipt(self._call("POST", f"/channels/{where}/messages", body, message))

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the receipt of what was sent under the key, None when certainly nothing was.

        A change may be made again, so it was never sent. Raises OutcomeUnknown when too much was said since.
        """
        if message.get("edit"):
            return None
        where = message["to"].get("thread") or message["to"]["channel"]
        said = self._call("GET", f"/channels/{where}/messages?limit={_LOOKED_THROUGH}", None, {}, sends=False)
        for one in said:
            if str(one.get("nonce")) == nonce(key):
                return _receipt(one)
        if len(said) == _LOOKED_THROUGH:
            raise OutcomeUnknown(f"the message is not among the {_LOOKED_THROUGH} newest of channel {where}")
        return None

    def _call(
        self, verb: str, path: str, body: Mapping[str, Any] | None, message: Mapping[str, Any], *, sends: bool = True
    ) -> Any:
        """Call the API, waiting out rate limits. Raises ProviderRefused, OutcomeUnknown, ProviderUnavailable."""
        began = time.monotonic()
        while True:
            try:
                answer = self._http.request(verb, path, **self._content(body, message))
            except httpx.ConnectError as error:  # nothing was sent
                raise ProviderUnavailable(f"Discord cannot be reached: {error}") from error
            except httpx.HTTPError as error:
                said = f"Discord did not answer {verb} {path}: {type(error).__name__}"
                raise (OutcomeUnknown if sends else ProviderUnavailable)(said) from error
            if answer.status_code != 429:
                return _answer(answer, verb, path, sends=sends)
            pause_s = _pause_s(answer)
            if time.monotonic() + pause_s - began > _PATIENCE_S:
                raise ProviderUnavailable(f"Discord asks to wait for {pause_s:g} s before {verb} {path}")
            time.sleep(pause_s)

    def _content(self, body: Mapping[str, Any] | None, message: Mapping[str, Any]) -> dict[str, Any]:
        """Return what httpx is given: JSON, or a form with files."""
        files = message.get("files") or ()
        if body is None or not files:
            return {} if body is None else {"json": body}
        reader = Principal("discord", message["workspace"])
        parts = {
            f"files[{number}]": (file["name"], self._blobs.get(reader, file["sha256"]), file["media_type"])
            for number, file in enumerate(files)
        }
        attachments = [{"id": number, "filename": file["name"]} for number, file in enumerate(files)]
        return {"data": {"payload_json": json.dumps({**body, "attachments": attachments})}, "files": parts}


def nonce(key: str) -> str:
    """Return an effect's name in the 25 characters that Discord allows."""
    return hashlib.sha256(key.encode()).hexdigest()[:25]


def _receipt(said: Mapping[str, Any]) -> dict[str, Any]:
    return {"message": str(said["id"]), "channel": str(said["channel_id"])}


def _pause_s(answer: httpx.Response) -> float:
    try:
        return float(answer.json().get("retry_after", 1.0))
    except (ValueError, AttributeError):
        return float(answer.headers.get("Retry-After", 1.0))


def _answer(answer: httpx.Response, verb: str, path: str, *, sends: bool) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else {}
    if answer.status_code >= 500:
        said = f"Discord answered {answer.status_code} to {verb} {path}"
        raise OutcomeUnknown(said) if sends else ProviderUnavailable(said)
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    what = f"{problem.get('message', answer.reason_phrase)} (code {problem.get('code', answer.status_code)})"
    raise ProviderRefused(f"Discord refused {verb} {path}: {what}{_hint(answer.status_code)}")


def _hint(status: int) -> str:
    if status == 401:
        return "; set TIEOUT_DISCORD_TOKEN to the bot's present token"
    if status == 403:
        return "; give the bot the permissions to view the channel, send messages and attach files"
    return ""
