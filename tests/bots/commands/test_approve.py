"""Approving: by buttons that hold the draft's hash, by the hash itself, and never by words alone."""

from __future__ import annotations

import pytest

from bots.command import Reply
from tests.support.desk import DRAFT
from tieout.errors import Conflict, InvalidInput, NotFound, PermissionDenied
from tieout.model import RunState


def buttons(reply: object) -> dict[str, str]:
    assert isinstance(reply, Reply)
    return {button.label: button.value for button in reply.document.buttons}


def test_a_run_that_waits_is_shown_with_buttons_that_hold_the_draft(chat):
    run = chat.waiting()
    reply = chat.says(f"approve {run.id}")
    assert buttons(reply) == {
        "Approve": f"approve:{run.id}/publish/the report/{DRAFT[:12]}",
        "Refuse": f"refuse:{run.id}/publish/the report/{DRAFT[:12]}",
    }
    assert "Look at it" in reply.document.markdown
    assert chat.desk.run(chat.who, run.id).state is RunState.WAITING


def test_the_button_approves_and_says_who_decided_and_when(chat):
    run = chat.waiting()
    said = chat.clicks(f"approve:{run.id}/publish/the report/{DRAFT[:12]}").document.markdown
    assert "**approved** by slack:U1 on" in said
    assert "UTC" in said
    assert chat.desk.wait(chat.who, run.id, timeout_s=30).state is RunState.DONE


def test_the_other_button_refuses(chat):
    run = chat.waiting()
    assert "**refused**" in chat.clicks(f"refuse:{run.id}/publish/the report/{DRAFT[:12]}").document.markdown
    (wait,) = chat.desk.waits(chat.who, run_id=run.id)
    assert (wait.decision, wait.decided_by) == ("refused", "slack:U1")


def test_the_same_click_delivered_twice_is_told_as_done(chat):
    run = chat.waiting()
    value = f"approve:{run.id}/publish/the report/{DRAFT[:12]}"
    assert chat.clicks(value) == chat.clicks(value)


def test_a_click_after_somebody_else_decided_is_refused_and_says_who(chat):
    run = chat.waiting()
    chat.clicks(f"refuse:{run.id}/publish/the report/{DRAFT[:12]}")
    with pytest.raises(Conflict, match="refused by slack:U1"):
        chat.another("U2").clicks(f"approve:{run.id}/publish/the report/{DRAFT[:12]}")


def test_a_button_of_an_older_draft_is_refused(chat):
    run = chat.waiting()
    with pytest.raises(Conflict, match="another draft"):
        chat.clicks(f"approve:{run.id}/publish/the report/{'0' * 12}")
    assert chat.desk.run(chat.who, run.id).state is RunState.WAITING


def test_a_click_of_somebody_who_may_not_decide_is_refused(chat):
    run = chat.waiting(approvers=["slack:U9"])
    with pytest.raises(PermissionDenied, match="slack:U9"):
        chat.clicks(f"approve:{run.id}/publish/the report/{DRAFT[:12]}")
    assert "Only slack:U9 may decide" in chat.told(f"approve {run.id}")


def test_the_command_approves_when_it_names_the_draft(chat):
    run = chat.waiting()
    assert "**approved**" in chat.told(f"approve {run.id} publish/the report {DRAFT[:12]}")


def test_the_command_without_a_draft_decides_nothing(chat):
    run = chat.waiting()
    assert "waits for a decision" in chat.told(f"approve {run.id} publish")
    with pytest.raises(NotFound, match="'yes please'"):
        chat.told(f"approve {run.id} yes please")
    assert chat.desk.run(chat.who, run.id).state is RunState.WAITING


def test_a_run_that_waits_for_nothing_says_so(chat):
    run = chat.ended()
    with pytest.raises(NotFound, match="does not wait for an approval"):
        chat.told(f"approve {run.id}")


def test_a_button_without_a_draft_decides_nothing(chat):
    run = chat.waiting()
    with pytest.raises(InvalidInput, match="names no draft"):
        chat.clicks(f"approve:{run.id}/publish/the report/yes")
