"""Opens the local platforms with the sandbox's page over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from bots.testing.discord.stand import DiscordStand
from bots.testing.sandbox.server import Sandbox
from bots.testing.slack.stand import SlackStand


@contextmanager
def opened_stands() -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Give the page's URL, the settings by which tieout reaches the platforms, and their names."""
    with SlackStand(limits=True) as slack, DiscordStand(limits=True) as discord:
        settings = {
            "slack_bot_token": SecretStr(slack.bot_token),
            "slack_app_token": SecretStr(slack.app_token),
            "slack_api_url": f"{slack.api_url}/",
            "discord_token": SecretStr(discord.bot_token),
            "discord_api_url": discord.api_url,
        }
        addresses = {"slack": slack.api_url.removesuffix("/api"), "discord": discord.api_url.removesuffix("/api/v10")}
        tokens = {"slack": slack.bot_token, "discord": discord.bot_token}
        with Sandbox({"slack": slack, "discord": discord}, addresses, tokens) as page:
            yield page.url, settings, ["slack", "discord"]
