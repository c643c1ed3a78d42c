"""Scheduling from a chat: rules before questions, answers where they were ordered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bots.commands.schedule import split_order
from bots.inbound import Inbound, InboundKind
from tieout import codec
from tieout.errors import InvalidInput, NotFound, PermissionDenied

ORDER = "schedule cron: 0 7 * * 1-5 Europe/Zurich How did Apple's stock do this year?"


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        ("XNYS close + 30m How did AAPL do?", "XNYS close + 30m"),
        ("XNYS close How did AAPL do?", "XNYS close"),
        ("every 15m What is new?", "every 15m"),
        ("30 minutes after the NYSE close What is new?", "30 minutes after the NYSE close"),
        ("at 2027-12-01T09:00 UTC How did it go?", "at 2027-12-01T09:00 UTC"),
        ("cron: 0 7 * * 1-5 Europe/Zurich What is new?", "cron: 0 7 * * 1-5 Europe/Zurich"),
    ],
)
def test_the_longest_beginning_that_is_a_rule_is_the_rule(order, rule):
    found, question = split_order(order)
    assert found == rule
    assert f"{found} {question}" == order


@pytest.mark.parametrize("order", ["whenever you like tell me", "every XNYS close"])
def test_an_order_without_a_rule_says_how_rules_are_written(order):
    with pytest.raises(InvalidInput, match="not understood"):
        split_order(order)


def test_a_rule_without_a_question_asks_for_one():
    with pytest.raises(InvalidInput, match="Add the question"):
        split_order("every 15m")


def test_a_schedule_answers_where_it_was_ordered(chat):
    said = chat.says(ORDER).document
    assert "Scheduled as" in said.markdown
    assert "07:00" in said.markdown
    (kept,) = chat.desk.schedules(chat.who)
    assert kept.spec.request.agent == "chat"
    inbound = codec.load(Inbound, kept.spec.request.params["inbound"])
    assert (inbound.kind, inbound.command) == (InboundKind.COMMAND, "research")
    assert inbound.arguments == {"question": "How did Apple's stock do this year?"}
    assert (inbound.place.channel, inbound.place.thread) == ("C1", "1.0")


def test_the_same_order_delivered_twice_is_one_schedule(chat):
    assert chat.told(ORDER) == chat.told(ORDER)
    assert len(chat.desk.schedules(chat.who)) == 1


def test_schedules_are_listed_paused_resumed_and_removed_by_buttons(chat):
    pause, remove = chat.says(ORDER).document.buttons
    assert "How did Apple" in chat.told("schedule list")
    paused = chat.clicks(pause.value).document
    assert "is paused" in paused.markdown
    assert "is active" in chat.clicks(paused.buttons[0].value).document.markdown
    assert "is removed" in chat.clicks(remove.value).document.markdown
    assert "no schedules" in chat.told("schedule")


def test_a_schedule_is_removed_by_its_name(chat):
    chat.says(ORDER)
    (kept,) = chat.desk.schedules(chat.who)
    assert "is removed" in chat.told(f"schedule remove {kept.spec.name}")
    with pytest.raises(NotFound):
        chat.told(f"schedule remove {kept.spec.name}")


def test_somebody_elses_schedule_stays(chat):
    remove = chat.says(ORDER).document.buttons[1].value
    with pytest.raises(PermissionDenied, match="slack:U1"):
        chat.another("U2").clicks(remove)


def test_a_verb_without_a_name_asks_for_it(chat):
    with pytest.raises(InvalidInput, match="schedule pause NAME"):
        chat.told("schedule pause")


def test_a_schedule_runs_now_when_told_to(chat):
    chat.says(ORDER)
    (kept,) = chat.desk.schedules(chat.who)
    assert "has begun" in chat.told(f"schedule run {kept.id}")


def test_a_channel_without_research_is_asked_briefly(chat):
    chat.settings = replace(chat.settings, agents=("ask",))
    chat.says(ORDER)
    (kept,) = chat.desk.schedules(chat.who)
    assert codec.load(Inbound, kept.spec.request.params["inbound"]).command == "ask"


def test_an_answered_question_is_asked_again_by_the_rule_that_was_filled_in(chat):
    run = chat.ended("How did AAPL do?")
    reply = chat.clicks(f"repeat:{run.id}", rule="0 9 * * 1-5 Europe/London")
    again = chat.clicks(f"repeat:{run.id}", rule="0 9 * * 1-5 Europe/London")
    (kept,) = chat.desk.schedules(chat.who)
    assert kept.spec.rule == "cron: 0 9 * * 1-5 Europe/London"
    assert kept.spec.request.question == "How did AAPL do?"
    assert "Scheduled as" in reply.document.markdown and "Scheduled as" in again.document.markdown
    with pytest.raises(InvalidInput):
        chat.clicks(f"repeat:{run.id}", rule="whenever")


def test_a_reason_that_was_filled_in_is_kept_with_the_run(chat):
    run = chat.ended()
    chat.clicks(f"bad:{run.id}", reason="the year is wrong")
    noted = [event.data for event in chat.desk.events(chat.who, run.id) if "the year is wrong" in str(event.data)]
    assert noted
