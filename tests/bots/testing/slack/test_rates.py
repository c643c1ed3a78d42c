"""Rate limits, by a clock of one's own and over HTTP."""

from __future__ import annotations

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bots.testing.slack import Rate, SlackStand
from bots.testing.slack.errors import Limited
from bots.testing.slack.rates import RateLimiter


def test_a_bucket_fills_up_again_with_time() -> None:
    now = [0.0]
    limiter = RateLimiter({"m": Rate(burst=2, per_minute=60)}, clock=lambda: now[0])
    limiter.take("m", "c")
    limiter.take("m", "c")
    with pytest.raises(Limited) as caught:
        limiter.take("m", "c")
    assert caught.value.headers == {"Retry-After": "1"}
    limiter.take("m", "another channel")
    limiter.take("another method", "c")
    now[0] = 1.0
    limiter.take("m", "c")


def test_posting_too_fast_in_one_channel_gets_429_with_retry_after() -> None:
    with SlackStand() as stand:
        client = WebClient(token=stand.bot_token, base_url=stand.api_url)
        for _ in range(4):
            client.chat_postMessage(channel=stand.channel("general"), text="x")
        with pytest.raises(SlackApiError) as caught:
            client.chat_postMessage(channel=stand.channel("general"), text="x")
        response = caught.value.response
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert response.headers["Retry-After"] == "1"
        client.chat_postMessage(channel=stand.channel("desk"), text="x")


def test_updates_have_a_limit_of_their_own() -> None:
    with SlackStand(rates={"chat.update": Rate(burst=1, per_minute=2)}) as stand:
        client = WebClient(token=stand.bot_token, base_url=stand.api_url)
        ts = client.chat_postMessage(channel=stand.channel("general"), text="0")["ts"]
        client.chat_update(channel=stand.channel("general"), ts=ts, text="1")
        with pytest.raises(SlackApiError) as caught:
            client.chat_update(channel=stand.channel("general"), ts=ts, text="2")
        assert caught.value.response.headers["Retry-After"] == "30"
        assert stand.messages(stand.channel("general"))[0].text == "1"
