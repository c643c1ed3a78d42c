"""What Discord is told of the commands fits its limits, and is compared with what it knows."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bots.command import Argument, Command, Commands, Reply, discover
from bots.discord.tree import _sorted, tree
from bots.render.document import Document


def _command(name: str, *arguments: Argument) -> Command:
    return Command(name, "x" * 200, lambda _: Reply(Document("")), arguments)


def test_every_command_fits() -> None:
    group, pick = tree(discover())
    assert (group["name"], pick["name"], pick["type"]) == ("tieout", "Ask tieout", 3)
    for one in [group, *group["options"], *(option for command in group["options"] for option in command["options"])]:
        assert re.fullmatch(r"[-_\w]{1,32}", one["name"]) and one["name"] == one["name"].lower()
        assert 1 <= len(one["description"]) <= 100
        assert len(one.get("options", ())) <= 25 and len(one.get("choices", ())) <= 25
        assert not (one.get("choices") and one.get("autocomplete"))


def test_required_options_come_first() -> None:
    (group, _) = tree([_command("one", Argument("a", "a", required=False), Argument("b", "b"))])
    assert [option["name"] for option in group["options"][0]["options"]] == ["b", "a"]


def test_more_choices_than_fit_are_suggested() -> None:
    few, many = ("a", "b"), tuple(str(number) for number in range(26))
    (group, _) = tree([_command("one", Argument("few", "x", choices=few), Argument("many", "x", choices=many))])
    option, other = group["options"][0]["options"]
    assert [choice["value"] for choice in option["choices"]] == ["a", "b"]
    assert other["autocomplete"] is True and "choices" not in other


def test_more_commands_than_fit_fail_loudly() -> None:
    with pytest.raises(ValueError, match="25"):
        tree(Commands(_command(f"c{number}") for number in range(26)))


def test_what_discord_adds_is_no_change_and_another_word_is() -> None:
    wanted = tree(discover())

    def kept(one: dict[str, Any]) -> dict[str, Any]:
        """Return it as Discord gives it back: with ids, and without what is false or empty."""
        left = {name: value for name, value in one.items() if value not in (False, [])}
        return left | ({"options": [kept(option) for option in one["options"]]} if one.get("options") else {})

    known = [{**kept(one), "id": "1", "version": "2", "nsfw": False} for one in reversed(wanted)]
    assert _sorted(known) == _sorted(wanted)
    known[-1]["options"][0]["description"] = "another"
    assert _sorted(known) != _sorted(wanted)
