"""The provider against a real HTTP server that speaks the protocol and misbehaves."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from pipelines.providers.openai_compatible import OpenAICompatible
from pipelines.providers.pricing import Prices
from pipelines.providers.retry import RetryPolicy
from tests.support.fake_openai import (
    FakeOpenAI,
    breaks_off,
    cuts,
    drips,
    ends_early,
    fails,
    lists_models,
    redirects,
    refuses,
    says,
    says_whole,
    sends_garbage,
    stalls,
)
from tieout.errors import InvalidInput, ProviderError, ProviderRefused, ProviderUnavailable
from tieout.model import ModelAnswer, ModelMessage, Usage

KEY = "sk-test-Zq81mNsecret"
QUESTION = [ModelMessage("system", "Be brief."), ModelMessage("user", "How did revenue change?")]
PRICES = Prices(Decimal("2.50"), Decimal("10.00"))


OPEN: list[OpenAICompatible] = []


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()


class Caller:
    """A provider that notes its waits instead of waiting."""

    def __init__(
        self, url: str, retries: int = 2, timeout_s: float = 5.0, total_timeout_s: float | None = None
    ) -> None:
        self.waits: list[float] = []
        self.provider = OpenAICompatible(
            url,
            "test-model",
            api_key=SecretStr(KEY),
            timeout_s=timeout_s,
            total_timeout_s=total_timeout_s,
            prices=PRICES,
            retry=RetryPolicy(retries, draw=lambda: 0.0),
            sleep=self.waits.append,
        )
        OPEN.append(self.provider)

    def ask(self, **options: object) -> ModelAnswer:
        return self.provider.complete(QUESTION, max_tokens=500, **options)  # type: ignore[arg-type]


def test_an_answer_is_streamed_and_its_usage_priced() -> None:
    pieces: list[str] = []
    with FakeOpenAI(says("Revenue grew by 7.8 %.")) as server:
        answer = Caller(server.url).ask(on_text=pieces.append)

    assert answer.text == "Revenue grew by 7.8 %." == "".join(pieces)
    assert len(pieces) > 2
    assert answer.usage == Usage(1, 120, 30, Decimal("0.0006"))
    assert (answer.model, answer.finish_reason) == ("served-model", "stop")
    request = server.requests[0]
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body["model"] == "test-model"
    assert request.body["max_tokens"] == 500
    assert request.body["stream_options"] == {"include_usage": True}
    assert request.body["messages"][1] == {"role": "user", "content": "How did revenue change?"}


def test_without_usage_from_the_server_it_is_estimated() -> None:
    with FakeOpenAI(says("Revenue grew.", usage=False)) as server:
        usage = Caller(server.url).ask().usage

    assert usage.calls == 1
    assert 10 < usage.tokens_in < 60
    assert 2 < usage.tokens_out < 10
    assert usage.cost > 0


def test_a_server_that_does_not_stream_is_understood() -> None:
    pieces: list[str] = []
    with FakeOpenAI(says_whole("Revenue grew.")) as server:
        answer = Caller(server.url).ask(on_text=pieces.append)

    assert answer.text == "Revenue grew." == "".join(pieces)
    assert answer.usage.tokens_in == 120


def test_an_answer_that_met_the_limit_says_so() -> None:
    with FakeOpenAI(says("Revenue gr", finish="length")) as server:
        assert Caller(server.url).ask().finish_reason == "length"


# ---------------------------------------------------------------- retries


def test_too_many_requests_waits_as_long_as_the_server_asks() -> None:
    with FakeOpenAI(fails(429, retry_after="3"), says("Fine.")) as server:
        caller = Caller(server.url)

        assert caller.ask().text == "Fine."
    assert caller.waits == [3.0]


def test_server_errors_wait_longer_each_time() -> None:
    with FakeOpenAI(fails(500), fails(503), says("Fine.")) as server:
        caller = Caller(server.url)

        assert caller.ask().text == "Fine."
    assert caller.waits == [0.25, 0.5]


def test_the_last_failure_is_raised_when_tries_are_used_up() -> None:
    with FakeOpenAI(fails(500, "worker died")) as server:
        caller = Caller(server.url)
        with pytest.raises(ProviderUnavailable, match=r"HTTP 500.*worker died") as caught:
            caller.ask()

    assert len(server.requests) == 3
    assert caught.value.retryable
    assert caught.value.details["attempts"] == 3
    assert caught.value.details["usage"] == {"calls": 0, "tokens_in": 0, "tokens_out": 0, "cost": "0"}


def test_a_wait_beyond_the_calls_time_is_not_begun() -> None:
    with FakeOpenAI(fails(429, retry_after="3600")) as server:
        caller = Caller(server.url)
        with pytest.raises(ProviderUnavailable, match="asked too often"):
            caller.ask()

    assert caller.waits == []
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [cuts("Reve"), ends_early("Reve"), breaks_off("overloaded"), sends_garbage(), says(""), says_whole("")],
    ids=["cut", "ended early", "error event", "garbage", "empty", "empty whole"],
)
def test_half_an_answer_is_no_answer_and_counts_as_spent(reply: object) -> None:
    with FakeOpenAI(reply, says("Revenue grew.")) as server:  # type: ignore[arg-type]
        answer = Caller(server.url).ask()

    assert answer.text == "Revenue grew."
    assert answer.usage.calls == 2
    assert answer.usage.tokens_in > 120


def test_streams_that_are_always_cut_end_in_an_error_with_what_was_spent() -> None:
    with FakeOpenAI(cuts("Reve")) as server, pytest.raises(ProviderUnavailable, match="broke off") as caught:
        Caller(server.url, retries=1).ask()

    assert caught.value.details["usage"]["calls"] == 2  # type: ignore[index]


def test_a_stream_that_falls_silent_times_out() -> None:
    with FakeOpenAI(stalls("Reve"), says("Revenue grew.")) as server:
        assert Caller(server.url, timeout_s=0.3, total_timeout_s=20).ask().text == "Revenue grew."


def test_a_stream_that_drips_for_ever_ends_with_the_calls_time() -> None:
    with FakeOpenAI(drips()) as server:
        with pytest.raises(ProviderUnavailable, match="in time"):
            Caller(server.url, timeout_s=5, total_timeout_s=0.4).ask()

        assert len(server.requests) == 1


def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    caller = Caller(f"http://127.0.0.1:{port}/v1")

    with pytest.raises(ProviderUnavailable, match="cannot be reached") as caught:
        caller.ask()

    assert len(caller.waits) == 2
    assert caught.value.details["usage"]["calls"] == 0  # type: ignore[index]


# ---------------------------------------------------------------- errors that no retry mends


@pytest.mark.parametrize(
    "reply",
    [refuses(), says("", finish="content_filter"), fails(400, "flagged", code="content_filter")],
    ids=["refusal", "filter", "filtered prompt"],
)
def test_a_refusal_is_final(reply: object) -> None:
    with FakeOpenAI(reply) as server, pytest.raises(ProviderRefused, match="declined"):  # type: ignore[arg-type]
        Caller(server.url).ask()

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [(400, "TIEOUT_MODEL"), (401, "TIEOUT_MODEL_API_KEY"), (404, "mostly /v1"), (418, "settings")],
)
def test_a_bad_request_says_what_to_do(status: int, advice: str) -> None:
    with FakeOpenAI(fails(status, "nope")) as server, pytest.raises(ProviderError, match=advice) as caught:
        Caller(server.url).ask()

    assert len(server.requests) == 1
    assert not caught.value.retryable


def test_an_account_without_credit_is_not_asked_again() -> None:
    with FakeOpenAI(fails(429, "quota", code="insufficient_quota")) as server:
        with pytest.raises(ProviderError, match="no credit"):
            Caller(server.url).ask()

        assert len(server.requests) == 1


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with FakeOpenAI(says("gotcha")) as other, FakeOpenAI(redirects(f"{other.url}/chat/completions")) as server:
        with pytest.raises(ProviderError, match="redirects"):
            Caller(server.url).ask()

        assert other.requests == []


def test_what_the_caller_raises_while_it_listens_ends_the_call() -> None:
    def stop(_: str) -> None:
        raise ValueError("enough")

    with FakeOpenAI(says("Revenue grew.")) as server:
        with pytest.raises(ValueError, match="enough"):
            Caller(server.url).ask(on_text=stop)

        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("message", "option"),
    [
        ("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", "max_tokens"),
        ("unknown field stream_options", "stream_options"),
        ("'temperature' does not support 0 with this model", "temperature"),
    ],
)
def test_an_option_that_a_server_does_not_know_is_dropped_for_good(message: str, option: str) -> None:
    with FakeOpenAI(fails(400, message), says("Fine.")) as server:
        caller = Caller(server.url)
        caller.ask()
        caller.ask()

    assert option in server.requests[0].body
    assert option not in server.requests[1].body
    assert option not in server.requests[2].body
    assert caller.waits == []


# ---------------------------------------------------------------- secrets and addresses


@pytest.mark.parametrize(
    "reply",
    [
        fails(401, f"Incorrect API key provided: {KEY}"),
        fails(500, f"upstream said: Authorization: Bearer {KEY}"),
        breaks_off(f"lost {KEY}"),
        refuses(f"I will not tell {KEY}"),
        fails(400, "Incorrect key: sk-another-123456789"),
    ],
    ids=["status", "retried", "event", "refusal", "another key"],
)
def test_the_key_is_in_no_error_log_or_traceback(reply: object, caplog: pytest.LogCaptureFixture) -> None:
    """Even when the server repeats it."""
    caplog.set_level(logging.DEBUG)
    with FakeOpenAI(reply) as server, capture_logs() as events:  # type: ignore[arg-type]
        caller = Caller(server.url)
        with pytest.raises(ProviderError) as caught:
            caller.ask()

    said = "".join(traceback.format_exception(caught.value)) + repr(caught.value.details) + repr(caller.provider)
    said += caplog.text + repr(events) + caught.value.message
    assert KEY not in said
    assert "sk-another-123456789" not in caught.value.message


def test_nothing_from_the_environment_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The openai package would add these to every request, to whichever server."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ambient-key")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-ambient-admin")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ambient")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-ambient")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: ambient\nAuthorization: Bearer ambient")
    with FakeOpenAI(says("Fine.")) as server:
        Caller(server.url).ask()
        with closing(OpenAICompatible(server.url, "m")) as keyless:
            keyless.complete(QUESTION, max_tokens=5)

    assert "ambient" not in repr([request.headers for request in server.requests])
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in server.requests[1].headers


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/v1",
        "file:///etc/passwd",
        "host/v1",
        "https://",
        "https://user:pass@host/v1",
        "https://host/v1?key=1",
        "http://host:99999999/v1",
        "http://[::1/v1",
    ],
)
def test_an_address_that_a_key_should_not_go_to_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="TIEOUT_MODEL_BASE_URL") as caught:
        OpenAICompatible(url, "m")

    assert "pass@" not in str(caught.value)


def test_the_estimate_is_above_what_is_used() -> None:
    with FakeOpenAI(says("Revenue grew.", usage=False)) as server:
        caller = Caller(server.url)
        used = caller.ask().usage
        most = caller.provider.estimate(QUESTION, 500)

    assert most.calls == 1
    assert most.tokens_in >= used.tokens_in
    assert most.tokens_out == 500
    assert most.cost >= used.cost


@pytest.mark.parametrize(
    ("reply", "finding"),
    [
        (lists_models("test-model", "other"), "reachable and served"),
        (fails(404), "does not list its models"),
    ],
)
def test_the_check_tells_what_was_found(reply: object, finding: str) -> None:
    with FakeOpenAI(reply) as server:  # type: ignore[arg-type]
        assert finding in Caller(server.url).provider.check()


def test_the_check_names_the_models_there_are() -> None:
    with FakeOpenAI(lists_models("alpha", "beta")) as server, pytest.raises(ProviderError, match="alpha, beta"):
        Caller(server.url).provider.check()


def test_the_check_reports_a_wrong_key() -> None:
    with FakeOpenAI(fails(401)) as server, pytest.raises(ProviderError, match="TIEOUT_MODEL_API_KEY"):
        Caller(server.url).provider.check()
