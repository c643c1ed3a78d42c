"""People who talk with tieout on a local platform, in words that both platforms share."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bots.testing.discord.stand import DiscordStand
from bots.testing.slack.messages import Message
from bots.testing.slack.stand import SlackStand

PATIENCE_S = 120.0


@dataclass(frozen=True)
class Said:
    """One message of tieout's."""

    id: str
    channel: str
    text: str  # all of it, blocks and components too
    buttons: Mapping[str, str]  # label to value
    files: Sequence[str]  # names
    edited: bool = False


@dataclass(frozen=True)
class Thread:
    """A thread, by the message that it began with."""

    channel: str
    begin: str


class Talk(Protocol):
    """What people do on a platform; persons and channels by name."""

    platform: str
    stand: Any  # with `wait_for`

    def env(self) -> Mapping[str, str]:
        """Return the settings by which tieout reaches the platform."""
        ...

    def ask(self, who: str, channel: str, text: str, files: Sequence[tuple[str, bytes]] = ()) -> Thread:
        """Say something with a mention."""
        ...

    def reply(self, who: str, thread: Thread, text: str) -> str:
        """Say something in a thread, without a mention; return the message's id."""
        ...

    def command(self, who: str, channel: str, name: str, /, **arguments: str) -> None:
        """Call a command by name."""
        ...

    def click(self, who: str, said: Said, label: str) -> None:
        """Press a button."""
        ...

    def said(self, thread: Thread) -> list[Said]:
        """Return what tieout said in a thread, oldest first."""
        ...

    def said_in(self, channel: str) -> list[Said]:
        """Return what tieout said in a channel and its threads, oldest first."""
        ...

    def alone(self, who: str, channel: str) -> list[Said]:
        """Return what a person alone was shown in a channel."""
        ...


class SlackTalk:
    """People in a local Slack."""

    platform = "slack"

    def __init__(self, stand: SlackStand) -> None:
        self.stand = stand

    def env(self) -> Mapping[str, str]:
        return {
            "TIEOUT_SLACK_BOT_TOKEN": self.stand.bot_token,
            "TIEOUT_SLACK_APP_TOKEN": self.stand.app_token,
            "TIEOUT_SLACK_API_URL": f"{self.stand.api_url}/",
        }

    def ask(self, who: str, channel: str, text: str, files: Sequence[tuple[str, bytes]] = ()) -> Thread:
        place = self.stand.channel(channel)
        return Thread(place, self.stand.say(self.stand.user(who), place, text, files=files, mention=True))

    def reply(self, who: str, thread: Thread, text: str) -> str:
        return self.stand.say(self.stand.user(who), thread.channel, text, thread=thread.begin)

    def command(self, who: str, channel: str, name: str, /, **arguments: str) -> None:
        text = " ".join((name, *arguments.values()))
        self.stand.slash(self.stand.user(who), self.stand.channel(channel), "/tieout", text)

    def click(self, who: str, said: Said, label: str) -> None:
        self.stand.click(self.stand.user(who), said.id, said.channel, value=said.buttons[label])

    def said(self, thread: Thread) -> list[Said]:
        return self._of_tieout(self.stand.messages(thread.channel, thread.begin))

    def said_in(self, channel: str) -> list[Said]:
        return self._of_tieout(self.stand.messages(self.stand.channel(channel)))

    def alone(self, who: str, channel: str) -> list[Said]:
        return self._of_tieout(self.stand.ephemerals(self.stand.channel(channel), self.stand.user(who)))

    def _of_tieout(self, messages: Sequence[Message]) -> list[Said]:
        return [_said_in_slack(one) for one in messages if one.user == self.stand.identity.bot_user]


class DiscordTalk:
    """People in a local Discord, where a thread is a channel of its own that begins with its first message."""

    platform = "discord"

    def __init__(self, stand: DiscordStand) -> None:
        self.stand = stand

    def env(self) -> Mapping[str, str]:
        return {"TIEOUT_DISCORD_TOKEN": self.stand.bot_token, "TIEOUT_DISCORD_API_URL": self.stand.api_url}

    def ask(self, who: str, channel: str, text: str, files: Sequence[tuple[str, bytes]] = ()) -> Thread:
        place = self.stand.channel(channel)
        return Thread(place, self.stand.say(self.stand.user(who), place, text, files=files, mention=True))

    def reply(self, who: str, thread: Thread, text: str) -> str:
        return self.stand.say(self.stand.user(who), thread.channel, text, thread=thread.begin)

    def command(self, who: str, channel: str, name: str, /, **arguments: str) -> None:
        self.stand.command(self.stand.user(who), self.stand.channel(channel), name, **arguments)

    def click(self, who: str, said: Said, label: str) -> None:
        self.stand.click(self.stand.user(who), said.id, said.buttons[label], said.channel)

    def said(self, thread: Thread) -> list[Said]:
        return self._of_tieout(self.stand.messages(thread.begin))

    def said_in(self, channel: str) -> list[Said]:
        place = self.stand.channel(channel)
        threads = [one["id"] for one in self.stand.messages(place)]
        return [one for each in (place, *threads) for one in self._of_tieout(self.stand.messages(each))]

    def alone(self, who: str, channel: str) -> list[Said]:
        user = self.stand.user(who)
        direct = self.stand.messages(self.stand.direct(user))
        place = self.stand.channel(channel)
        threads = [one["id"] for one in self.stand.messages(place) if one["id"] in self.stand.world.channels]
        shown = [one for each in (place, *threads) for one in self.stand.ephemerals(each, user)]
        return self._of_tieout([*shown, *direct])

    def _of_tieout(self, messages: Sequence[Mapping[str, Any]]) -> list[Said]:
        return [_said_in_discord(one) for one in messages if one["author"]["id"] == self.stand.bot]


def _said_in_discord(message: Mapping[str, Any]) -> Said:
    buttons = [one for row in message["components"] for one in row.get("components") or ()]
    return Said(
        str(message["id"]),
        str(message["channel_id"]),
        str(message["content"]).replace("\\", ""),
        {one["label"]: one.get("custom_id", "") for one in buttons},
        [one["filename"] for one in message["attachments"]],
        bool(message["edited_timestamp"]),
    )


def _said_in_slack(message: Message) -> Said:
    elements = [one for block in message.blocks for one in block.get("elements", ()) if one.get("type") == "button"]
    return Said(
        message.ts,
        message.channel,
        json.dumps(message.blocks, ensure_ascii=False) + message.text,
        {one["text"]["text"]: one.get("value", "") for one in elements},
        [file.name for file in message.files],
        bool(message.edited),
    )


def find(talk: Talk, thread: Thread, *words: str, after: str = "") -> Said:
    """Wait for a message of tieout's in a thread that has all the words, after another one; return it."""

    def found() -> list[Said]:
        said = [one for one in talk.said(thread) if float(one.id) > float(after or 0)]
        return [one for one in said if all(word in one.text for word in words)]

    return _waited(talk, found, lambda: talk.said(thread), words)[0]


def find_in(talk: Talk, channel: str, *words: str) -> Said:
    """Wait for a message of tieout's anywhere in a channel that has all the words; return it."""
    found = lambda: [one for one in talk.said_in(channel) if all(word in one.text for word in words)]  # noqa: E731
    return _waited(talk, found, lambda: talk.said_in(channel), words)[0]


def _waited[T](talk: Talk, found: Callable[[], T], all_said: Callable[[], Sequence[Said]], words: Sequence[str]) -> T:
    try:
        return talk.stand.wait_for(found, PATIENCE_S)  # type: ignore[no-any-return]
    except TimeoutError:
        raise AssertionError(f"{words} were not said, but: " + "\n".join(one.text for one in all_said())) from None
