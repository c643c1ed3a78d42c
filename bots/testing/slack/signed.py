"""Signed HTTP: posts what happened to the app's URL, as Slack does without Socket Mode."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from urllib.parse import urlencode

from aiohttp import ClientError, ClientSession, ClientTimeout

from bots.testing.slack.identity import Json
from bots.testing.slack.journal import Journal
from bots.testing.slack.parcels import Parcel, ParcelKind

_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def sign(secret: str, timestamp: str, body: str) -> str:
    """Return the value of X-Slack-Signature: HMAC-SHA256 of version, time stamp and body."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def encode(kind: ParcelKind, payload: Json) -> tuple[str, str]:
    """Return the body and its content type: JSON for events, a form for what people do."""
    if kind is ParcelKind.EVENT:
        return json.dumps(payload), _JSON
    fields = payload if kind is ParcelKind.COMMAND else {"payload": json.dumps(payload)}
    return urlencode(fields), _FORM


@dataclass(frozen=True)
class Reply:
    """What the app's URL answered; status 0 when it did not."""

    status: int
    text: str
    reason: str  # why it does not count as acknowledged; empty when it does

    def body(self) -> Json:
        """Return the answer as an acknowledgement's payload."""
        try:
            value = json.loads(self.text) if self.text else {}
        except ValueError:
            return {"text": self.text}
        return value if isinstance(value, dict) else {}


class SignedHttp:
    """Sends to one URL, which has `patience_s` to answer with 2xx."""

    def __init__(self, url: str, secret: str, journal: Journal, patience_s: float) -> None:
        self.url = url
        self.secret = secret
        self.patience_s = patience_s
        self._journal = journal

    async def attempt(self, parcel: Parcel) -> str:
        """Post once; the status is the acknowledgement."""
        body, media_type = encode(parcel.kind, parcel.payload)
        sent = time.monotonic()
        reply = await self.post(body, media_type, _retry_headers(parcel))
        seconds = time.monotonic() - sent
        if not reply.reason:
            parcel.answer(reply.body())
            self._journal.acked(parcel.kind, seconds)
        self._journal.attempted(parcel.report(0, None if reply.reason else seconds))
        return reply.reason

    async def post(self, body: str, media_type: str, headers: Json, secret: str = "", age_s: float = 0.0) -> Reply:
        """Post a body under a signature: another secret's if one is given, made `age_s` seconds ago."""
        timestamp = str(int(time.time() - age_s))
        signature = sign(secret or self.secret, timestamp, body)
        headers = {
            "Content-Type": media_type,
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature,
            **headers,
        }
        return await self._send(body, headers)

    async def _send(self, body: str, headers: Json) -> Reply:
        timeout = ClientTimeout(total=self.patience_s)
        try:
            async with (
                ClientSession(timeout=timeout) as session,
                session.post(self.url, data=body.encode(), headers=headers) as response,
            ):
                text = await response.text()
                return Reply(response.status, text, _judge(response.status, response.headers.get("X-Slack-No-Retry")))
        except TimeoutError:
            return Reply(0, "", "http_timeout")
        except ClientError:
            return Reply(0, "", "connection_failed")


def _judge(status: int, no_retry: str | None) -> str:
    if 200 <= status < 300:
        return ""
    return "no_retry" if no_retry == "1" else "http_error"


def _retry_headers(parcel: Parcel) -> Json:
    if parcel.kind is not ParcelKind.EVENT or not parcel.attempt:
        return {}
    return {"X-Slack-Retry-Num": str(parcel.attempt), "X-Slack-Retry-Reason": parcel.reason}
