"""Installations that answer in chats: the embedded one and a team's, in processes of their own, with one agent more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.support.command import Tieout
from tests.support.talk import Talk
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, RunRequest
from tieout.settings import read_settings

OPERATOR = Principal("ada", "default", Role.ADMIN)
PUBLIC_URL = "https://tieout.example.com"
AGENT = '''
"""An agent that asks before it publishes."""

from tieout.model import Plan, StepSpec, Wait, WaitKind
from tieout.ports import Agent, StepOutcome


def plan(request):
    return Plan("publish", "1", (StepSpec("publish", "publish"),))


def publish(context):
    if not context.signals:
        approvers = tuple(context.run.request.params.get("approvers", ()))
        wait = Wait(WaitKind.APPROVAL, "publish", draft_sha256="d" * 64, approvers=approvers, note="Look at it")
        return StepOutcome({}, waits=(wait,))
    decision = context.signals["publish"]["decision"]
    ledger = {"numbers": 0, "tied": 0, "open": 0, "contradicted": 0}
    return StepOutcome({}, None, {"answer": f"The memo was {decision}.", "claims": [], "ledger": ledger})


AGENT = Agent("publish", "1", "Publishes what was approved.", plan, {"publish": publish})
'''


def install_agent(folder: Path) -> Path:
    """Write the agent as an installed package that names it; return the folder for the search path."""
    about = folder / "publisher-1.dist-info"
    about.mkdir(parents=True)
    (folder / "publisher.py").write_text(AGENT)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: publisher\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[tieout.agents]\npublish = publisher:AGENT\n")
    return folder


def published(tieout: Tieout, team: Mapping[str, str], count: int) -> list[str]:
    """Return runs of the publishing agent that have ended: each was cancelled before anybody decided."""
    settings: dict[str, Any] = {name.removeprefix("TIEOUT_").lower(): value for name, value in team.items()}
    with open_desk(read_settings(home=tieout.home, **settings), work=False) as desk:
        runs = [desk.start_run(OPERATOR, RunRequest("Publish the memo", agent="publish")) for _ in range(count)]
        return [desk.cancel(OPERATOR, run.id).id for run in runs]


@contextmanager
def running(tieout: Tieout, talk: Talk, team: Mapping[str, str]) -> Iterator[None]:
    """Keep `tieout up`, or a worker and a bot over a team's servers, running for the length of the block."""
    tieout = tieout.with_env(**talk.env(), TIEOUT_CHAT_PROGRESS_S="0.2", TIEOUT_PUBLIC_URL=PUBLIC_URL, **team)
    with ExitStack() as stack:
        if team:
            for command in (("worker", "--processes", "1"), ("bot", talk.platform)):
                stack.enter_context(_kept(tieout, *command))
        else:
            stack.enter_context(tieout.service())
        talk.stand.wait_for(lambda: talk.stand.connections >= 1, 120)
        yield


@contextmanager
def _kept(tieout: Tieout, *command: str) -> Iterator[None]:
    with tieout.start(*command) as process:
        try:
            yield
        finally:
            process.terminate()
            process.communicate(timeout=120)
