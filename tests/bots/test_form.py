"""Windows are within both platforms' limits, and every field is an argument of its command."""

import pytest

from bots.command import Command, Commands, discover
from bots.form import Field, Form

FORM = Form("Why?", (Field("reason", "Reason"),))


def test_a_form_that_a_platform_would_refuse_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="24"):
        Form("x" * 25, (Field("reason", "Reason"),))
    with pytest.raises(ValueError, match="45"):
        Field("reason", "x" * 46)
    with pytest.raises(ValueError, match="fields"):
        Form("Why?", ())


def test_a_form_for_a_button_that_nobody_answers_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="does not answer"):
        Commands([Command("a", "", lambda _: None, verbs=("yes",), forms={"no": FORM})])  # type: ignore[arg-type,return-value]


def test_only_buttons_with_a_form_ask_something() -> None:
    commands = Commands([Command("a", "", lambda _: None, verbs=("yes", "no"), forms={"no": FORM})])  # type: ignore[arg-type,return-value]
    assert commands.form_of("no:run_1") is FORM
    assert commands.form_of("yes:run_1") is None and commands.form_of("unknown:1") is None


def test_answers_ask_for_a_reason_and_for_a_time() -> None:
    commands = discover()
    assert [field.name for field in getattr(commands.form_of("bad:run_1"), "fields", ())] == ["reason"]
    assert [field.name for field in getattr(commands.form_of("repeat:run_1"), "fields", ())] == ["rule"]
