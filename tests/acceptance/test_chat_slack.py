"""A team's talk with tieout in Slack, from the question to the cancellation: the real client over real sockets."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bots.doors import open_doors
from bots.testing.slack.stand import SlackStand
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Principal, Role, WorkerKind
from tieout.sample import load_sample_pack
from tieout.settings import read_settings

PATIENCE_S = 90.0
OPERATOR = Principal("ada", "default", Role.ADMIN)


@contextmanager
def chat(stand: SlackStand, home: Path, **given: Any) -> Iterator[Application]:
    settings = read_settings(
        home=home,
        slack_bot_token=stand.bot_token,
        slack_app_token=stand.app_token,
        slack_api_url=f"{stand.api_url}/",
        chat_progress_s=0.1,
        **given,
    )
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk, open_doors(settings, desk, ["slack"]):
        yield desk


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False) as stand:
        yield stand


def text_of(message: Any) -> str:
    return json.dumps(message.blocks, ensure_ascii=False) + message.text


def said_by_tieout(stand: SlackStand, channel: str, thread: str) -> list[Any]:
    return [one for one in stand.messages(channel, thread) if one.user == stand.identity.bot_user]


def test_a_question_in_a_channel_is_answered_in_its_thread_with_numbers_that_tie_out(
    stand: SlackStand, tmp_path: Path
) -> None:
    with chat(stand, tmp_path) as desk:
        load_sample_pack(desk, OPERATOR, tell=lambda _: None)
        ada, general = stand.user("ada"), stand.channel("general")
        asked = stand.say(
            ada, general, "What was Apple's revenue in fiscal 2022 and how did the stock do since?", mention=True
        )

        def answered() -> list[Any]:
            return [one for one in said_by_tieout(stand, general, asked) if "394,328" in text_of(one)]

        (answer,) = stand.wait_for(answered, PATIENCE_S)
        assert "numbers tied" in text_of(answer)
        stand.wait_for(lambda: len([m for m in said_by_tieout(stand, general, asked) if m.files]) >= 3, PATIENCE_S)
        stand.wait_for(
            lambda: any("Answered below" in text_of(one) for one in said_by_tieout(stand, general, asked)), PATIENCE_S
        )
        followed = stand.say(ada, general, "and in 2021?", thread=asked)
        stand.wait_for(
            lambda: [
                one
                for one in said_by_tieout(stand, general, asked)
                if "365,817" in text_of(one) and float(one.ts) > float(followed)
            ],
            PATIENCE_S,
        )
        runs = [run for run in desk.runs(OPERATOR, limit=50) if run.request.agent == "chat"]
        assert len(runs) == 2  # the pair of events is one run
