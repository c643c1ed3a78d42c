"""What was said in Discord while nobody listened is taken when somebody does, once, and not what is older."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bots.agent import AGENT
from bots.discord.catch_up import absence
from bots.doors import open_doors
from bots.testing.discord.stand import DiscordStand
from tests.support.desk import agents, memory_desk
from tieout import codec
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, RunRequest, WorkerKind
from tieout.settings import Settings, read_settings

OPERATOR = Principal("ada", "default", Role.ADMIN)
PATIENCE_S = 60.0


@pytest.fixture
def stand() -> Iterator[DiscordStand]:
    with DiscordStand(limits=False) as stand:
        yield stand


def settings_of(stand: DiscordStand, home: Path) -> Settings:
    tokens: dict[str, Any] = {"discord_token": stand.bot_token, "discord_api_url": stand.api_url}
    return read_settings(home=home, **tokens)


def asked(desk: Application) -> list[str]:
    return sorted(run.request.question for run in desk.runs(OPERATOR) if run.request.agent == "chat")


def test_what_was_said_meanwhile_is_answered_once(stand: DiscordStand, tmp_path: Path) -> None:
    ada, general = stand.user("ada"), stand.channel("general")
    direct = stand.direct(ada)
    settings = settings_of(stand, tmp_path)
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk:
        with open_doors(settings, desk, ["discord"]):
            thread = stand.say(ada, general, "show run_1", mention=True)
            stand.say(ada, direct, "show run_2")
            stand.wait_for(lambda: stand.messages(thread) and len(stand.messages(direct)) == 2, PATIENCE_S)
        stand.wait_for(lambda: stand.connections == 0, PATIENCE_S)
        stand.say(ada, general, "not for tieout")
        stand.say(ada, general, "show run_3", mention=True)
        stand.say(ada, general, "show run_4", thread=thread)
        stand.say(ada, direct, "show run_5")
        with open_doors(settings, desk, ["discord"]):
            stand.wait_for(lambda: len(asked(desk)) == 5, PATIENCE_S)
            stand.wait_for(lambda: len(stand.messages(direct)) == 4, PATIENCE_S)
        assert asked(desk) == [f"show run_{number}" for number in range(1, 6)]


def test_a_first_start_answers_nothing_old(stand: DiscordStand, tmp_path: Path) -> None:
    stand.say(stand.user("ada"), stand.channel("general"), "show run_1", mention=True)
    settings = settings_of(stand, tmp_path)
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk, open_doors(settings, desk, ["discord"]):
        thread = stand.say(stand.user("ada"), stand.channel("general"), "show run_2", mention=True)
        stand.wait_for(lambda: stand.messages(thread), PATIENCE_S)
        assert asked(desk) == ["show run_2"]


def test_what_was_missed_is_taken_before_what_is_said_after_the_start(stand: DiscordStand, tmp_path: Path) -> None:
    ada, general, direct = stand.user("ada"), stand.channel("general"), stand.direct(stand.user("ada"))
    settings = settings_of(stand, tmp_path)
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk:
        with open_doors(settings, desk, ["discord"]):
            stand.say(ada, direct, "show run_0")
            stand.wait_for(lambda: len(stand.messages(direct)) == 2, PATIENCE_S)
        stand.wait_for(lambda: stand.connections == 0, PATIENCE_S)
        for number in range(1, 120):  # more than one page of the direct messages
            stand.say(ada, direct if number % 2 else general, f"show run_{number}", mention=True)
        with open_doors(settings, desk, ["discord"]):
            stand.say(ada, general, "show run_120", mention=True)
            stand.wait_for(lambda: len(desk.runs(OPERATOR, limit=1_000)) >= 121, PATIENCE_S)
        chats = [run for run in desk.runs(OPERATOR, limit=1_000) if run.request.agent == "chat"]
        assert [run.request.question for run in reversed(chats)] == [f"show run_{number}" for number in range(121)]


def test_the_absence_begins_a_little_before_what_was_heard_last_and_ends_after_a_day(tmp_path: Path) -> None:
    from bots.inbound import Inbound, InboundKind, Place

    now = datetime.now(UTC)
    place = Place("discord", "", "802", direct=True)
    inbound = Inbound("discord/message/1", InboundKind.MESSAGE, place, "900", now, message="1", text="hello")
    request = RunRequest("hello", agent="chat", door="discord", params={"inbound": codec.dump(inbound)})
    with memory_desk(tmp_path / "reports") as desk:
        desk = replace(desk, agents=type(desk.agents)([*agents(), AGENT]))  # type: ignore[call-arg]
        assert absence(desk, ["desk"]) is None
        desk.start_run(Principal("discord:900", "desk"), request)
        away = absence(desk, ["desk", "elsewhere"])
        assert away is not None
        assert away.since == inbound.at - timedelta(minutes=2)
        assert away.taken == {inbound.key}
        assert away.direct == (802,)
        assert absence(desk, ["elsewhere"]) is None
