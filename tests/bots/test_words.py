"""Which command a text means."""

from __future__ import annotations

import pytest

from bots.command import discover
from bots.words import read_text
from tieout.errors import InvalidInput

COMMANDS = discover()


@pytest.mark.parametrize(
    ("text", "command", "arguments"),
    [
        ("", "help", {}),
        ("Hello!", "help", {}),
        ("help brief", "help", {"command": "brief"}),
        ("runs", "runs", {}),
        ("/runs", "runs", {}),
        ("Show run_01", "show", {"run": "run_01"}),
        ("brief Procter & Gamble", "brief", {"ticker": "Procter & Gamble"}),
        ("chart AAPL MSFT 5y", "chart", {"tickers": "AAPL MSFT 5y"}),
        ("compare\nAAPL WMT", "compare", {"companies": "AAPL WMT"}),
        ("market", "market", {}),
        ("approve run_01 publish/the report", "approve", {"run": "run_01", "name": "publish/the report"}),
        ("feedback run_01 bad it is late", "feedback", {"run": "run_01", "verdict": "bad", "reason": "it is late"}),
        ("settings tickers AAPL WMT", "settings", {"name": "tickers", "value": "AAPL WMT"}),
        ("schedule every 1h What is new?", "schedule", {"order": "every 1h What is new?"}),
    ],
)
def test_the_first_word_names_the_command(text, command, arguments):
    found, given = read_text(COMMANDS, text)
    assert (found.name, given) == (command, arguments)


@pytest.mark.parametrize(
    "text",
    [
        "What was Apple's revenue?",
        "Show me Apple's revenue",
        "show Apple revenue 2022",
        "help me understand Microsoft",
        "sources of Apple's revenue growth",
        "and in 2021?",
    ],
)
def test_everything_else_is_a_question(text):
    found, given = read_text(COMMANDS, text)
    assert (found.name, given) == ("research", {"question": text})


@pytest.mark.parametrize("text", ["cancel", "show", "ask", "brief", "/approve", "feedback run_01"])
def test_what_is_missing_is_named(text):
    with pytest.raises(InvalidInput, match="is missing"):
        read_text(COMMANDS, text)


@pytest.mark.parametrize("text", ["cancel run_01 please now", "cancel my run", "/show me Apple's revenue"])
def test_what_is_too_much_is_named(text):
    with pytest.raises(InvalidInput, match="is more than"):
        read_text(COMMANDS, text)


def test_no_two_commands_answer_one_button():
    assert {verb for command in COMMANDS for verb in command.verbs} == {
        "alert", "approve", "bad", "cancel", "good", "privately", "refuse", "repeat", "rerun", "retry", "schedule", "share",
        "show", "sources",
    }  # fmt: skip
