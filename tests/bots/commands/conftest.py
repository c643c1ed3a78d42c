"""Gives desks that commands are called on: a whole one in memory, and one over the sample pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bots.command import Asked, Reply, StartRun, discover
from bots.inbound import Inbound, InboundKind, Place
from bots.words import read_text
from pipelines.agents.discover import AgentCatalogue
from store.conversations import SqlConversationStore
from store.database import open_in_memory
from tests.support.desk import agents, memory_desk
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import ChannelSettings, Plan, Principal, Role, Run, RunRequest, RunState, StepSpec
from tieout.ports import Agent, Desk, StepOutcome
from tieout.sample import load_sample_pack
from tieout.settings import Settings

HERE = ChannelSettings("slack", "T1", "C1")
NOW = datetime(2026, 11, 26, 9, tzinfo=UTC)


def _chat_plan(request: RunRequest) -> Plan:
    return Plan("chat", "1", (StepSpec("respond", "respond"),))


CHAT = Agent("chat", "1", "A toy.", _chat_plan, {"respond": lambda _context: StepOutcome({})})


@dataclass
class Chat:
    """A person of a channel who says something, or presses a button, with what came of it."""

    desk: Desk
    person: str = "U1"
    settings: ChannelSettings = HERE
    more: dict[str, object] = field(default_factory=dict)  # further fields of `Asked`

    @property
    def who(self) -> Principal:
        """The person as a principal."""
        return Principal(f"slack:{self.person}", "desk", Role.MEMBER, "slack/T1/C1")

    def says(self, text: str, **fields: object) -> Reply | StartRun:
        """Return what a message leads to."""
        command, arguments = read_text(discover(), text)
        inbound = self._inbound(InboundKind.MESSAGE, text=text, **fields)
        return command.handler(self._asked(inbound, arguments))

    def clicks(self, value: str, **filled_in: str) -> Reply | StartRun:
        """Return what a button with that value leads to, read as the chat agent reads it."""
        verb, _, argument = value.partition(":")
        command = discover().of_button(verb)
        inbound = self._inbound(InboundKind.CLICK, action=value)
        called = {**filled_in, command.arguments[0].name: argument, "verb": verb}
        return command.handler(self._asked(inbound, called))

    def told(self, text: str, **fields: object) -> str:
        """Return the words that a message is answered with at once."""
        outcome = self.says(text, **fields)
        assert isinstance(outcome, Reply)
        return outcome.document.markdown

    def starts(self, text: str) -> RunRequest:
        """Return the request that a message leads to."""
        outcome = self.says(text)
        assert isinstance(outcome, StartRun)
        return outcome.request

    def another(self, person: str) -> Chat:
        """Return the same place with another person."""
        return replace(self, person=person)

    def ended(self, question: str = "What is it?") -> Run:
        """Return a run that has ended."""
        return self.desk.wait(self.who, self.desk.start_run(self.who, RunRequest(question)).id, timeout_s=30)

    def waiting(self, **params: object) -> Run:
        """Return a run that waits for an approval."""
        run = self.desk.start_run(self.who, RunRequest("publish?", params={"end": "approve", **params}))
        for event in self.desk.follow(self.who, run.id):
            if event.kind == "run_waiting" or self.desk.run(self.who, run.id).state is RunState.WAITING:
                break
        return self.desk.run(self.who, run.id)

    def _inbound(self, kind: InboundKind, **fields: object) -> Inbound:
        known = {"key": "slack/T1/C1/1.0", "at": NOW, "message": "1.0", **fields}
        return Inbound(kind=kind, place=Place("slack", "T1", "C1"), author=self.person, **known)  # type: ignore[arg-type]

    def _asked(self, inbound: Inbound, arguments: dict[str, str]) -> Asked:
        return Asked(self.desk, self.who, inbound, self.settings, arguments, **self.more)  # type: ignore[arg-type]


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    """Yield a person in a channel of a desk in memory."""
    with memory_desk(tmp_path / "reports") as desk:
        desk = replace(desk, agents=AgentCatalogue([*agents(), CHAT]))
        yield Chat(desk, more={"conversations": SqlConversationStore(open_in_memory())})


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """Yield a desk with workers over the sample pack."""
    with open_desk(Settings(home=tmp_path_factory.mktemp("sample")), work=True) as desk:
        load_sample_pack(desk, Principal("ada", "desk", Role.ADMIN), tell=lambda _line: None)
        yield desk


@pytest.fixture
def trader(sample: Application) -> Chat:
    """Return a person in a channel of the desk over the sample pack."""
    return Chat(sample)


@pytest.fixture
def ends(sample: Application) -> Callable[[RunRequest], Run]:
    """Return a function that runs a request on the desk over the sample pack to its end."""
    who = Principal("slack:U1", "desk")
    return lambda request: sample.wait(who, sample.start_run(who, request).id, timeout_s=60)
