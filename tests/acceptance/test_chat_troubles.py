"""What may go wrong in a chat ends in words or a refusal: nothing leaks, nothing is lost, nothing is done twice."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from bots.doors import open_doors
from bots.slack.http import PATH
from bots.testing.discord.stand import DiscordStand
from bots.testing.slack import Trouble
from bots.testing.slack.stand import SlackStand
from tests.acceptance.chat_site import OPERATOR, install_agent
from tests.support.command import Tieout, until
from tests.support.talk import DiscordTalk, Said, SlackTalk, Talk, Thread, find
from tieout.application import Application
from tieout.bootstrap import open_desk
from tieout.model import Run, RunRequest, RunState, WorkerKind
from tieout.settings import read_settings

QUESTION = "What was Apple's revenue in fiscal 2022?"


@pytest.fixture
def talk() -> Iterator[SlackTalk]:
    with SlackStand(limits=False, redeliver_after_s=0.5) as stand:
        yield SlackTalk(stand)


@pytest.fixture(params=["slack", "discord"])
def anywhere(request: pytest.FixtureRequest) -> Iterator[Talk]:
    if request.param == "slack":
        with SlackStand(limits=False, redeliver_after_s=0.5) as slack:
            yield SlackTalk(slack)
    else:
        with DiscordStand(limits=False) as discord:
            yield DiscordTalk(discord)


@contextmanager
def answering(talk: Talk, home: Path) -> Iterator[Application]:
    tokens: dict[str, Any] = {name.removeprefix("TIEOUT_").lower(): value for name, value in talk.env().items()}
    settings = read_settings(home=home, chat_progress_s=0.1, **tokens)
    with open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk, open_doors(settings, desk, [talk.platform]):
        yield desk


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(install_agent(tmp_path / "installed")))


def chats(desk: Application) -> list[Run]:
    return [run for run in desk.runs(OPERATOR, limit=1_000) if run.request.agent == "chat"]


def waiting(desk: Application, talk: Talk, **params: Any) -> tuple[Thread, Said, str]:
    """Return a thread in which the publishing agent's run waits for a decision, its card, and the run."""
    first = desk.start_run(OPERATOR, RunRequest("Publish the memo", agent="publish", params=params))
    desk.cancel(OPERATOR, first.id)
    thread = talk.ask("ada", "general", f"retry {first.id}")
    card = find(talk, thread, "waits for a decision")
    return thread, card, card.buttons["Approve"].partition(":")[2].partition("/")[0]


def decisions(desk: Application, run_id: str) -> list[tuple[str | None, str | None]]:
    return [(wait.decision, wait.decided_by) for wait in desk.waits(OPERATOR, run_id=run_id)]


@pytest.mark.usefixtures("publisher")
def test_a_click_by_somebody_who_may_not_decide_decides_nothing_and_says_so_to_them_alone(
    anywhere: Talk, tmp_path: Path
) -> None:
    with answering(anywhere, tmp_path / "home") as desk:
        thread, card, run_id = waiting(desk, anywhere, approvers=[f"{anywhere.platform}:{anywhere.stand.user('ada')}"])
        anywhere.click("ben", card, "Approve")
        (refused,) = anywhere.stand.wait_for(lambda: anywhere.alone("ben", "general"), 60)
        assert "may not decide" in refused.text
        assert decisions(desk, run_id) == [(None, None)]
        assert not [one for one in anywhere.said(thread) if "may not decide" in one.text]
        anywhere.click("ada", card, "Approve")
        find(anywhere, thread, "The memo was approved")


@pytest.mark.usefixtures("publisher")
def test_the_second_click_and_a_click_after_the_end_change_nothing_and_say_who_decided(
    talk: SlackTalk, tmp_path: Path
) -> None:
    with answering(talk, tmp_path / "home") as desk:
        thread, card, run_id = waiting(desk, talk)
        talk.click("ada", card, "Refuse")
        find(talk, thread, "The memo was refused")
        again = talk.stand.messages(thread.channel, thread.begin)
        stale = next(one for one in again if one.ts == card.id)
        assert "refused" in talk._of_tieout([stale])[0].text
        # The card has no buttons any more; a client that still shows them, or whoever replays the click, presses them.
        talk.ask("ben", "general", f"show {run_id}")
        payload = talk.ask("ben", "general", f"approve {run_id} publish {'d' * 64}")
        find(talk, payload, "refused by")
        assert decisions(desk, run_id) == [("refused", f"slack:{talk.stand.user('ada')}")]


@pytest.mark.usefixtures("publisher")
def test_two_people_who_press_different_buttons_at_once_decide_once(anywhere: Talk, tmp_path: Path) -> None:
    with answering(anywhere, tmp_path / "home") as desk:
        thread, card, run_id = waiting(desk, anywhere)
        anywhere.click("ada", card, "Approve")
        anywhere.click("ben", card, "Refuse")
        find(anywhere, thread, "The memo was ")
        anywhere.stand.wait_for(lambda: [one for one in anywhere.said(thread) if "is decided once" in one.text], 60)
        ((decision, by),) = decisions(desk, run_id)
        assert (decision, by) in {
            ("approved", f"{anywhere.platform}:{anywhere.stand.user('ada')}"),
            ("refused", f"{anywhere.platform}:{anywhere.stand.user('ben')}"),
        }


def test_a_storm_of_mentions_is_one_answer_each_and_calls_nobody(talk: SlackTalk, tmp_path: Path) -> None:
    people = [talk.stand.user("ada"), talk.stand.user("ben")] * 25
    crowd = " ".join(f"<@{one}>" for one in people) + " <!channel> <!here> <!everyone>"
    with answering(talk, tmp_path) as desk:
        threads = [talk.ask("ada", "general", f"show question-{number} {crowd}") for number in range(40)]
        talk.stand.wait_for(lambda: all(talk.said(thread) for thread in threads), 120)
        until(lambda: all(run.state.final for run in chats(desk)), 60)
        assert [len(talk.said(thread)) for thread in threads] == [1] * len(threads)
        assert len(chats(desk)) == len(threads)
        said = [one for one in talk.stand.messages(threads[0].channel) if one.user == talk.stand.identity.bot_user]
        assert not [one.text for one in said if re.search(r"<[@!#]", one.text)]
        assert {kind for one in said for kind in kinds(one.blocks)} <= {
            "rich_text",
            "rich_text_section",
            "text",
        }  # where `<@U1>` is four characters


def kinds(value: Any) -> Iterator[str]:
    """Yield the types of all blocks and elements."""
    for one in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from kinds(one)
    if isinstance(value, dict) and "type" in value:
        yield value["type"]


def test_a_file_of_100_mb_is_refused_by_name_without_being_fetched(talk: SlackTalk, tmp_path: Path) -> None:
    with answering(talk, tmp_path) as desk:
        thread = talk.ask("ada", "general", "ingest", files=[("huge.pdf", b"\0" * 100_000_000)])
        said = find(talk, thread, "huge.pdf")
        assert "100" in said.text and "50" in said.text
        assert desk.documents(OPERATOR) == []
        assert talk.stand.downloads == []


def test_files_without_a_word_are_read_or_refused_by_name(anywhere: Talk, tmp_path: Path) -> None:
    with answering(anywhere, tmp_path) as desk:
        files = [("memo.md", b"# Apple\n\nThe margin target is 47.5 percent.\n"), ("odd.xyz", b"\x00\x01")]
        thread = anywhere.ask("ada", "general", "", files=files)
        said = find(anywhere, thread, "memo.md", "odd.xyz")
        assert "refused" in said.text
        assert [document.title for document in desk.documents(OPERATOR)] == ["Apple"]


def test_a_token_that_is_revoked_in_the_middle_loses_neither_the_result_nor_the_answer(
    talk: SlackTalk, prepared: Tieout
) -> None:
    stand = talk.stand
    with answering(talk, prepared.home) as desk:
        thread = talk.ask("ada", "general", QUESTION)
        stand.wait_for(lambda: talk.said(thread), 60)
        stand.revoke_token()
        until(lambda: [one for one in desk.dead_letters(OPERATOR) if "token_revoked" in (one.step.error or "")])
        researched = [run for run in desk.runs(OPERATOR) if run.request.agent == "research" and run.parent_step]
        assert [run.state for run in researched] == [RunState.DONE]
        assert "394,328" in str(desk.run(OPERATOR, researched[0].id).result)
        assert stand.bot_token not in str(desk.dead_letters(OPERATOR))
    stand.renew_token()
    with answering(talk, prepared.home) as desk:
        (run,) = chats(desk)
        desk.replay(OPERATOR, run.id)
        find(talk, thread, "394,328", "numbers tied")
        assert len([run for run in desk.runs(OPERATOR) if run.request.agent == "research" and run.parent_step]) == 1


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("not_in_channel", "invite"),
        ("is_archived", "is_archived"),
        ("channel_not_found", "invite"),
    ],
)
def test_a_channel_that_takes_no_answer_any_more_keeps_it_as_a_dead_letter_that_says_what_to_do(
    talk: SlackTalk, tmp_path: Path, error: str, words: str
) -> None:
    with answering(talk, tmp_path) as desk:
        talk.stand.trouble("chat.postMessage", Trouble(error=error), times=50)
        talk.ask("ada", "general", "show something")
        until(lambda: desk.dead_letters(OPERATOR))
        (letter,) = desk.dead_letters(OPERATOR)
        assert words in (letter.step.error or "")


def test_a_scope_that_is_missing_is_named(talk: SlackTalk, tmp_path: Path) -> None:
    with answering(talk, tmp_path) as desk:
        talk.stand.withdraw_scope("chat:write")
        talk.ask("ada", "general", "show something")
        until(lambda: desk.dead_letters(OPERATOR))
        (letter,) = desk.dead_letters(OPERATOR)
        assert "chat:write" in (letter.step.error or "")


def await_settings(talk: Talk, name: str) -> None:
    """Wait until a setting's change is told: to the channel, or in Discord to who changed it."""
    talk.stand.wait_for(
        lambda: [one for one in (*talk.said_in("general"), *talk.alone("ada", "general")) if name in one.text], 60
    )


def test_a_command_that_is_off_in_the_channel_is_refused_whatever_way_it_is_called(
    anywhere: Talk, tmp_path: Path
) -> None:
    with answering(anywhere, tmp_path) as desk:
        anywhere.command("ada", "general", "settings", name="off", value="market")
        await_settings(anywhere, "off")
        anywhere.command("ben", "general", "market")
        thread = anywhere.ask("ben", "general", "market AAPL")

        def refusals() -> list[Said]:
            # Discord lets all see the answer to a command whose waiting all could see.
            said = {one.id: one for one in (*anywhere.alone("ben", "general"), *anywhere.said_in("general"))}
            return [one for one in said.values() if "switched off" in one.text]

        anywhere.stand.wait_for(lambda: len(refusals()) == 2, 60)
        assert len([one for one in refusals() if one in anywhere.alone("ben", "general")]) >= 1
        assert anywhere.said(thread) == []
        elsewhere = anywhere.ask("ben", "desk", "market")
        find(anywhere, elsewhere, "prices")
        assert {run.state for run in chats(desk)} <= {RunState.DONE, RunState.RUNNING, RunState.QUEUED}


def test_answers_stand_in_the_channel_where_its_settings_say_so(anywhere: Talk, tmp_path: Path) -> None:
    with answering(anywhere, tmp_path):
        anywhere.command("ada", "general", "settings", name="reply", value="channel")
        await_settings(anywhere, "reply")
        thread = anywhere.ask("ben", "general", "show question-1")
        anywhere.stand.wait_for(lambda: [one for one in anywhere.said_in("general") if "question-1" in one.text], 60)
        assert anywhere.said(thread) == []


def test_a_signed_event_that_is_sent_again_as_it_was_starts_nothing_again(talk: SlackTalk, tmp_path: Path) -> None:
    stand, secret = talk.stand, "a signing secret"
    ada, general, channel = stand.user("ada"), stand.channel("general"), stand.channel("desk")
    said = {"type": "app_mention", "channel": general, "user": ada, "text": f"<@{stand.identity.bot_user}> help"}
    body = {
        "type": "event_callback",
        "team_id": stand.identity.team,
        "event_id": "Ev1",
        "event": {**said, "ts": stand.say(ada, channel, "x")},
    }
    settings = read_settings(
        home=tmp_path,
        slack_bot_token=stand.bot_token,
        slack_signing_secret=SecretStr(secret),
        slack_api_url=f"{stand.api_url}/",
    )
    content = json.dumps(body).encode()
    stamp = str(int(time.time()))
    signature = "v0=" + hmac.new(secret.encode(), f"v0:{stamp}:".encode() + content, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": "application/json"}
    with (
        open_desk(settings, work=True, kind=WorkerKind.SERVICE) as desk,
        open_doors(settings, desk, ["slack"]) as wrap,
    ):
        client = TestClient(wrap(PlainTextResponse("inner")))
        answers = [client.post(PATH, content=content, headers=headers).status_code for _ in range(5)]
        assert answers == [200] * 5
        assert len(chats(desk)) == 1
        assert client.post(PATH, content=content + b" ", headers=headers).status_code == 401
