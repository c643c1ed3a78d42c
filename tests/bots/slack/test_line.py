"""A broken socket is noticed and made anew, and what the log tells is what somebody has to look into."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import Mock

import pytest
from structlog.testing import capture_logs

from bots.inbound import Inbound
from bots.intake import Taken
from bots.slack.door import SlackDoor
from bots.slack.line import Line
from bots.testing.slack import Trouble
from bots.testing.slack.stand import SlackStand
from tieout.errors import StorageFull
from tieout.model import Principal
from tieout.settings import read_settings

PATIENCE_S = 60.0
Open = Callable[..., SlackDoor]


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False, redeliver_after_s=0.5) as stand:
        yield stand


@pytest.fixture
def taken() -> list[Inbound]:
    return []


@pytest.fixture
def connect(stand: SlackStand, taken: list[Inbound]) -> Iterator[Open]:
    """Open a door over Socket Mode; it is closed at the end."""

    def keep(inbound: Inbound) -> Taken:
        taken.append(inbound)
        return Taken(None, Principal("x", "desk"))

    with ExitStack() as stack:

        def connect(take: Callable[[Inbound], Taken] = keep) -> SlackDoor:
            tokens: dict[str, Any] = {"slack_bot_token": stand.bot_token, "slack_app_token": stand.app_token}
            door = SlackDoor(read_settings(**tokens, slack_api_url=f"{stand.api_url}/"), take)
            stack.callback(door.stop)
            door.start()
            stand.wait_for(lambda: stand.connections == 1, PATIENCE_S)
            return door

        yield connect


def of_slack(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what Slack's own packages found worth a warning."""
    slack = ("slack_sdk", "slack_bolt", "bots.slack")
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING and record.name.startswith(slack)
    ]


def say(stand: SlackStand, text: str) -> None:
    stand.say(stand.user("ada"), stand.channel("general"), text)


def test_a_socket_that_breaks_is_made_anew_and_the_log_stays_quiet(
    stand: SlackStand, connect: Open, taken: list[Inbound], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    door = connect()
    with capture_logs() as logs:
        for number in range(3):
            stand.drop_sockets()
            stand.wait_for(lambda: stand.connections == 0, PATIENCE_S)
            say(stand, f"message {number}")
            stand.wait_for(lambda number=number: f"message {number}" in [one.text for one in taken], PATIENCE_S)
        door.stop()
    assert of_slack(caplog) == []
    assert [log for log in logs if log["log_level"] in ("warning", "error")] == []
    assert {log["reason"] for log in logs if log["event"] == "socket_lost"}
    assert stand.lost == []


def test_a_socket_that_is_asked_to_leave_is_replaced_in_silence(
    stand: SlackStand, connect: Open, taken: list[Inbound], caplog: pytest.LogCaptureFixture
) -> None:
    door = connect()
    for number in range(2):
        stand.ask_sockets_to_leave()
        say(stand, f"message {number}")
        stand.wait_for(lambda number=number: f"message {number}" in [one.text for one in taken], PATIENCE_S)
    door.stop()
    assert of_slack(caplog) == []


def test_an_acknowledgement_whose_socket_has_ended_is_dropped_and_the_event_comes_again(
    stand: SlackStand, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    began, goes_on, seen = threading.Event(), threading.Event(), list[str]()

    def slow(inbound: Inbound) -> Taken:
        seen.append(inbound.key)
        began.set()
        assert goes_on.wait(PATIENCE_S)
        return Taken(None, Principal("x", "desk"))

    connect(slow)
    say(stand, "hold this")
    assert began.wait(PATIENCE_S)
    stand.drop_sockets()
    goes_on.set()
    stand.wait_for(lambda: any(attempt.acked_s is not None for attempt in stand.attempts), PATIENCE_S)
    assert len(set(seen)) == 1
    assert of_slack(caplog) == []


def test_what_goes_wrong_in_taking_an_event_is_logged(
    stand: SlackStand, connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def full(_: Inbound) -> Taken:
        failed.set()
        raise StorageFull("the disk is full")

    connect(full)
    say(stand, "keep this")
    assert failed.wait(PATIENCE_S)
    stand.wait_for(lambda: any("the disk is full" in message for message in of_slack(caplog)), PATIENCE_S)


def test_a_slack_that_refuses_a_new_socket_is_logged_and_asked_again(
    stand: SlackStand, connect: Open, taken: list[Inbound], caplog: pytest.LogCaptureFixture
) -> None:
    connect()
    stand.trouble("apps.connections.open", Trouble(error="internal_error"))
    with capture_logs() as logs:
        stand.drop_sockets()
        stand.wait_for(lambda: [log for log in logs if log["event"] == "socket_not_reached"], PATIENCE_S)
        say(stand, "still there?")
        stand.wait_for(lambda: taken, PATIENCE_S)
    assert "internal_error" in str(logs)
    assert "xapp-" not in str(logs) + caplog.text


def test_a_thousand_events_that_lie_ready_at_once_are_all_taken(
    stand: SlackStand, connect: Open, taken: list[Inbound], caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(1_000):
        say(stand, f"message {number}")
    connect()
    stand.wait_for(lambda: len({one.text for one in taken}) == 1_000, PATIENCE_S)
    stand.drop_sockets()
    say(stand, "and one more")
    stand.wait_for(lambda: "and one more" in [one.text for one in taken], PATIENCE_S)
    assert of_slack(caplog) == []


def test_what_cannot_be_read_ends_the_socket_and_is_not_hidden(
    stand: SlackStand, connect: Open, taken: list[Inbound]
) -> None:
    door = connect()
    assert isinstance(door._line, Line)
    with capture_logs() as logs:
        door._line._sort = Mock(side_effect=[UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")])
        say(stand, "first")
        stand.wait_for(lambda: [log for log in logs if log["event"] == "socket_unreadable"], PATIENCE_S)
        del door._line._sort
        stand.wait_for(lambda: "first" in [one.text for one in taken], PATIENCE_S)
