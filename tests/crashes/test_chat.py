"""A bot that is killed again and again while people talk to it: each question is one run and has one answer."""

from pathlib import Path

import pytest

from bots.testing.slack.stand import SlackStand
from tests.support.chat_bot import ChatBot
from tests.support.chat_soak import SlackPeople, soak


@pytest.mark.parametrize("seed", [1, 2])
def test_each_question_has_one_run_and_one_answer_however_often_the_bot_is_killed(tmp_path: Path, seed: int) -> None:
    with SlackStand(limits=False, redeliver_after_s=0.5, redeliveries=100) as stand:
        outcome = soak(SlackPeople(stand), ChatBot(stand, tmp_path), tmp_path, events=150, kills=6, seed=seed)
    assert outcome.kills == 6
    assert outcome.faults() == dict.fromkeys(outcome.faults(), 0)
