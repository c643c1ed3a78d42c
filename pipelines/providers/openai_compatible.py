"""A chat model behind any endpoint that speaks the OpenAI chat completions protocol.

The `openai` package does the wire; what it would decide by itself is taken from it: retries, redirects, headers
from the environment. Join this module only when a model is configured, since the package takes time to import.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionMessageParam
from pydantic import SecretStr

from pipelines.providers.address import checked_base_url
from pipelines.providers.failures import Failure, failure, redacted
from pipelines.providers.pricing import Prices, likely_prompt_tokens, likely_tokens, most_prompt_tokens
from pipelines.providers.retry import RetryPolicy
from pipelines.providers.stream import Received, read_stream
from tieout.codec import dump
from tieout.errors import InvalidInput, ProviderError, ProviderRefused, ProviderUnavailable
from tieout.model import ModelAnswer, ModelMessage, Usage

_log = structlog.get_logger(__name__)
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline")
_SENT_HEADERS = frozenset(
    ("host", "accept", "accept-encoding", "connection", "content-type", "content-length", "transfer-encoding")
)
_CONNECT_S = 10.0
_FREE = Prices()
_RETRY = RetryPolicy()


class OpenAICompatible:
    """A `tieout.ports.ModelProvider`. One instance serves all threads."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: SecretStr | None = None,
        timeout_s: float = 60.0,
        total_timeout_s: float | None = None,
        prices: Prices = _FREE,
        retry: RetryPolicy = _RETRY,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Prepare a client; nothing is connected before the first call.

        `timeout_s` is the longest silence, `total_timeout_s` (default: four times that) the longest call with all
        its tries and waits. Raises InvalidInput for an unusable address or an empty model name.
        """
        if not model.strip():
            raise InvalidInput("TIEOUT_MODEL is empty; give the name of a model that the endpoint serves")
        self.name = model.strip()
        self._base_url = checked_base_url(base_url)
        self._key = api_key.get_secret_value().strip() if api_key else ""
        if not self._key.isascii() or not self._key.isprintable():
            raise InvalidInput("TIEOUT_MODEL_API_KEY holds characters that no key has; copy it again")
        self._timeout_s = timeout_s
        self._total_timeout_s = total_timeout_s or 4 * timeout_s
        self._prices = prices
        self._retry = retry
        self._sleep = sleep
        self._where = f"model {redacted(self.name, self._key)} at {urlsplit(self._base_url).netloc}"
        self._options: dict[str, Any] = {"temperature": 0, "stream_options": {"include_usage": True}}
        self._limit_name = "max_tokens"
        self._client = openai.OpenAI(
            base_url=self._base_url,
            api_key=self._key or "none",
            max_retries=0,
            http_client=openai.DefaultHttpxClient(
                follow_redirects=False, event_hooks={"request": [self._clean_headers], "response": [_time_stream]}
            ),
        )

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._base_url!r}, {self.name!r})"

    def complete(
        self,
        messages: Sequence[ModelMessage],
        *,
        max_tokens: int,
        on_text: Callable[[str], None] | None = None,
    ) -> ModelAnswer:
        """Return the whole answer, streaming pieces to `on_text`.

        A stream that was cut is asked for again, and its pieces then come again from the first. Usage counts every
        try at which the model may have worked, by an estimate where the server gives none. Raises
        ProviderUnavailable after the last try or out of time, ProviderRefused, and ProviderError with what to do;
        `details["usage"]` of each tells what was spent in vain. What `on_text` raises ends the call.
        """
        deadline = time.monotonic() + self._total_timeout_s
        spent = Usage()
        attempt = 0
        while True:
            attempt += 1
            received = Received()
            problem = self._try(messages, max_tokens, deadline, on_text, received)
            if problem is None:
                return self._answer(messages, received, spent)
            if problem.charged:
                spent += self._used(messages, received)
            if self._adapt(problem):
                attempt -= 1
                continue
            wait_s = self._retry.wait_s(attempt, problem.wait_s)
            if not problem.retryable or attempt > self._retry.retries or time.monotonic() + wait_s >= deadline:
                problem.error.details["usage"] = dump(spent)
                problem.error.details["attempts"] = attempt
                raise problem.error from problem.cause
            _log.warning(
                "model_call_retried", model=self.name, attempt=attempt, wait_s=wait_s, reason=str(problem.error)
            )
            self._sleep(wait_s)

    def estimate(self, messages: Sequence[ModelMessage], max_tokens: int) -> Usage:
        """Return the most that a call could use, for the budget check before it (tries in vain not counted)."""
        return self._prices.usage(most_prompt_tokens(messages), max_tokens)

    def check(self) -> str:
        """Ask the endpoint for its models and say in a sentence what was found, for `tieout doctor`.

        Raises ProviderError or ProviderUnavailable with what to do.
        """
        problem: Failure
        token = _deadline.set(time.monotonic() + _CONNECT_S)
        try:
            names = {model.id for model in self._client.models.list(timeout=_CONNECT_S)}
        except openai.NotFoundError:
            return f"{self._where} is reachable (it does not list its models)"
        except (openai.OpenAIError, ValueError, TypeError) as error:
            problem = failure(error, self._where, self._key)
        else:
            if names and self.name not in names:
                served = ", ".join(sorted(names)[:5])
                raise ProviderError(f"{self._where} is not served; the endpoint has: {served}. Set TIEOUT_MODEL")
            return f"{self._where} is reachable and served"
        finally:
            _deadline.reset(token)
        raise problem.error from problem.cause

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    # ------------------------------------------------------------ one try

    def _try(
        self,
        messages: Sequence[ModelMessage],
        max_tokens: int,
        deadline: float,
        on_text: Callable[[str], None] | None,
        received: Received,
    ) -> Failure | None:
        """Fill `received` by one request, or return what went wrong."""
        remaining = max(0.05, deadline - time.monotonic())
        timeout = openai.Timeout(min(self._timeout_s, remaining), connect=min(_CONNECT_S, self._timeout_s, remaining))
        token = _deadline.set(deadline)
        try:
            with self._client.chat.completions.create(
                model=self.name,
                messages=cast("list[ChatCompletionMessageParam]", [dump(message) for message in messages]),
                stream=True,
                timeout=timeout,
                extra_body={self._limit_name: max_tokens, **self._options},
            ) as stream:
                read_stream(stream, received, on_text)
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.StreamError, ValueError) as error:
            if received.caller_error is error:
                raise
            return failure(error, self._where, self._key)
        finally:
            _deadline.reset(token)
        return self._verdict(received)

    def _verdict(self, received: Received) -> Failure | None:
        """Judge what came: whole, declined, cut off or empty."""
        if received.refusal or received.finish_reason == "content_filter":
            said = redacted(received.refusal or "its content filter stopped the answer", self._key)
            return Failure(ProviderRefused(f"{self._where} declined: {said}"), charged=True)
        if received.finish_reason is None:
            return Failure(
                ProviderUnavailable(f"{self._where} broke off in the middle of its answer"),
                retryable=True,
                charged=True,
            )
        if not received.text.strip() and received.finish_reason != "length":
            return Failure(ProviderUnavailable(f"{self._where} gave an empty answer"), retryable=True, charged=True)
        return None

    def _answer(self, messages: Sequence[ModelMessage], received: Received, spent: Usage) -> ModelAnswer:
        return ModelAnswer(
            received.text,
            spent + self._used(messages, received),
            received.model or self.name,
            received.finish_reason or "stop",
        )

    def _used(self, messages: Sequence[ModelMessage], received: Received) -> Usage:
        tokens_in = received.tokens_in
        tokens_out = received.tokens_out
        if tokens_in is None:
            tokens_in = likely_prompt_tokens(messages)
        if tokens_out is None:
            tokens_out = likely_tokens(received.text)
        return self._prices.usage(tokens_in, tokens_out)

    def _adapt(self, problem: Failure) -> bool:
        """Drop an option that this server does not know, once each; return whether that was the problem."""
        said = str(problem.error).lower()
        if problem.error.details.get("status") not in (400, 422):
            return False
        if self._limit_name == "max_tokens" and "max_completion_tokens" in said:
            self._limit_name = "max_completion_tokens"
            return True
        for option in ("stream_options", "temperature"):
            if option in self._options and option in said:
                self._options = {name: value for name, value in self._options.items() if name != option}
                return True
        return False

    def _clean_headers(self, request: httpx2.Request) -> None:
        """Send the key that was configured and no header that the package takes from the environment."""
        for name in list(request.headers):
            if name not in _SENT_HEADERS:
                del request.headers[name]
        request.headers["user-agent"] = "tieout"
        if self._key:
            request.headers["authorization"] = f"Bearer {self._key}"


class _TimedStream(httpx2.SyncByteStream):
    """Ends a response at the call's deadline, however steadily it drips."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the call's time is over")
            yield piece

    def close(self) -> None:
        self._stream.close()


def _time_stream(response: httpx2.Response) -> None:
    deadline = _deadline.get(None)
    if deadline is not None and isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _TimedStream(response.stream, deadline)
