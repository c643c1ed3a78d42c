"""Talks to a bot that is killed again and again, and counts what came of each thing said."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from bots.testing.discord.stand import DiscordStand
from bots.testing.slack.stand import SlackStand
from store.database import open_database
from store.tables import runs, waits
from tests.support.chat_bot import ChatBot
from tests.support.run_audit import check_records

_CHANNELS = 10
_ASKED = re.compile(r"question-\d+")


class Talk(Protocol):
    """People who talk to the bot on a local platform."""

    def say(self, text: str, chance: random.Random) -> None:
        """Say it: in a channel with a mention, in a thread that tieout takes part in, or directly."""
        ...

    def again(self, chance: random.Random) -> None:
        """Let the platform send the events of something said before again."""
        ...

    def drop(self, chance: random.Random) -> None:
        """Break the bot's connections off, or ask the bot to connect anew."""
        ...

    def answers(self) -> Iterator[str]:
        """Yield the texts of all that the bot has said."""
        ...


class SlackPeople:
    """People in a local Slack."""

    def __init__(self, stand: SlackStand) -> None:
        self._stand = stand
        self._ada = stand.user("ada")
        self._channels = [stand.add_channel(f"desk-{number}", self._ada) for number in range(_CHANNELS)]
        self._direct = stand.direct(self._ada)
        self._said: list[str] = []
        self._threads: list[tuple[str, str]] = []

    def say(self, text: str, chance: random.Random) -> None:
        way = chance.random()
        if way < 0.15:
            ts = self._stand.say(self._ada, self._direct, text)
        elif way < 0.3 and self._threads:
            channel, thread = chance.choice(self._threads)
            ts = self._stand.say(self._ada, channel, text, thread=thread, mention=True)
        else:
            channel = chance.choice(self._channels)
            ts = self._stand.say(self._ada, channel, text, mention=True)
            self._threads.append((channel, ts))
        self._said.append(ts)

    def again(self, chance: random.Random) -> None:
        self._stand.redeliver(chance.choice(self._said), new_event_id=chance.random() < 0.5)

    def drop(self, chance: random.Random) -> None:
        if chance.random() < 0.5:
            self._stand.drop_sockets()
        elif self._stand.connections:
            self._stand.ask_sockets_to_leave()

    def answers(self) -> Iterator[str]:
        for channel in (*self._channels, self._direct):
            yield from (one.text for one in self._stand.messages(channel) if one.user == self._stand.identity.bot_user)


class DiscordPeople:
    """People in a local Discord."""

    def __init__(self, stand: DiscordStand) -> None:
        self._stand = stand
        self._ada = stand.user("ada")
        self._channels = [stand.add_channel(f"desk-{number}") for number in range(_CHANNELS)]
        self._direct = stand.direct(self._ada)
        self._threads: list[tuple[str, str]] = []

    def say(self, text: str, chance: random.Random) -> None:
        way = chance.random()
        if way < 0.15:
            self._stand.say(self._ada, self._direct, text)
        elif way < 0.3 and self._threads:
            channel, thread = chance.choice(self._threads)
            if self._stand.messages(thread):
                self._stand.say(self._ada, channel, text, thread=thread, mention=True)
            else:  # it has not begun, and now another does
                self._threads.append((channel, self._stand.say(self._ada, channel, text, mention=True)))
        else:
            channel = chance.choice(self._channels)
            self._threads.append((channel, self._stand.say(self._ada, channel, text, mention=True)))

    def again(self, chance: random.Random) -> None:
        self._stand.redeliver(most=1 + chance.randrange(3))

    def drop(self, chance: random.Random) -> None:
        if chance.random() < 0.5:
            self._stand.drop_sockets()
        else:
            self._stand.ask_to_reconnect()

    def answers(self) -> Iterator[str]:
        places = [*self._channels, self._direct, *(thread for _, thread in self._threads)]
        for place in places:
            said = (one for one in self._stand.messages(place) if self._is_tieouts(one))
            yield from (str(one["content"]).replace("\\", "") for one in said)

    def _is_tieouts(self, message: Mapping[str, Any]) -> bool:
        return bool(message["author"]["id"] == self._stand.bot)


@dataclass
class Outcome:
    """What came of a soak: how often each question was answered, and how many runs each has."""

    asked: int = 0
    kills: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    unfinished: int = 0
    why: list[str] = field(default_factory=list)  # what is not finished: run, state, error, what it waits for
    seconds: float = 0.0

    def faults(self) -> dict[str, int]:
        """Return what went wrong, each with how often; all are 0 when nothing did."""
        return {
            "unanswered": self.asked - len(self.answers),
            "answered_twice": sum(count - 1 for count in self.answers.values()),
            "without_run": self.asked - len(self.runs),
            "runs_twice": sum(count - 1 for count in self.runs.values()),
            "unfinished": self.unfinished,
        }


def soak(
    talk: Talk, bot: ChatBot, home: Path, *, events: int, kills: int, seed: int, patience_s: float = 300.0
) -> Outcome:
    """Ask so many questions and kill the bot so often between them; the same seed says and does the same."""
    chance, outcome, began = random.Random(seed), Outcome(), time.monotonic()
    fatal = set(chance.sample(range(1, events), kills))
    bot.start()
    try:
        for number in range(events):
            talk.say(f"show question-{number}", chance)
            if chance.random() < 0.2:
                talk.again(chance)
            if chance.random() < 0.02:
                talk.drop(chance)
            time.sleep(chance.random() * 0.02)
            if number in fatal:
                time.sleep(chance.random() * 0.5)
                bot.kill()
                outcome.kills += 1
                bot.start()
        _wait(talk, events, patience_s)
        for _ in range(50):
            talk.again(chance)
        time.sleep(2.0)
    finally:
        bot.stop()
    outcome.asked, outcome.seconds = events, time.monotonic() - began
    outcome.answers = _answered(talk)
    _count_runs(f"sqlite:///{home / 'tieout.db'}", outcome)
    return outcome


def _wait(talk: Talk, events: int, patience_s: float) -> None:
    """Wait until all is answered, or nothing more has been for so long."""
    most, since = 0, time.monotonic()
    while most < events and time.monotonic() - since < patience_s:
        found = len(_answered(talk))
        if found > most:
            most, since = found, time.monotonic()
        time.sleep(0.5)


def _answered(talk: Talk) -> Counter[str]:
    return Counter(name for text in talk.answers() for name in dict.fromkeys(_ASKED.findall(text)))


def _count_runs(url: str, outcome: Outcome) -> None:
    database = open_database(url)
    try:
        query = select(runs.c.id, runs.c.request, runs.c.state, runs.c.error).where(runs.c.agent == "chat")
        for row in database.read(lambda connection: connection.execute(query).all()):
            outcome.runs[_ASKED.findall(row.request["question"])[0]] += 1
            outcome.unfinished += row.state != "done"
            if row.state != "done":
                outcome.why.append(f"{row.id} {row.state} {row.error or ''}")
        open_waits = select(waits.c.run_id, waits.c.name, waits.c.note).where(waits.c.state == "open")
        rows = database.read(lambda connection: connection.execute(open_waits).all())
        outcome.why += [f"{row.run_id} waits for {row.name}: {row.note}" for row in rows]
        check_records(database)
    finally:
        database.close()
