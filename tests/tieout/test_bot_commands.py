"""`tieout bot` prints what an installation needs: Slack's manifest, Discord's invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bots.slack.manifest import manifest

if TYPE_CHECKING:
    from conftest import Shell


def test_the_manifest_is_printed_as_one_object_for_both_ways(shell: Shell) -> None:
    socket, http, wrong, alone = shell.all(
        ("bot", "slack", "--manifest"),
        ("bot", "slack", "--manifest", "--url", "https://tieout.example.com"),
        ("bot", "slack", "--manifest", "--url", "http://tieout.example.com"),
        ("bot", "slack", "--url", "https://tieout.example.com"),
    )
    assert socket.code == http.code == 0
    words = socket.json["features"]["slash_commands"][0]["usage_hint"].split(" | ")
    assert {"ask", "research", "help"} <= set(words)
    assert socket.json == manifest(words)
    assert http.json == manifest(words, url="https://tieout.example.com")
    assert (wrong.code, alone.code) == (2, 2)
    assert "https://" in wrong.err and "--manifest" in alone.err


def test_without_tokens_it_says_what_is_missing(shell: Shell) -> None:
    slack, discord, invite = shell.all(("bot", "slack"), ("bot", "discord"), ("bot", "discord", "--invite"))
    assert {slack.code, discord.code, invite.code} == {5}
    assert "TIEOUT_SLACK_BOT_TOKEN" in slack.err and "credentials set" in slack.err
    assert "TIEOUT_DISCORD_TOKEN" in discord.err and "TIEOUT_DISCORD_TOKEN" in invite.err


def test_slack_over_http_is_left_to_the_service(shell: Shell) -> None:
    tokens = {"TIEOUT_SLACK_BOT_TOKEN": "xoxb-1", "TIEOUT_SLACK_SIGNING_SECRET": "s"}
    outcome = shell("bot", "slack", **tokens)
    assert outcome.code == 5 and "`tieout up`" in outcome.err
