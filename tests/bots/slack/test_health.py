"""What the doctor says about Slack: which token, which scopes, which way of events, and what to do about each."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from bots import health
from bots.health import examine_chats
from bots.slack.manifest import SCOPES
from bots.testing.slack import Trouble
from bots.testing.slack.stand import SlackStand
from tieout.doctor import Check
from tieout.settings import Settings, read_settings


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False) as stand:
        yield stand


def settings(stand: SlackStand, **given: Any) -> Settings:
    tokens: dict[str, Any] = {"slack_bot_token": stand.bot_token, "slack_app_token": stand.app_token}
    return read_settings(**{**tokens, "slack_api_url": f"{stand.api_url}/", **given})


def checked(of: Settings) -> dict[str, Check]:
    """Return the findings by name; none holds a token, and each problem says what to do."""
    found = examine_chats(of)
    tokens = [
        secret.get_secret_value()
        for secret in (of.slack_bot_token, of.slack_app_token, of.slack_signing_secret)
        if secret
    ]
    assert not any(token in str(found) for token in tokens)
    assert all(check.advice for check in found if check.state != "ok")
    return {check.name: check for check in found}


def test_a_whole_installation_is_well(stand: SlackStand) -> None:
    found = checked(settings(stand))
    assert {name: check.state for name, check in found.items()} == {
        "Slack token": "ok",
        "Slack scopes": "ok",
        "Slack events": "ok",
    }
    assert stand.identity.team_name in found["Slack token"].detail
    assert stand.identity.bot_user in found["Slack token"].detail
    assert stand.connections == 0  # nobody's events go astray


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_scope_that_is_missing_is_named_with_what_it_is_for(stand: SlackStand, scope: str) -> None:
    stand.withdraw_scope(scope)
    found = checked(settings(stand))["Slack scopes"]
    assert found.state == "failed"
    assert scope in found.detail and SCOPES[scope] in found.detail
    assert "--manifest" in found.advice and "install it again" in found.advice
    assert not any(f" {other} (" in f" {found.detail}" for other in SCOPES if other != scope)


def test_a_scope_beyond_what_is_needed_is_named(stand: SlackStand) -> None:
    assert "reactions:write" in checked(settings(stand))["Slack scopes"].detail


def test_a_token_that_is_none_or_was_revoked_is_told_and_does_not_hide_the_other(stand: SlackStand) -> None:
    wrong = checked(settings(stand, slack_bot_token="xoxb-wrong"))
    assert wrong["Slack token"].state == "failed" and "invalid_auth" in wrong["Slack token"].detail
    assert wrong["Slack events"].state == "ok"
    stand.revoke_token()
    revoked = checked(settings(stand))
    assert "was revoked" in revoked["Slack token"].detail
    assert "credentials set slack_bot_token" in revoked["Slack token"].advice


def test_tokens_that_were_mixed_up_are_told(stand: SlackStand) -> None:
    found = checked(settings(stand, slack_bot_token=stand.app_token, slack_app_token=stand.bot_token))
    assert (found["Slack token"].state, found["Slack events"].state) == ("failed", "failed")
    assert "of another kind" in found["Slack events"].detail
    assert "connections:write" in found["Slack events"].advice


def test_a_part_without_the_other_is_told(stand: SlackStand) -> None:
    no_way = checked(settings(stand, slack_app_token=""))
    assert (no_way["Slack token"].state, no_way["Slack events"].state) == ("ok", "failed")
    mute = checked(settings(stand, slack_bot_token=""))
    assert (mute["Slack token"].state, mute["Slack events"].state) == ("failed", "ok")


def test_over_http_it_says_where_events_come_and_who_tells_whether_they_do(stand: SlackStand) -> None:
    found = checked(settings(stand, slack_app_token="", slack_signing_secret="hush"))["Slack events"]
    assert found.state == "ok" and "/slack/events" in found.detail and "Verified" in found.advice


def test_a_slack_that_asks_to_wait_is_not_called_wrong(stand: SlackStand) -> None:
    stand.trouble("apps.connections.open", Trouble(retry_after_s=30.0))
    assert checked(settings(stand))["Slack events"].state == "warning"


def test_a_slack_that_is_silent_is_told_of_and_waited_for_not_long(
    stand: SlackStand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.2)
    stand.trouble("auth.test", Trouble(wait_s=5.0))
    found = checked(settings(stand))
    assert found["Slack"].state == "failed" and "TIEOUT_SLACK_API_URL" in found["Slack"].advice
    assert found["Slack events"].state == "ok"


def test_a_slack_that_cannot_be_reached_does_not_hide_that_nothing_else_can(stand: SlackStand) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nowhere = f"http://127.0.0.1:{port}"
    found = examine_chats(settings(stand, slack_api_url=f"{nowhere}/", discord_token="t", discord_api_url=nowhere))
    assert {check.name for check in found} == {"Slack", "Discord"}
    assert {check.state for check in found} == {"failed"}


def test_without_tokens_nobody_is_asked(stand: SlackStand) -> None:
    (found,) = examine_chats(settings(stand, slack_bot_token="", slack_app_token=""))
    assert (found.name, found.state) == ("chat", "ok")
    assert stand.requests == []
