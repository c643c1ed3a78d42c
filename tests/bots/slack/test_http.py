"""Slack's events over HTTP: signed ones are taken, all others refused, and the service answers its own paths."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.responses import PlainTextResponse

from bots.inbound import Inbound
from bots.intake import Taken
from bots.slack.door import SlackDoor
from bots.slack.http import PATH
from bots.testing.slack.stand import SlackStand
from tieout.errors import NotAvailable
from tieout.model import Principal
from tieout.settings import read_settings

SECRET = "a signing secret"


class Service:
    """A service with Slack's path in it, on a socket."""

    def __init__(self, stand: SlackStand) -> None:
        self.taken: list[Inbound] = []
        self.refuses = False
        settings = read_settings(
            slack_bot_token=stand.bot_token, slack_signing_secret=SecretStr(SECRET), slack_api_url=f"{stand.api_url}/"
        )
        self.door = SlackDoor(settings, self.take)
        self.door.start()
        self.server = uvicorn.Server(
            uvicorn.Config(self.door.wrap(PlainTextResponse("inner")), log_level="critical", lifespan="off")
        )
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()

    def take(self, inbound: Inbound) -> Taken:
        if self.refuses:
            raise NotAvailable("no room")
        self.taken.append(inbound)
        return Taken(None, Principal("x", "desk"))

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)
        self.socket.close()


@pytest.fixture
def stand() -> Iterator[SlackStand]:
    with SlackStand(limits=False, redeliver_after_s=0.3) as stand:
        yield stand


@pytest.fixture
def service(stand: SlackStand) -> Iterator[Service]:
    service = Service(stand)
    stand.use_http(service.url + PATH, SECRET)
    yield service
    service.stop()


def event(stand: SlackStand, text: str) -> dict[str, Any]:
    said = {
        "type": "message",
        "channel": stand.channel("general"),
        "user": stand.user("ada"),
        "text": text,
        "ts": "1.5",
    }
    return {"type": "event_callback", "team_id": stand.identity.team, "event_id": "Ev1", "event": said}


def test_a_signed_event_is_taken(stand: SlackStand, service: Service) -> None:
    assert stand.verify_url()
    ts = stand.say(stand.user("ada"), stand.channel("general"), "what now?")
    stand.wait_for(lambda: service.taken)
    (inbound,) = service.taken
    assert (inbound.key, inbound.text) == (f"slack/{stand.identity.team}/{stand.channel('general')}/{ts}", "what now?")


@pytest.mark.parametrize("wrong", [{"secret": "another secret"}, {"age_s": 301.0}, {"age_s": -301.0}])
def test_a_wrong_or_stale_signature_is_refused_and_nothing_is_taken(
    stand: SlackStand, service: Service, wrong: dict[str, Any]
) -> None:
    status, _ = stand.send_signed(event(stand, "let me in"), **wrong)
    assert status == 401
    assert service.taken == []


def test_a_request_that_is_not_slacks_is_refused(service: Service) -> None:
    assert httpx.get(service.url + PATH).status_code == 405
    assert httpx.post(service.url + PATH, content=b"{}").status_code == 401
    assert httpx.post(service.url + PATH, content=b"x" * 1_000_001).status_code == 413
    assert httpx.post(service.url + PATH, content=b"\xff\xfe").status_code in (400, 401)


def test_the_service_answers_its_own_paths(service: Service) -> None:
    assert httpx.get(service.url + "/else").text == "inner"


def test_what_cannot_be_committed_is_not_acknowledged_and_comes_again(stand: SlackStand, service: Service) -> None:
    service.refuses = True
    stand.say(stand.user("ada"), stand.channel("general"), "keep this")
    time.sleep(0.5)
    assert service.taken == []
    service.refuses = False
    stand.wait_for(lambda: service.taken, 20)


def test_a_refused_token_is_said_in_words(stand: SlackStand) -> None:
    settings = read_settings(
        slack_bot_token=SecretStr("xoxb-wrong"), slack_app_token=SecretStr("xapp-x"), slack_api_url=f"{stand.api_url}/"
    )
    door = SlackDoor(settings, lambda inbound: Taken(None, Principal("x", "desk")))
    with pytest.raises(NotAvailable, match="refuses tieout's tokens"):
        door.start()


def test_without_tokens_it_says_which_are_missing() -> None:
    with pytest.raises(NotAvailable, match="TIEOUT_SLACK_BOT_TOKEN"):
        SlackDoor(read_settings(), lambda inbound: Taken(None, Principal("x", "desk")))
