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


_MEMO = """# Apple: what we think

FORM 10-K
For the fiscal year ended September 24, 2022
Apple Inc.
(Exact name of registrant as specified in its charter)

Our own target for Apple's gross margin is 47.5 percent, and Project Tangerine costs Apple $6,543 million.
"""


def test_what_a_person_showed_tieout_alone_is_not_used_where_others_read(stand: SlackStand, tmp_path: Path) -> None:
    with chat(stand, tmp_path) as desk:
        load_sample_pack(desk, OPERATOR, tell=lambda _: None)
        ada, ben, general = stand.user("ada"), stand.user("ben"), stand.channel("general")
        alone = stand.direct(ada)
        stand.say(ada, alone, "ingest", files=[("memo.md", _MEMO.encode())])
        stand.wait_for(lambda: [one for one in said(stand, alone) if "only you" in text_of(one)], PATIENCE_S)
        question = "What does Project Tangerine cost Apple?"
        asked = stand.say(ada, general, question, mention=True)
        (offer,) = stand.wait_for(lambda: stand.ephemerals(general, ada), PATIENCE_S)
        assert "what we think" in text_of(offer) and "yours alone" in text_of(offer)
        assert not [one for one in said_by_tieout(stand, general, asked) if "6,543" in text_of(one)]
        stand.click(ada, offer.ts, general, action_id="privately-0")
        stand.wait_for(lambda: [one for one in said(stand, alone) if "6,543" in text_of(one)], PATIENCE_S)
        (run,) = [run for run in desk.runs(OPERATOR) if run.request.audience == f"slack:{ada}" and run.parent_step]
        shown = stand.say(ben, general, f"show {run.id}", mention=True)
        stand.wait_for(lambda: said_by_tieout(stand, general, shown), PATIENCE_S)
        for message in (*stand.messages(general), *stand.ephemerals(general, ben)):
            assert "6,543" not in text_of(message)


def said(stand: SlackStand, channel: str) -> list[Any]:
    return [one for one in stand.messages(channel) if one.user == stand.identity.bot_user]
