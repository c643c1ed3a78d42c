"""A team's talk with tieout, from the question to the cancellation, in both profiles: real clients, real sockets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from bots.testing.discord.stand import DiscordStand
from bots.testing.slack.stand import SlackStand
from tests.acceptance.chat_site import install_agent, published, running
from tests.support.command import Tieout
from tests.support.talk import DiscordTalk, SlackTalk, Talk, Thread, find, find_in

QUESTION = "What was Apple's revenue in fiscal 2022 and how did the stock do since?"


@pytest.fixture(params=["slack", "discord"])
def talk(request: pytest.FixtureRequest) -> Iterator[Talk]:
    if request.param == "slack":
        with SlackStand(limits=False) as slack:
            yield SlackTalk(slack)
    else:
        with DiscordStand(limits=False) as discord:
            yield DiscordTalk(discord)


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Install the agent that asks for approval, for this process and those that it starts."""
    folder = str(install_agent(tmp_path / "installed"))
    monkeypatch.syspath_prepend(folder)
    return {"PYTHONPATH": os.pathsep.join(filter(None, (folder, os.environ.get("PYTHONPATH"))))}


@pytest.fixture
def team(empty_postgres: str, redis_url: str) -> Mapping[str, str]:
    return {"TIEOUT_PROFILE": "team", "TIEOUT_DATABASE_URL": empty_postgres, "TIEOUT_REDIS_URL": redis_url}


@pytest.mark.timeout(600)
def test_a_team_talks_from_a_question_to_a_cancellation_(
    prepared: Tieout, agents: Mapping[str, str], talk: Talk
) -> None:
    ended = published(prepared, {}, 2)
    with running(prepared.with_env(**agents), talk, {}):
        talk_over(talk, ended)


@pytest.mark.timeout(600)
def test_a_team_talks_over_postgresql_and_redis_(
    prepared: Tieout, agents: Mapping[str, str], team: Mapping[str, str], talk: Talk
) -> None:
    made = prepared("backup", "desk.tar.gz")
    assert made.code == 0, made.err
    elsewhere = Tieout(prepared.home.parent / "team", prepared.folder).with_env(**agents)
    restored = elsewhere.with_env(**team)("restore", "desk.tar.gz")
    assert restored.code == 0, restored.err
    ended = published(elsewhere, team, 2)
    with running(elsewhere, talk, team):
        talk_over(talk, ended)


def talk_over(talk: Talk, ended: Sequence[str]) -> None:
    """Ask, follow up, approve, schedule, cancel."""
    thread = talk.ask("ada", "general", QUESTION)
    answer = find(talk, thread, "394,328", "numbers tied")
    progress = find(talk, thread, "Answered below")
    assert progress.edited and float(progress.id) < float(answer.id)
    talk.stand.wait_for(lambda: len(files_in(talk, thread)) >= 3, 60)
    assert {name.rpartition(".")[2] for name in files_in(talk, thread)} >= {"png", "ipynb", "html"}
    assert {"Open report", "Open notebook", "Sources", "Schedule", "Good", "Bad"} <= set(answer.buttons)

    followed = talk.reply("ben", thread, "and in 2021?")
    find(talk, thread, "365,817", "numbers tied", after=followed)

    approved(talk, ended[0], thread)
    scheduled(talk)
    cancelled(talk, ended[1], thread)


def files_in(talk: Talk, thread: Thread) -> list[str]:
    return [name for one in talk.said(thread) for name in one.files]


def approved(talk: Talk, run_id: str, thread: Thread) -> None:
    asked = talk.reply("ada", thread, f"retry {run_id}")
    card = find(talk, thread, "waits for a decision", after=asked)
    talk.click("ben", card, "Approve")
    find(talk, thread, "The memo was approved", after=asked)
    (settled,) = [one for one in talk.said(thread) if one.id == card.id]
    assert settled.edited and not settled.buttons
    assert "approved" in settled.text and "UTC" in settled.text
    assert "waits for a decision" not in settled.text


def scheduled(talk: Talk) -> None:
    talk.command("ada", "desk", "schedule", order=f"0 9 * * 1-5 Europe/London {QUESTION}")
    told = find_in(talk, "desk", "Scheduled as")
    name = told.buttons["Remove"].split()[-1]
    talk.command("ada", "desk", "schedule", order=f"run {name}")
    find_in(talk, "desk", "394,328", "numbers tied")
    talk.command("ada", "desk", "schedule", order=f"remove {name}")
    find_in(talk, "desk", "is removed")


def cancelled(talk: Talk, run_id: str, thread: Thread) -> None:
    asked = talk.reply("ada", thread, f"retry {run_id}")
    progress = find(talk, thread, "Running again", after=asked)
    talk.click("ada", progress, "Cancel")
    find(talk, thread, "ancelled", after=asked)
