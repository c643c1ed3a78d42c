"""Messages arrive on Discord once, where they belong, however the sending ends: over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.channels.discord import DiscordChannel
from store.blobs import FolderBlobStore
from tests.bots.discord.local import ADA, APPLICATION, DIRECT, GENERAL, TOKEN, LocalDiscord
from tieout.errors import OutcomeUnknown, ProviderRefused, RateLimited
from tieout.model import Principal


@pytest.fixture
def discord() -> Iterator[LocalDiscord]:
    with LocalDiscord() as discord:
        yield discord


@pytest.fixture
def blobs(tmp_path: Any) -> FolderBlobStore:
    return FolderBlobStore(tmp_path)


@pytest.fixture
def channel(discord: LocalDiscord, blobs: FolderBlobStore) -> Iterator[DiscordChannel]:
    channel = DiscordChannel(SecretStr(TOKEN), blobs, url=discord.url)
    yield channel
    channel.close()


def message(content: str = "hello", thread: str = "", **more: Any) -> dict[str, Any]:
    return {"workspace": "w", "to": {"channel": GENERAL, "thread": thread}, "content": content, **more}


def called(discord: LocalDiscord, *, first: bool = True, acknowledged: bool = True, **more: Any) -> dict[str, Any]:
    id = discord.snowflake()
    if acknowledged:
        discord.acknowledged[id] = {"type": 5}
    return message(interaction={"application": APPLICATION, "token": id, "first": first}, after=id, **more)


def said(discord: LocalDiscord, channel: str = GENERAL) -> list[str]:
    return [one["content"] for one in discord.messages[channel]]


def test_a_message_pings_nobody_and_is_sent_once_under_its_key(discord: LocalDiscord, channel: DiscordChannel) -> None:
    first = channel.send("run/step/answer-0", message())
    assert channel.send("run/step/answer-0", message()) == first
    assert first == {"message": discord.messages[GENERAL][0]["id"], "channel": GENERAL}
    assert said(discord) == ["hello"]
    body = discord.calls[0][2]
    assert body["allowed_mentions"] == {"parse": []} and len(body["nonce"]) == 25 and body["enforce_nonce"]


def test_a_message_is_found_by_what_it_holds(discord: LocalDiscord, channel: DiscordChannel) -> None:
    after = discord.say("a question")
    row = {"type": 1, "components": [{"type": 2, "style": 1, "label": "Stop", "custom_id": "cancel:7"}]}
    asked = message(after=after, components=[row])
    assert channel.look_up("key", asked) is None
    sent = channel.send("key", asked)
    assert channel.look_up("key", asked) == sent
    assert channel.look_up("key", message(after=after)) is None  # without the button it is another
    discord.say("hello")
    assert channel.look_up("key", message(after=str(int(sent["message"]) + 1))) is None  # a person said the same


def test_files_are_found_by_their_names(discord: LocalDiscord, channel: DiscordChannel, blobs: FolderBlobStore) -> None:
    after = discord.snowflake()
    sha256 = blobs.put(Principal("ada", "w"), b"bytes")
    files = [{"name": name, "media_type": "text/csv", "sha256": sha256} for name in ("a b.csv", "c.csv")]
    one, other = (message("", files=[file], after=after) for file in files)
    sent = channel.send("one", one)
    assert channel.look_up("one", one) == sent
    assert channel.look_up("other", other) is None


def test_a_message_is_found_among_many(discord: LocalDiscord, channel: DiscordChannel) -> None:
    after = discord.snowflake()
    for number in range(120):
        discord.say(str(number))
    sent = channel.send("key", message(after=after))
    assert channel.look_up("key", message(after=after)) == sent
    assert channel.look_up("other", message("other", after=after)) is None


def test_when_too_much_was_said_nobody_knows(
    discord: LocalDiscord, channel: DiscordChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.channels.discord._PAGES", 5)
    after = discord.snowflake()
    for number in range(500):
        discord.say(str(number))
    with pytest.raises(OutcomeUnknown):
        channel.look_up("key", message(after=after))
    asked = called(discord)
    asked["after"] = after
    assert channel.look_up("key", asked) is None  # the first answer to a call can be made again


def test_an_answer_begins_the_thread_of_the_question(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = discord.say("AAPL?")
    opened = {"open_thread": {"message": asked, "name": "AAPL?"}, "after": asked}
    assert channel.look_up("a", message("one", asked, **opened)) is None
    first = channel.send("a", message("one", asked, **opened))
    assert first["channel"] == asked
    assert channel.look_up("a", message("one", asked, **opened)) == first
    channel.send("b", message("two", asked, **opened))
    assert said(discord, asked) == ["one", "two"] and said(discord) == ["AAPL?"]
    assert [path for _, path, _ in discord.calls if path.endswith("/threads")] == [
        f"channels/{GENERAL}/messages/{asked}/threads"
    ]


def test_where_there_are_no_threads_it_is_a_reply(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = discord.say("AAPL?")
    discord.refused["/threads"] = 403, {"code": 50013, "message": "Missing Permissions"}
    answer = message("one", asked, open_thread={"message": asked, "name": "AAPL?"}, after=asked)
    sent = channel.send("a", answer)
    assert sent["channel"] == GENERAL
    assert discord.messages[GENERAL][-1]["message_reference"]["message_id"] == asked
    assert channel.look_up("a", answer) == sent


def test_the_first_answer_takes_the_place_of_thinking(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = called(discord)
    first = channel.send("key", asked)
    assert channel.send("key", asked) == first and said(discord) == ["hello"]
    assert channel.look_up("key", asked) == first
    changed = {**message("done"), "to": {"channel": first["channel"], "thread": ""}, "edit": first["message"]}
    assert channel.send("other", changed) == first
    assert said(discord) == ["done"] and channel.look_up("other", changed) is None
    assert discord.calls[-1][0] != "PATCH" or discord.calls[-1][1].startswith("channels/")


def test_a_run_may_be_faster_than_the_acknowledgement(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = called(discord, acknowledged=False)
    token = asked["interaction"]["token"]
    later = threading.Timer(0.4, lambda: discord.acknowledged.setdefault(token, {"type": 5}))
    later.start()
    channel.send("key", asked)
    later.join()
    assert said(discord) == ["hello"] and discord.calls[-1][0] == "PATCH"


def test_with_a_spent_token_the_answer_goes_to_the_channel_once(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = called(discord)
    discord.expired.add(asked["interaction"]["token"])
    sent = channel.send("key", asked)
    assert channel.look_up("key", asked) == sent and said(discord) == ["hello"]
    assert discord.calls[1][:2] == ("POST", f"channels/{GENERAL}/messages")


def test_an_answer_shown_before_the_token_was_spent_is_found(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = called(discord)
    sent = channel.send("key", asked)
    discord.expired.add(asked["interaction"]["token"])
    assert channel.look_up("key", asked) == sent


def test_what_one_person_sees_is_a_follow_up_then_a_direct_message(
    discord: LocalDiscord, channel: DiscordChannel
) -> None:
    asked = called(discord, first=False, alone=ADA)
    channel.send("key", asked)
    assert discord.calls[-1][2]["flags"] == 64
    with pytest.raises(OutcomeUnknown):
        channel.look_up("key", asked)
    discord.expired.add(asked["interaction"]["token"])
    sent = channel.send("key", asked)
    assert sent["channel"] == DIRECT and said(discord, DIRECT) == ["hello"]
    assert channel.look_up("key", asked) == sent


def test_a_private_answer_to_a_mention_is_a_direct_message(discord: LocalDiscord, channel: DiscordChannel) -> None:
    asked = discord.say("settings")
    assert channel.send("key", message(thread=asked, alone=ADA, after=asked))["channel"] == DIRECT
    assert said(discord, DIRECT) == ["hello"]


def test_a_rate_limit_says_when_to_come_again(discord: LocalDiscord, channel: DiscordChannel) -> None:
    discord.refused["/messages"] = 429, {"retry_after": 0.2, "message": "slow down"}
    with pytest.raises(RateLimited) as caught:
        channel.send("key", message())
    assert 0.1 < caught.value.after_s <= 0.2 and said(discord) == []
    time.sleep(caught.value.after_s)
    channel.send("key", message())
    assert said(discord) == ["hello"] and len(discord.calls) == 2


def test_what_may_be_left_out_is_not_even_tried_where_it_would_wait(
    discord: LocalDiscord, channel: DiscordChannel
) -> None:
    discord.refused["/messages"] = 429, {"retry_after": 0.5, "message": "slow down"}
    with pytest.raises(RateLimited):
        channel.send("key", message())
    with pytest.raises(RateLimited):
        channel.send("progress", message("step 2 of 5", optional=True))
    assert len(discord.calls) == 1


def test_a_broken_answer_leaves_open_whether_it_arrived(discord: LocalDiscord, channel: DiscordChannel) -> None:
    discord.refused["/messages"] = 502, {}
    with pytest.raises(OutcomeUnknown):
        channel.send("key", message())


def test_a_refusal_says_what_to_do_and_keeps_the_token_to_itself(
    discord: LocalDiscord, channel: DiscordChannel
) -> None:
    discord.refused["/messages"] = 403, {"code": 50013, "message": "Missing Permissions"}
    with pytest.raises(ProviderRefused, match="permissions to view the channel"):
        channel.send("key", message())
    asked = called(discord)
    discord.refused["/@original"] = 400, {"code": 50035, "message": "Invalid Form Body"}
    with pytest.raises(ProviderRefused) as caught:
        channel.send("key", asked)
    assert asked["interaction"]["token"] not in caught.value.message


def test_a_channel_that_may_not_be_read_is_no_proof(discord: LocalDiscord, channel: DiscordChannel) -> None:
    discord.refused["/messages"] = 403, {"code": 50001, "message": "Missing Access"}
    with pytest.raises(OutcomeUnknown):
        channel.look_up("key", message(after=discord.snowflake()))
