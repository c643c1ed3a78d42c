"""Suggestions come in time, or not at all; they reach the person who types."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

from bots.command import Argument, Command, Commands, Reply, discover
from bots.discord.client import Receiver
from bots.discord.suggestions import Suggestions
from bots.inbound import Place
from bots.render.document import Document
from tests.bots.discord.local import ADA, LocalDiscord
from tieout.model import Principal
from tieout.ports import Desk

HERE = Place("discord", "8", "80")


def who(place: Place, author: str) -> Principal:
    return Principal(f"discord:{author}", f"w-{place.team}")


def suggest(argument: Argument, typed: str) -> list[str]:
    command = Command("one", "One.", lambda _: Reply(Document("")), (argument,))
    suggestions = Suggestions(Commands([command]), object(), who)  # type: ignore[arg-type]
    try:
        return asyncio.run(suggestions.of("one", argument.name, typed, HERE, ADA))
    finally:
        suggestions.close()


def test_the_person_who_types_is_who_looks() -> None:
    asked: list[Any] = []

    def look(_desk: Desk, who: Principal, typed: str) -> Sequence[str]:
        asked.append((who.id, who.workspace, typed))
        return [*map(str, range(30)), "x" * 101]

    assert suggest(Argument("a", "a", suggest=look), "AA") == [str(number) for number in range(25)]
    assert asked == [(f"discord:{ADA}", "w-8", "AA")]


def test_choices_are_suggested_by_what_is_in_them() -> None:
    assert suggest(Argument("a", "a", choices=("close", "open", "Closed")), "clo") == ["close", "Closed"]
    assert suggest(Argument("a", "a"), "clo") == []


def test_what_fails_suggests_nothing() -> None:
    assert suggest(Argument("a", "a", suggest=lambda *_: [][1]), "") == []  # type: ignore[misc]


def test_what_takes_too_long_suggests_nothing() -> None:
    done = threading.Event()
    began = time.monotonic()
    look = Argument("a", "a", suggest=lambda *_: [str(done.wait(30))])
    command = Command("one", "One.", lambda _: Reply(Document("")), (look,))
    suggestions = Suggestions(Commands([command]), object(), who)  # type: ignore[arg-type]

    async def of() -> list[str]:
        return await suggestions.of("one", "a", "", HERE, ADA)

    assert asyncio.run(of()) == [] and time.monotonic() - began < 10
    done.set()
    suggestions.close()


def test_what_is_typed_is_answered_with_choices(discord: LocalDiscord, connect: Any) -> None:
    connect()
    id = discord.type("settings", "name", "")  # of fixed choices Discord never asks; it is answered all the same
    answer = discord.wait_for(lambda: discord.acknowledged.get(id))
    names = [choice["name"] for choice in answer["data"]["choices"]]
    (settings,) = (command for command in discover() if command.name == "settings")
    assert answer["type"] == 8 and names == list(settings.arguments[0].choices)
    unknown = discord.type("settings", "nothing", "")
    assert discord.wait_for(lambda: discord.acknowledged.get(unknown))["data"]["choices"] == []


def test_the_client_has_no_more_intents_than_it_needs() -> None:
    suggestions = Suggestions(Commands([]), None, who)
    suggestions.close()
    client = Receiver(lambda _: None, Commands([]), suggestions, ready=lambda: None)  # type: ignore[arg-type,return-value]
    assert {name for name, on in client.intents if on} == {"guilds", "guild_messages", "dm_messages", "message_content"}
