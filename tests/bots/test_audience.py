"""Who a person of a chat is in tieout, in which workspace, and who reads along."""

from pathlib import Path

import pytest

from bots.audience import principal_of
from bots.inbound import Place
from tieout.model import Principal, Role
from tieout.settings import Settings, read_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    chats = {"slack/T1": "acme", "slack/T1/C2": "board", "discord": "guests"}
    return read_settings(home=tmp_path, workspace="desk", chat_workspaces=chats)


def test_a_channel_is_a_circle_of_readers_and_a_direct_message_is_the_persons_own(settings: Settings) -> None:
    channel, alone = Place("slack", "T9", "C9", "1.5"), Place("slack", "T9", "D9", direct=True)
    assert principal_of(channel, "U1", settings) == Principal("slack:U1", "desk", Role.MEMBER, "slack/T9/C9")
    assert principal_of(alone, "U1", settings) == Principal("slack:U1", "desk", Role.MEMBER, "slack:U1")


@pytest.mark.parametrize(
    ("place", "workspace"),
    [
        (Place("slack", "T1", "C1"), "acme"),
        (Place("slack", "T1", "D1", direct=True), "acme"),
        (Place("slack", "T1", "C2", "1.5"), "board"),
        (Place("slack", "T2", "C2"), "desk"),
        (Place("discord", "", "D1", direct=True), "guests"),
    ],
)
def test_the_nearest_name_says_the_workspace(settings: Settings, place: Place, workspace: str) -> None:
    assert principal_of(place, "U1", settings).workspace == workspace
