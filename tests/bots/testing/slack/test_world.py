"""The stand's world by itself: time stamps, waiting, typed text."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
from hypothesis import given
from hypothesis.strategies import text

from bots.testing.slack import SlackStand
from bots.testing.slack.messages import escape


def test_time_stamps_are_unique_and_grow_from_any_thread(stand: SlackStand) -> None:
    with ThreadPoolExecutor(8) as pool:
        stamps = list(pool.map(lambda _: stand.world.next_ts(), range(2000)))
    assert len(set(stamps)) == 2000
    assert all(len(stamp.partition(".")[2]) == 6 for stamp in stamps)


def test_people_may_write_from_many_threads(stand: SlackStand) -> None:
    channel, ada = stand.channel("general"), stand.user("ada")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: stand.say(ada, channel, str(number)), range(200)))
    stamps = [message.ts for message in stand.messages(channel)]
    assert len(stamps) == 200
    assert stamps == sorted(stamps)


def test_waiting_ends_with_the_value_or_an_error(stand: SlackStand) -> None:
    assert stand.wait_for(lambda: "value") == "value"
    with pytest.raises(TimeoutError):
        stand.wait_for(lambda: False, 0.05)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("ask <@U1> & <#C1|general>", "ask <@U1> &amp; <#C1|general>"),
        ("see https://example.org/a?b=1", "see <https://example.org/a?b=1>"),
    ],
)
def test_typed_text_is_stored_as_slack_stores_it(typed: str, stored: str) -> None:
    assert escape(typed) == stored


@given(text(alphabet="ab &<>;#xl1-"))
def test_plain_text_is_stored_without_brackets_and_can_be_read_back(typed: str) -> None:
    stored = escape("typed " + typed.replace("<#", "< #"))
    assert not {"<", ">"} & set(stored)
    assert unescape(stored) == "typed " + typed.replace("<#", "< #")


def test_a_stand_that_was_not_entered_says_so() -> None:
    stand = SlackStand()
    with pytest.raises(RuntimeError, match="Enter the stand"):
        stand.say(stand.user("ada"), stand.channel("general"), "hello")
