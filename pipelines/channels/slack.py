"""Slack as a channel: messages carry their effect's key as metadata, by which they are found again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipelines.channels.fetch import fetched
from pipelines.channels.pace import Pace
from tieout.errors import NotFound, OutcomeUnknown, ProviderRefused, ProviderUnavailable
from tieout.model import Principal
from tieout.ports import BlobStore

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError

EVENT_TYPE = "tieout_effect"
_PAGE, _PAGES = 200, 25  # messages that are looked through for a key, at a time and times
_EVERY_S = 1.1  # between messages in a channel, once Slack has asked for it
_SAFE = frozenset({"service_unavailable", "internal_error", "fatal_error", "request_timeout"})


class SlackChannel:
    """Sends what `bots.render` made for Slack.

    A message: `workspace`, `to` {channel, thread} or {person} (a direct message), and either `text` and `blocks` or
    `file` {name, sha256}; `after`, a `ts` that is older: where `look_up` begins. With text go `edit`, the `ts` of a
    message that is changed, or `ephemeral`, the person who alone sees it.
    """

    name = "slack"

    def __init__(self, client: WebClient, blobs: BlobStore) -> None:
        """Take a client with the bot's token, and the blobs that hold files."""
        self._client = client
        self._blobs = blobs
        self._pace = Pace(_EVERY_S)
        self._direct: dict[str, str] = {}  # the channels of direct messages, by person

    def send(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send, change or upload; return `{"message": ts, "channel": id}`. Raises ProviderRefused and others."""
        to = self._place(message["to"])
        if "file" in message:
            return self._upload(key, message, to)
        body = {"channel": to["channel"], "text": message["text"], "blocks": message["blocks"]}
        if message.get("edit"):
            turn = "" if message.get("optional") else key
            answer = self._call("chat.update", {**body, "ts": message["edit"]}, turn=turn)
        elif message.get("ephemeral"):
            said = {**body, "user": message["ephemeral"], **_thread(to)}
            answer = self._call("chat.postEphemeral", said, turn=key)
            return {"message": "", "channel": to["channel"], "ephemeral": answer.get("message_ts")}
        else:
            metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": key}}
            said = {**body, **_thread(to), "metadata": metadata, "unfurl_links": False, "unfurl_media": False}
            answer = self._call("chat.postMessage", said, turn=key)
        return {"message": answer["ts"], "channel": answer["channel"]}

    def look_up(self, key: str, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the receipt of what was sent under the key, None when certainly nothing was.

        A change may be made again, so it was never sent. Raises OutcomeUnknown for what only one person sees.
        """
        if message.get("edit"):
            return None
        if message.get("ephemeral"):
            raise OutcomeUnknown("Slack cannot tell whether a message that only one person sees was shown")
        to = self._place(message["to"])
        for said in self._said(to["channel"], to.get("thread", ""), str(message.get("after") or "")):
            if _key_of(said) == key or _mark(key) in _titles(said):
                return {"message": said["ts"], "channel": to["channel"]}
        return None

    def open_to_all(self, channel: str) -> bool:
        """Return whether a channel is public, and not shared with another organisation. Raises as `look_up` does."""
        found = self._call("conversations.info", {"channel": channel}, sends=False)["channel"]
        closed = ("is_private", "is_im", "is_mpim", "is_ext_shared", "is_pending_ext_shared")
        return bool(found.get("is_channel")) and not any(found.get(name) for name in closed)

    def fetch(self, url: str, *, most: int) -> bytes:
        """Return a posted file's bytes. Raises InvalidInput, ProviderUnavailable, ProviderRefused."""
        hosts = {"files.slack.com", urlsplit(self._client.base_url).netloc}
        return fetched(url, hosts=hosts, headers={"Authorization": f"Bearer {self._client.token}"}, most=most)

    def _said(self, channel: str, thread: str, after: str) -> Iterator[Mapping[str, Any]]:
        """Yield messages of a thread, or of a channel, since then."""
        cursor = ""
        for _ in range(_PAGES):
            method = "conversations.replies" if thread else "conversations.history"
            asked = {
                "channel": channel,
                "include_all_metadata": True,
                "limit": _PAGE,
                "cursor": cursor,
                "oldest": after,
            }
            answer = self._call(method, {**asked, **({"ts": thread} if thread else {})}, sends=False)
            yield from answer["messages"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        raise OutcomeUnknown(f"the message is not among the {_PAGE * _PAGES} that were looked through in {channel}")

    def _place(self, to: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return channel and thread; a person's are those of their direct messages."""
        person = to.get("person")
        if not person:
            return to
        if person not in self._direct:
            opened = self._call("conversations.open", {"users": person}, sends=False)
            self._direct[person] = str(opened["channel"]["id"])
        return {"channel": self._direct[person]}

    def _upload(self, key: str, message: Mapping[str, Any], to: Mapping[str, Any]) -> Mapping[str, Any]:
        """Upload a file; the mark in its title is what `look_up` finds."""
        file = message["file"]
        data = self._blobs.get(Principal("slack", message["workspace"]), file["sha256"])
        # Nobody sees a file before the last of the three calls.
        place = self._call("files.getUploadURLExternal", {"filename": file["name"], "length": len(data)}, sends=False)
        self._put(place["upload_url"], file["name"], data)
        shared = {"files": [{"id": place["file_id"], "title": f"{file['name']} · {_mark(key)}"}]}
        if to.get("thread"):
            shared["thread_ts"] = to["thread"]
        self._call("files.completeUploadExternal", {**shared, "channel_id": to["channel"]}, turn=key)
        return {"message": "", "channel": to["channel"], "file": place["file_id"]}

    def _put(self, url: str, name: str, data: bytes) -> None:
        import httpx

        try:
            httpx.post(url, files={"file": (name, data)}, timeout=60.0).raise_for_status()
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"Slack did not take the file {name}: {type(error).__name__}") from error

    def _call(self, method: str, body: Mapping[str, Any], *, sends: bool = True, turn: str = "") -> Mapping[str, Any]:
        """Call the Web API. Raises ProviderRefused, OutcomeUnknown, ProviderUnavailable, RateLimited."""
        from slack_sdk.errors import SlackApiError

        place = f"Slack's {method} in {body.get('channel') or body.get('channel_id') or 'the team'}"
        self._pace.before(place, turn)
        try:
            json = {name: value for name, value in body.items() if value not in ("", None)}
            read = method.startswith("conversations.") or method == "files.getUploadURLExternal"
            client = self._client
            answer = client.api_call(method, params=json) if read else client.api_call(method, json=json)
            return dict(answer.data) if isinstance(answer.data, dict) else {}
        except SlackApiError as error:
            pause_s = _pause_s(error)
            if pause_s is not None:
                raise self._pace.limited(place, pause_s, turn) from error
            raise _translated(method, error, sends=sends) from error
        except Exception as error:  # a connection that broke: the message may have arrived
            raise _unknown(method, error, sends=sends) from error


def _thread(to: Mapping[str, Any]) -> dict[str, str]:
    return {"thread_ts": to["thread"]} if to.get("thread") else {}


def _mark(key: str) -> str:
    """Return a short name of an effect, for the title of its file."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _key_of(said: Mapping[str, Any]) -> str | None:
    metadata = said.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    return payload.get("key") if metadata.get("event_type") == EVENT_TYPE else None


def _titles(said: Mapping[str, Any]) -> str:
    return " ".join(str(file.get("title", "")) for file in said.get("files") or ())


def _pause_s(error: SlackApiError) -> float | None:
    """Return how long Slack asks to wait, None when that is not what is wrong."""
    headers = getattr(error.response, "headers", None) or {}
    after = headers.get("Retry-After") or headers.get("retry-after")
    if getattr(error.response, "status_code", 200) == 429 or error.response.get("error") == "ratelimited":
        return float(after or 1)
    return None


def _translated(method: str, error: SlackApiError, *, sends: bool) -> Exception:
    status, what = getattr(error.response, "status_code", 200), str(error.response.get("error") or "no reason")
    if status >= 500 or what in _SAFE:
        return _unknown(method, error, sends=sends)
    if what in ("channel_not_found", "message_not_found", "thread_not_found") and not sends:
        return NotFound(f"Slack's {method}: {what}")
    return ProviderRefused(f"Slack refused {method}: {what}{_hint(what, error)}")


def _hint(what: str, error: SlackApiError) -> str:
    if what == "missing_scope":
        return f" (the app needs {error.response.get('needed')}; add it in the app's manifest and install it again)"
    if what in ("not_in_channel", "channel_not_found"):
        return " (invite tieout to the channel: /invite @tieout)"
    if what in ("invalid_auth", "token_revoked", "account_inactive", "not_authed"):
        return " (install the app again and set TIEOUT_SLACK_BOT_TOKEN)"
    return ""


def _unknown(method: str, error: Exception, *, sends: bool) -> Exception:
    said = f"Slack did not answer {method}: {type(error).__name__}"
    return OutcomeUnknown(said) if sends else ProviderUnavailable(said)
