"""Gives a local Discord, and doors to it by the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bots.discord.door import DiscordDoor
from bots.inbound import Inbound
from bots.intake import Taken
from tests.bots.discord.local import TOKEN, LocalDiscord
from tieout.model import Principal
from tieout.settings import Settings, read_settings

Open = Callable[..., DiscordDoor]


@pytest.fixture
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as discord:
        yield discord


@pytest.fixture
def settings(discord: LocalDiscord, tmp_path: Any) -> Settings:
    return read_settings(home=tmp_path, discord_token=TOKEN, discord_api_url=discord.url)


@pytest.fixture
def taken() -> list[Inbound]:
    return []


@pytest.fixture
def take(taken: list[Inbound]) -> Callable[[Inbound], Taken]:
    def take(inbound: Inbound) -> Taken:
        taken.append(inbound)
        return Taken(None, Principal("ada", "default"))

    return take


@pytest.fixture
def connect(settings: Settings, take: Callable[[Inbound], Taken]) -> Iterator[Open]:
    """Open a door; it is closed at the end."""
    with ExitStack() as stack:

        def connect(take: Callable[[Inbound], Taken] = take, **given: Any) -> DiscordDoor:
            door = DiscordDoor(settings, take, **given)
            stack.callback(door.stop)
            door.start()
            return door

        yield connect
