"""What people do on Discord is committed, then acknowledged: the real client over real sockets."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bots.discord.door import DiscordDoor
from bots.inbound import Inbound, InboundKind
from bots.intake import Taken
from tests.bots.discord.local import ADA, APPLICATION, BOT, DIRECT, GENERAL, GUILD, LocalDiscord
from tieout.errors import NotAvailable
from tieout.model import Principal
from tieout.settings import read_settings

_TAKEN = Taken(None, Principal("ada", "default"))


def test_a_mention_is_taken_without_the_bots_name(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    id = discord.say(f"<@{BOT}> how did AAPL do?")
    (inbound,) = discord.wait_for(lambda: taken)
    assert (inbound.key, inbound.kind, inbound.text) == (
        f"discord/message/{id}",
        InboundKind.MESSAGE,
        "how did AAPL do?",
    )
    assert inbound.mentioned and inbound.author == ADA and inbound.message == id
    place = inbound.place
    assert (place.team, place.channel, place.thread, place.direct) == (GUILD, GENERAL, "", False)


def test_the_bots_role_is_the_bots_name(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    discord.say("<@&850> hello")
    (inbound,) = discord.wait_for(lambda: taken)
    assert inbound.mentioned and inbound.text == "hello"


def test_a_direct_message_needs_no_mention(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    discord.say("how did AAPL do?", DIRECT)
    (inbound,) = discord.wait_for(lambda: taken)
    assert inbound.mentioned and inbound.place.direct and inbound.place.channel == DIRECT


def test_what_is_said_in_a_thread_has_its_channel(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    discord.add_thread("830")
    discord.say("and in 2021?", "830")
    (inbound,) = discord.wait_for(lambda: taken)
    assert (inbound.place.channel, inbound.place.thread, inbound.mentioned) == (GENERAL, "830", False)


def test_bots_and_news_of_the_channel_are_not_heard(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    discord.say(f"<@{BOT}> hello", bot=True)
    discord.say(f"<@{BOT}> hello", webhook_id="5")
    discord.say(f"<@{BOT}> pinned", type=6)
    discord.say("last")
    assert [inbound.text for inbound in discord.wait_for(lambda: taken)] == ["last"]


def test_attachments_come_along(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    file = {"id": "7", "filename": "10-k.pdf", "size": 12, "url": "http://files/7", "proxy_url": ""}
    discord.say("read this", attachments=[{**file, "content_type": "application/pdf"}])
    (one,) = discord.wait_for(lambda: taken)[0].attachments
    assert (one.id, one.name, one.size, one.media_type, one.url) == (
        "7",
        "10-k.pdf",
        12,
        "application/pdf",
        "http://files/7",
    )


def test_changes_and_removals_are_taken(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    id = discord.say("how did AAPL do")
    discord.wait_for(lambda: taken)
    discord.edit(id, "how did AAPL do", edited=False)  # a link was unfolded
    discord.edit(id, "how did MSFT do?")
    changed = discord.wait_for(lambda: taken[1:])[0]
    assert (changed.kind, changed.text, changed.message) == (InboundKind.EDITED, "how did MSFT do?", id)
    discord.delete(id)
    removed = discord.wait_for(lambda: taken[2:])[0]
    assert (removed.kind, removed.message, removed.author) == (InboundKind.DELETED, id, ADA)
    discord.delete("11", "12")
    assert {one.message for one in discord.wait_for(lambda: taken[3:5] if len(taken) == 5 else [])} == {"11", "12"}


@pytest.mark.parametrize(("name", "flags"), [("ask", 0), ("help", 64)])
def test_a_call_is_committed_then_acknowledged(discord: LocalDiscord, connect: Any, name: str, flags: int) -> None:
    before: list[tuple[Inbound, bool]] = []

    def take(inbound: Inbound) -> Taken:
        time.sleep(0.2)
        before.append((inbound, inbound.key.rpartition("/")[2] in discord.acknowledged))
        return _TAKEN

    connect(take)
    option = {"question": "AAPL?"} if name == "ask" else {"command": "ask"}
    id = discord.call(name, **option)
    acknowledged = discord.wait_for(lambda: discord.acknowledged.get(id))
    ((inbound, early),) = before
    assert not early
    assert acknowledged["type"] == 5
    assert acknowledged.get("data", {}).get("flags", 0) == flags
    assert (inbound.key, inbound.kind, inbound.command) == (f"discord/interaction/{id}", InboundKind.COMMAND, name)
    assert inbound.arguments == option and inbound.token == f"{APPLICATION}/{id}"


def test_a_click_is_acknowledged_without_a_word(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    on = discord.say("an answer")
    discord.wait_for(lambda: taken)
    id = discord.press("cancel:7", discord.messages[GENERAL][-1])
    assert discord.wait_for(lambda: discord.acknowledged.get(id)) == {"type": 6}
    assert (taken[1].kind, taken[1].action, taken[1].message) == (InboundKind.CLICK, "cancel:7", on)


def test_a_message_is_picked_from_its_menu(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    message = {"id": "55", "content": f"<@{BOT}> AAPL in 2022?", "attachments": []}
    data = {"id": "2", "name": "Ask tieout", "type": 3, "target_id": "55", "resolved": {"messages": {"55": message}}}
    id = discord.interact(2, data)
    acknowledged = discord.wait_for(lambda: discord.acknowledged.get(id))
    assert acknowledged["type"] == 4 and acknowledged["data"]["flags"] == 64
    assert (taken[0].kind, taken[0].message, taken[0].text) == (InboundKind.MESSAGE, "55", "AAPL in 2022?")
    assert taken[0].mentioned and not taken[0].token


def test_what_cannot_be_committed_is_not_acknowledged(discord: LocalDiscord, connect: Any) -> None:
    tried: list[str] = []

    def take(inbound: Inbound) -> Taken:
        tried.append(inbound.key)
        raise NotAvailable("the disk is full")

    connect(take)
    id = discord.call("runs")
    discord.wait_for(lambda: tried)
    time.sleep(0.3)
    assert id not in discord.acknowledged and len(tried) == 1


def test_a_message_is_tried_again(discord: LocalDiscord, connect: Any) -> None:
    tried: list[str] = []

    def take(inbound: Inbound) -> Taken:
        tried.append(inbound.key)
        if len(tried) == 1:
            raise NotAvailable("the disk is full")
        return _TAKEN

    connect(take)
    id = discord.say("hello")
    assert discord.wait_for(lambda: tried if len(tried) == 2 else []) == [f"discord/message/{id}"] * 2


def test_after_a_cut_it_resumes_and_misses_nothing(discord: LocalDiscord, connect: Any, taken: list[Inbound]) -> None:
    connect()
    discord.drop()
    discord.say("meanwhile")
    discord.wait_for(lambda: taken, 40.0)
    assert discord.resumed == 1 and discord.identified == 1
    discord.replay()
    discord.wait_for(lambda: len(taken) == 2)
    assert len({inbound.key for inbound in taken}) == 1


def test_commands_are_told_only_when_they_have_changed(discord: LocalDiscord, connect: Any) -> None:
    connect().stop()
    names = {option["name"] for option in discord.commands[0]["options"]}
    assert {"ask", "help", "brief", "settings"} <= names
    connect()
    assert [path for verb, path, _ in discord.calls if verb == "PUT"] == [f"applications/{APPLICATION}/commands"]


def test_a_refused_token_is_named(discord: LocalDiscord, tmp_path: Any) -> None:
    settings = read_settings(home=tmp_path, discord_token="wrong", discord_api_url=discord.url)
    door = DiscordDoor(settings, lambda _: _TAKEN)
    with pytest.raises(NotAvailable, match="TIEOUT_DISCORD_TOKEN"):
        door.start()
    door.stop()


@pytest.mark.parametrize(("code", "named"), [(4014, "Message Content Intent"), (4004, "TIEOUT_DISCORD_TOKEN")])
def test_a_refused_identification_is_named(discord: LocalDiscord, connect: Any, code: int, named: str) -> None:
    discord.close_with = code
    with pytest.raises(NotAvailable, match=named):
        connect()


def test_an_address_where_no_discord_is_is_named(tmp_path: Any) -> None:
    settings = read_settings(home=tmp_path, discord_token="t", discord_api_url="http://127.0.0.1:9/api/v10")
    with pytest.raises(NotAvailable, match="TIEOUT_DISCORD_API_URL"):
        DiscordDoor(settings, lambda _: _TAKEN).start()


def test_without_a_token_there_is_no_door(tmp_path: Any) -> None:
    with pytest.raises(NotAvailable, match="TIEOUT_DISCORD_TOKEN"):
        DiscordDoor(read_settings(home=tmp_path), lambda _: _TAKEN)
