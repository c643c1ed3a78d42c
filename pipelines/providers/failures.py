"""Translates what can go wrong with an OpenAI-compatible endpoint into tieout's errors, without leaking the key."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx2
import openai

from pipelines.providers.retry import retry_after_s
from tieout.errors import ProviderError, ProviderRefused, ProviderUnavailable

_KEY_LIKE = re.compile(r"\b(?:sk|key|api|Bearer)[-_ ][A-Za-z0-9*._-]{6,}", re.IGNORECASE)
_LONGEST = 300
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_RETRYABLE = frozenset({408, 409, 425, 429})
_REFUSALS = ("content_filter", "content_policy", "responsible_ai")
_NO_CREDIT = ("insufficient_quota", "billing")
_ADVICE = {
    400: "the request does not suit the model; check TIEOUT_MODEL and TIEOUT_MODEL_MAX_TOKENS",
    401: "check TIEOUT_MODEL_API_KEY",
    403: "the key may not use this model; check TIEOUT_MODEL_API_KEY and TIEOUT_MODEL",
    404: "check that TIEOUT_MODEL_BASE_URL ends as the server wants it (mostly /v1) and that it serves TIEOUT_MODEL",
    413: "the request is too long for the server; ask about fewer companies",
    422: "the request does not suit the model; check TIEOUT_MODEL and TIEOUT_MODEL_MAX_TOKENS",
}


@dataclass(frozen=True)
class Failure:
    """One failed try: what to raise when no more are left, and whether another may help.

    `charged` says that the model may have worked, so that the try counts as spent. `wait_s` is what the server
    asked for.
    """

    error: ProviderError
    cause: BaseException | None = None
    retryable: bool = False
    charged: bool = False
    wait_s: float | None = None


def redacted(text: str, key: str) -> str:
    """Return the text on one line, short, without the key or anything that looks like one."""
    if key:
        text = text.replace(key, "***")
    line = " ".join(_KEY_LIKE.sub("***", text).split())
    line = "".join(character for character in line if character.isprintable())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def failure(error: Exception, where: str, key: str) -> Failure:
    """Return what a vendor's exception means. `where` names model and host for people."""
    cause = None if key and key in f"{error!r} {getattr(error, 'body', '')!r}" else error
    if isinstance(error, openai.APIConnectionError):
        sent = not isinstance(error.__cause__, _NOT_SENT)
        said = redacted(str(error.__cause__ or error), key)
        message = f"{where} cannot be reached: {said}"
        if sent:
            message = f"{where} broke off: {said}"
        if isinstance(error, openai.APITimeoutError):
            message = f"{where} did not answer in time"
        return Failure(ProviderUnavailable(message), cause, retryable=True, charged=sent)
    if isinstance(error, openai.APIStatusError):
        return _status_failure(error, where, key, cause)
    said = redacted(str(error), key)
    if isinstance(error, openai.APIError):  # an error event inside the stream
        if _is_refusal(error):
            return Failure(ProviderRefused(f"{where} declined: {said}"), cause, charged=True)
        return Failure(ProviderUnavailable(f"{where} broke off: {said}"), cause, retryable=True, charged=True)
    return Failure(ProviderUnavailable(f"{where} sent what is no answer: {said}"), cause, retryable=True, charged=True)


def _status_failure(error: openai.APIStatusError, where: str, key: str, cause: BaseException | None) -> Failure:
    status = error.status_code
    said = redacted(_message(error), key)
    if _is_refusal(error):
        return Failure(ProviderRefused(f"{where} declined: {said}"), cause)
    if status == 429 and any(word in f"{error.code} {error.type}" for word in _NO_CREDIT):
        return Failure(ProviderError(f"{where} has no credit left: {said}. Top up the account", status=status), cause)
    if status in _RETRYABLE or status >= 500:
        kind = "is asked too often" if status == 429 else "is failing"
        return Failure(
            ProviderUnavailable(f"{where} {kind} (HTTP {status}): {said}", status=status),
            cause,
            retryable=True,
            wait_s=retry_after_s(error.response.headers),
        )
    if 300 <= status < 400:
        advice = "it redirects, which is not followed with a key; put the final address into TIEOUT_MODEL_BASE_URL"
        return Failure(ProviderError(f"{where}: {advice}", status=status), cause)
    advice = _ADVICE.get(status, "check the TIEOUT_MODEL settings")
    return Failure(ProviderError(f"{where} said no (HTTP {status}): {said}. To do: {advice}", status=status), cause)


def _message(error: openai.APIStatusError) -> str:
    body = error.body
    if isinstance(body, dict) and isinstance(body.get("message"), str):
        return str(body["message"])
    return str(error.response.reason_phrase or error.message)


def _is_refusal(error: openai.APIError) -> bool:
    return any(word in f"{error.code} {error.type}".lower() for word in _REFUSALS)
