"""What is done with runs by their ids: sources, retry, feedback, cancel, show, and what is suggested."""

from __future__ import annotations

import pytest

from bots.command import discover
from bots.commands._asking import suggest_runs
from tieout.errors import Conflict, InvalidInput, NotFound
from tieout.model import RunRequest


def test_retrying_asks_the_same_in_a_new_run(chat):
    run = chat.ended("What fails?")
    for value in (f"retry:{run.id}", f"rerun:{run.id}"):
        request = chat.clicks(value).request
        assert (request.question, request.agent, request.idempotency_key) == ("What fails?", "research", None)
    assert chat.starts(f"retry {run.id}").door == "slack"


def test_a_run_that_has_not_ended_is_not_run_again(chat):
    run = chat.waiting()
    with pytest.raises(Conflict, match="cancel run_"):
        chat.says(f"retry {run.id}")


def test_a_message_of_a_chat_is_not_run_again(chat):
    run = chat.desk.start_run(chat.who, RunRequest("hi", agent="chat"))
    with pytest.raises(InvalidInput, match="message of a chat"):
        chat.says(f"retry {run.id}")


@pytest.mark.parametrize("command", ["retry", "sources", "show", "cancel", "feedback"])
def test_a_run_that_is_not_there_is_said_to_be_so(chat, command):
    with pytest.raises(NotFound, match="`runs` lists"):
        chat.says(f"{command} run_nothing{' good' if command == 'feedback' else ''}")


def test_sources_of_an_answer_are_shown(chat):
    run = chat.ended()
    assert "no numbers" in chat.clicks(f"sources:{run.id}").document.markdown
    assert "has sources when it has ended" in chat.told(f"sources {chat.waiting().id}")


def test_feedback_is_kept_with_the_run_also_after_its_end(chat):
    run = chat.ended()
    assert "was good" in chat.clicks(f"good:{run.id}").document.markdown
    assert "was bad" in chat.another("U2").told(f"feedback {run.id} bad the year is wrong")
    events = [event.data for event in chat.desk.events(chat.who, run.id) if event.kind == "signal_arrived"]
    assert [(one["name"], one["by"]) for one in events] == [
        ("feedback/slack:U1/good", "slack:U1"),
        ("feedback/slack:U2/bad", "slack:U2"),
    ]
    assert chat.desk.run(chat.who, run.id).state is run.state


def test_feedback_said_twice_is_kept_once(chat):
    run = chat.ended()
    chat.clicks(f"good:{run.id}")
    assert "said before" in chat.clicks(f"good:{run.id}").document.markdown


def test_a_verdict_is_good_or_bad(chat):
    with pytest.raises(InvalidInput, match="good, bad"):
        chat.says(f"feedback {chat.ended().id} great")


def test_a_reason_has_an_end(chat):
    with pytest.raises(InvalidInput, match="at most"):
        chat.says(f"feedback {chat.ended().id} bad {'x' * 3_000}")


def test_runs_are_suggested_with_their_questions_and_found_by_the_suggestion(chat):
    run = chat.ended("What of _Apple_?")
    (suggestion,) = suggest_runs(chat.desk, chat.who, "apple")
    assert suggestion == f"{run.id} What of _Apple_?"
    show = discover().get("show")
    assert show.handler(chat._asked(chat._inbound("command"), {"run": suggestion})).document.markdown


def test_a_run_is_cancelled_once(chat):
    run = chat.waiting()
    assert "is cancelled" in chat.told(f"cancel {run.id}")
    assert "had ended already" in chat.told(f"cancel {run.id}")
