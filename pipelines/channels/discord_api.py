"""Discord's REST API, called with the bot's token: keeps to rate limits, and says what its errors mean."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from pipelines.channels.pace import Pace
from tieout.errors import OutcomeUnknown, ProviderRefused, ProviderUnavailable
from tieout.model import Principal
from tieout.ports import BlobStore

_EVERY_S = 1.05  # between messages in a channel, once Discord has asked for it
_CHANNEL = re.compile(r"/channels/(\d+)")
_WEBHOOK = re.compile(r"/webhooks/[^/]+/[^/]+")  # holds a token
_NO_DIRECT_MESSAGES = 50007


class DiscordApi:
    """Calls the API. Safe for many threads."""

    def __init__(self, token: SecretStr, blobs: BlobStore, *, url: str) -> None:
        """Take the bot's token, the blobs that hold files, and where the API is; nothing is connected."""
        self._blobs = blobs
        self._pace = Pace(_EVERY_S)
        self._http = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bot {token.get_secret_value()}", "User-Agent": "DiscordBot (tieout, 0.1)"},
            timeout=30.0,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def host(self) -> str:
        """Return the API's host, with its port when it is not the usual one."""
        return self._http.base_url.netloc.decode()

    def call(
        self, verb: str, path: str, body: Mapping[str, Any] | None, message: Mapping[str, Any], *, sends: bool = True
    ) -> Any:
        """Return what the API answers; `message` may have files that go along.

        Raises ProviderRefused with the details `status` and `code`, ProviderUnavailable, RateLimited, and for calls
        that send something OutcomeUnknown.
        """
        what = f"{verb} {_WEBHOOK.sub('/webhooks/…', path)}"
        channel = _CHANNEL.search(path)
        place = f"Discord's {verb} in {channel[1]}" if channel else f"Discord's {what}"
        turn = "" if message.get("optional") else str((body or {}).get("nonce") or path)
        self._pace.before(place, turn)
        try:
            answer = self._http.request(verb, path, **self._content(body, message))
        except httpx.ConnectError as error:  # nothing was sent
            raise ProviderUnavailable(f"Discord cannot be reached: {error}") from error
        except httpx.HTTPError as error:
            said = f"Discord did not answer {what}: {type(error).__name__}"
            raise (OutcomeUnknown if sends else ProviderUnavailable)(said) from error
        if answer.status_code == 429:
            raise self._pace.limited(place, _pause_s(answer), turn)
        return _answer(answer, what, sends=sends)

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


def _pause_s(answer: httpx.Response) -> float:
    try:
        return float(answer.json().get("retry_after", 1.0))
    except (ValueError, AttributeError):
        return float(answer.headers.get("Retry-After", 1.0))


def _answer(answer: httpx.Response, what: str, *, sends: bool) -> Any:
    if answer.is_success:
        return answer.json() if answer.content else {}
    if answer.status_code >= 500:
        said = f"Discord answered {answer.status_code} to {what}"
        raise OutcomeUnknown(said) if sends else ProviderUnavailable(said)
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    status, code = answer.status_code, problem.get("code", 0)
    why = f"{problem.get('message', answer.reason_phrase)} (code {code or status})"
    refused = f"Discord refused {what}: {why}{_hint(status, code)}"
    raise ProviderRefused(refused, status=status, code=code)


def _hint(status: int, code: int) -> str:
    if code == _NO_DIRECT_MESSAGES:
        return "; the person accepts no direct messages from members of the server"
    if status == 401:
        return "; set TIEOUT_DISCORD_TOKEN to the bot's present token"
    if status == 403:
        return "; give the bot the permissions to view the channel, send messages and attach files"
    return ""
