"""discord.py itself talks with the local Discord: events, resumption, interactions, windows, and what is refused."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import discord
import httpx
import pytest

from bots.discord.address import point_at
from bots.testing.discord.stand import DiscordStand

PATIENCE_S = 30.0


class Bot(discord.Client):
    """Notes what it is told; `on_act` answers interactions."""

    def __init__(self, *, content: bool = True) -> None:
        super().__init__(
            intents=discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=content),
            guild_ready_timeout=0.1,
        )
        self.heard: list[str] = []
        self.ready = threading.Event()
        self.on_act: Callable[[discord.Interaction], Any] | None = None
        self.failed: Exception | None = None

    async def on_ready(self) -> None:
        self.ready.set()

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message.content)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if self.on_act is not None:
            await self.on_act(interaction)


@pytest.fixture
def stand() -> Iterator[DiscordStand]:
    with DiscordStand(limits=False, heartbeat_ms=300) as stand:
        yield stand


@pytest.fixture
def connect(stand: DiscordStand) -> Iterator[Callable[..., Bot]]:
    with ExitStack() as stack:

        def connect(**more: Any) -> Bot:
            point_at(stand.api_url)
            bot, stop = Bot(**more), threading.Event()

            async def run() -> None:
                task = asyncio.create_task(bot.start(stand.bot_token))
                while not stop.is_set() and not task.done():
                    await asyncio.sleep(0.02)
                await bot.close()
                try:
                    await task
                except Exception as error:
                    bot.failed = error

            thread = threading.Thread(target=lambda: asyncio.run(run()))
            thread.start()
            stack.callback(thread.join, 30)
            stack.callback(stop.set)
            stand.wait_for(lambda: bot.ready.is_set() or not thread.is_alive(), PATIENCE_S)
            return bot

        yield connect


def test_what_people_say_is_heard_and_hearts_beat(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot = connect()
    stand.say(stand.user("ada"), stand.channel("general"), "hello")
    stand.say(stand.user("ben"), stand.direct(stand.user("ben")), "psst")
    stand.say(stand.user("ada"), stand.channel("vault"), "not for bots")
    stand.wait_for(lambda: stand.beats >= 2, PATIENCE_S)
    assert bot.heard[:2] == ["hello", "psst"]


def test_a_session_is_resumed_with_what_it_missed_in_order(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot = connect()
    stand.drop_sockets()
    stand.wait_for(lambda: stand.connections == 0, PATIENCE_S)
    for number in range(3):
        stand.say(stand.user("ada"), stand.channel("general"), str(number))
    stand.wait_for(lambda: len(bot.heard) == 3, PATIENCE_S)
    assert bot.heard == ["0", "1", "2"]
    assert (stand.identified, stand.resumed) == (1, 1)


def test_who_is_asked_to_reconnect_resumes(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    connect()
    stand.ask_to_reconnect()
    stand.wait_for(lambda: stand.resumed == 1 and stand.connections == 1, PATIENCE_S)


def test_a_forgotten_session_is_begun_anew(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot = connect()
    stand.forget_sessions()
    stand.drop_sockets()
    stand.wait_for(lambda: stand.identified == 2, PATIENCE_S)
    stand.say(stand.user("ada"), stand.channel("general"), "again")
    stand.wait_for(lambda: "again" in bot.heard, PATIENCE_S)


def test_a_wrong_token_and_an_intent_that_is_off_end_the_connection(
    stand: DiscordStand, connect: Callable[..., Bot]
) -> None:
    stand.switch_off_content()
    bot = connect()
    stand.wait_for(lambda: bot.failed, PATIENCE_S)
    assert isinstance(bot.failed, discord.PrivilegedIntentsRequired)


def test_without_the_intent_only_what_names_the_bot_is_read(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot = connect(content=False)
    stand.say(stand.user("ada"), stand.channel("general"), "not for you")
    stand.say(stand.user("ada"), stand.channel("general"), "for you", mention=True)
    stand.wait_for(lambda: len(bot.heard) == 2, PATIENCE_S)
    assert bot.heard == ["", f"<@{stand.bot}> for you"]


def test_a_call_is_promised_and_answered_and_its_token_ends(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot, errors = connect(), list[int]()

    async def act(one: discord.Interaction) -> None:
        await one.response.defer(thinking=True)
        await one.edit_original_response(content="done")
        await one.followup.send("for you alone", ephemeral=True)
        stand.expire_tokens()
        try:
            await one.followup.send("too late")
        except discord.HTTPException as error:
            errors.append(error.code)

    bot.on_act = act
    ada, general = stand.user("ada"), stand.channel("general")
    id = stand.command(ada, general, "help")
    stand.wait_for(lambda: errors, PATIENCE_S)
    assert errors == [50027]
    assert stand.acknowledged(id)
    assert [one["content"] for one in stand.messages(general)] == ["done"]
    assert [one["content"] for one in stand.ephemerals(general, ada)] == ["for you alone"]
    assert stand.ephemerals(general, stand.user("ben")) == []
    assert [kind for kind, _ in stand.acks] == ["command"]


def test_an_interaction_is_acknowledged_once_and_by_who_has_its_token(stand: DiscordStand) -> None:
    id = stand.command(stand.user("ada"), stand.channel("general"), "help")
    token = stand._interactions.all[id].token
    path = f"{stand.api_url}/interactions/{id}"
    assert httpx.post(f"{path}/wrong/callback", json={"type": 5}).json()["code"] == 10062
    early = httpx.patch(f"{stand.api_url}/webhooks/1/{token}/messages/@original", json={"content": "x"})
    assert (early.status_code, early.json()["code"]) == (404, 10015)
    assert httpx.post(f"{path}/{token}/callback", json={"type": 8, "data": {}}).json()["code"] == 50035
    assert httpx.post(f"{path}/{token}/callback", json={"type": 5}).status_code == 204
    assert httpx.post(f"{path}/{token}/callback", json={"type": 5}).json()["code"] == 40060


def test_a_late_acknowledgement_is_of_nothing(stand: DiscordStand) -> None:
    id = stand.command(stand.user("ada"), stand.channel("general"), "help")
    one = stand._interactions.all[id]
    one.sent -= 3.1
    answer = httpx.post(f"{stand.api_url}/interactions/{id}/{one.token}/callback", json={"type": 5})
    assert (answer.status_code, answer.json()["code"]) == (404, 10062)


def test_a_button_opens_a_window_which_is_filled_in(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot, filled = connect(), list[Any]()

    async def act(one: discord.Interaction) -> None:
        if one.type is discord.InteractionType.component:
            modal = discord.ui.Modal(title="Why?", custom_id="why")
            field: discord.ui.TextInput[Any] = discord.ui.TextInput(custom_id="reason")
            modal.add_item(discord.ui.Label(text="Reason", component=field))
            await one.response.send_modal(modal)
        else:
            filled.append(one.data)
            await one.response.defer()

    bot.on_act = act
    ada, general = stand.user("ada"), stand.channel("general")
    headers = {"Authorization": f"Bot {stand.bot_token}"}
    button = {"type": 2, "style": 1, "label": "Bad", "custom_id": "bad:1"}
    body = {"content": "answer", "components": [{"type": 1, "components": [button]}]}
    said = httpx.post(f"{stand.api_url}/channels/{general}/messages", json=body, headers=headers).json()
    stand.click(ada, said["id"], "bad:1")
    (modal,) = stand.wait_for(lambda: stand.modals, PATIENCE_S)
    with pytest.raises(LookupError):
        stand.submit(stand.user("ben"), modal.id, reason="x")
    stand.submit(ada, modal.id, reason="the year is wrong")
    stand.wait_for(lambda: filled, PATIENCE_S)
    assert "the year is wrong" in str(filled)
    with pytest.raises(LookupError):
        stand.click(ada, said["id"], "no such button")


def test_what_is_typed_is_suggested(stand: DiscordStand, connect: Callable[..., Bot]) -> None:
    bot = connect()

    async def act(one: discord.Interaction) -> None:
        await one.response.autocomplete([discord.app_commands.Choice(name="AAPL", value="AAPL")])

    bot.on_act = act
    id = stand.type_in(stand.user("ada"), stand.channel("general"), "brief", "ticker", "AA")
    assert stand.wait_for(lambda: stand.choices(id), PATIENCE_S) == [{"name": "AAPL", "value": "AAPL"}]
