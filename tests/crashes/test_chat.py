"""A bot that is killed again and again while people talk to it: each question is one run and has one answer."""

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from bots.testing.slack.stand import SlackStand
from tests.support.chat_bot import ChatBot
from tieout.bootstrap import open_desk
from tieout.model import Principal
from tieout.settings import read_settings

PATIENCE_S = 240.0
EVENTS, KILLS = 150, 6


def answers(stand: SlackStand, channel: str) -> Counter[str | None]:
    """Return how many answers stand in each thread."""
    return Counter(one.thread for one in stand.messages(channel) if one.user == stand.identity.bot_user)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_question_has_one_run_and_one_answer_however_often_the_bot_is_killed(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with SlackStand(limits=False, redeliver_after_s=0.5, redeliveries=100) as stand:
        ada, general = stand.user("ada"), stand.channel("general")
        bot, asked, kills = ChatBot(stand, tmp_path), [], 0
        bot.start()
        try:
            for number in range(EVENTS):
                asked.append(stand.say(ada, general, "runs", mention=True))
                if chance.random() < 0.2:
                    stand.redeliver(chance.choice(asked), new_event_id=chance.random() < 0.5)
                if chance.random() < 0.05:
                    stand.drop_sockets()
                time.sleep(chance.random() * 0.02)
                if number % (EVENTS // KILLS) == EVENTS // KILLS - 1:
                    time.sleep(chance.random())
                    bot.kill()
                    kills += 1
                    bot.start()
            stand.wait_for(lambda: answers(stand, general).keys() >= set(asked), PATIENCE_S)
            for ts in asked[::7]:
                stand.redeliver(ts, new_event_id=True)
            time.sleep(2.0)
        finally:
            bot.stop()
        assert kills == KILLS
        assert answers(stand, general) == dict.fromkeys(asked, 1)
    with open_desk(read_settings(home=tmp_path)) as desk:
        runs = desk.runs(Principal("ada", "default"), limit=1000)
    assert Counter(run.request.agent for run in runs) == {"chat": EVENTS}
    assert {run.state.value for run in runs} == {"done"}
