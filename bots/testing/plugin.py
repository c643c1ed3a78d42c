"""A pytest plugin: `slack_stand` and `discord_stand` are local platforms for the length of a test.

Installed with tieout as `pytest11`. Rate limits are off; make a stand of your own to have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bots.testing.discord.stand import DiscordStand
    from bots.testing.slack.stand import SlackStand


@pytest.fixture
def slack_stand() -> Iterator[SlackStand]:
    """Serve a local Slack."""
    from bots.testing.slack.stand import SlackStand

    with SlackStand(limits=False) as stand:
        yield stand


@pytest.fixture
def discord_stand() -> Iterator[DiscordStand]:
    """Serve a local Discord."""
    from bots.testing.discord.stand import DiscordStand

    with DiscordStand(limits=False) as stand:
        yield stand
