"""The Web API as the real client calls it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bots.testing.slack import SlackStand, Trouble


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SlackApiError) as caught:
        call()
    return str(caught.value.response["error"])


def test_a_posted_message_stands_in_the_channel_with_its_blocks(stand: SlackStand, client: WebClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*up*"}}]
    posted = client.chat_postMessage(channel=stand.channel("general"), text="up", blocks=blocks, unfurl_links=False)
    (message,) = stand.messages(stand.channel("general"))
    assert (message.ts, message.text, message.bot) == (posted["ts"], "up", stand.identity.bot)
    assert message.blocks[0]["text"]["text"] == "*up*"
    assert message.blocks[0]["block_id"]
    assert message.options == {"unfurl_links": False}


def test_an_update_keeps_what_it_does_not_name(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    metadata = {"event_type": "effect", "event_payload": {"key": "k1"}}
    blocks = [{"type": "divider"}]
    ts = client.chat_postMessage(channel=channel, text="a", blocks=blocks, metadata=metadata)["ts"]
    client.chat_update(channel=channel, ts=ts, text="b")
    (message,) = stand.messages(channel)
    assert message.text == "b"
    assert message.blocks[0]["type"] == "divider"
    assert message.metadata == metadata
    assert message.edited is not None


def test_a_removed_message_is_gone(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    ts = client.chat_postMessage(channel=channel, text="a")["ts"]
    client.chat_delete(channel=channel, ts=ts)
    assert stand.messages(channel) == []
    assert [message.text for message in stand.deleted(channel)] == ["a"]
    assert refusal(lambda: client.chat_update(channel=channel, ts=ts, text="b")) == "message_not_found"


def test_an_ephemeral_message_is_in_no_history(stand: SlackStand, client: WebClient) -> None:
    channel, ada = stand.channel("general"), stand.user("ada")
    client.chat_postEphemeral(channel=channel, user=ada, text="only you")
    assert [message.text for message in stand.ephemerals(channel, ada)] == ["only you"]
    assert stand.ephemerals(channel, stand.user("ben")) == []
    assert client.conversations_history(channel=channel)["messages"] == []


def test_a_thread_is_read_in_pages_with_metadata_only_when_asked(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    parent = stand.say(stand.user("ada"), channel, "question")
    metadata = {"event_type": "effect", "event_payload": {"key": "k1"}}
    for number in range(3):
        client.chat_postMessage(channel=channel, text=str(number), thread_ts=parent, metadata=metadata)
    plain = client.conversations_replies(channel=channel, ts=parent)
    assert [message["text"] for message in plain["messages"]] == ["question", "0", "1", "2"]
    assert plain["messages"][0]["reply_count"] == 3
    assert "metadata" not in plain["messages"][1]
    pages = [
        [message["text"] for message in page["messages"]]
        for page in client.conversations_replies(channel=channel, ts=parent, limit=3)
    ]
    assert pages == [["question", "0", "1"], ["2"]]
    full = client.conversations_replies(channel=channel, ts=parent, include_all_metadata=True)
    assert full["messages"][1]["metadata"] == metadata


def test_a_history_runs_backwards_between_two_times_without_replies(stand: SlackStand, client: WebClient) -> None:
    channel, ada = stand.channel("general"), stand.user("ada")
    first, second, third = (stand.say(ada, channel, text) for text in "abc")
    stand.say(ada, channel, "reply", thread=first)
    assert [m["text"] for m in client.conversations_history(channel=channel)["messages"]] == ["c", "b", "a"]
    between = client.conversations_history(channel=channel, oldest=first, latest=third)
    assert [m["ts"] for m in between["messages"]] == [second]
    inclusive = client.conversations_history(channel=channel, oldest=first, latest=third, inclusive=True)
    assert len(inclusive["messages"]) == 3
    assert refusal(lambda: client.conversations_history(channel=channel, cursor="zzz")) == "invalid_cursor"


def test_channels_and_people_can_be_looked_up(stand: SlackStand, client: WebClient) -> None:
    assert client.auth_test()["user_id"] == stand.identity.bot_user
    assert client.conversations_info(channel=stand.channel("desk"))["channel"]["is_private"]
    assert stand.user("ada") in client.conversations_members(channel=stand.channel("general"))["members"]
    direct = client.conversations_open(users=[stand.user("ada")])["channel"]
    assert (direct["is_im"], direct["id"]) == (True, stand.direct(stand.user("ada")))
    profile = client.users_info(user=stand.user("ada"))["user"]
    assert (profile["real_name"], profile["is_bot"]) == ("Ada Lovelace", False)
    client.chat_postMessage(channel=stand.user("ada"), text="to you")
    assert [message.text for message in stand.messages(direct["id"])] == ["to you"]


def test_a_reaction_counts_once(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    ts = stand.say(stand.user("ada"), channel, "hello")
    client.reactions_add(channel=channel, name="eyes", timestamp=ts)
    assert stand.messages(channel)[0].reactions == {"eyes": [stand.identity.bot_user]}
    assert refusal(lambda: client.reactions_add(channel=channel, name="eyes", timestamp=ts)) == "already_reacted"


def test_an_uploaded_file_stands_in_its_thread_and_needs_the_token(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")
    parent = stand.say(stand.user("ada"), channel, "chart?")
    content = bytes(range(256)) * 300
    uploaded = client.files_upload_v2(
        content=content, filename="chart.png", channel=channel, thread_ts=parent, initial_comment="here"
    )
    message = stand.messages(channel, parent)[-1]
    assert (message.text, message.thread, message.files[0].name) == ("here", parent, "chart.png")
    url = uploaded["files"][0]["url_private"]
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {stand.bot_token}"})
    with urllib.request.urlopen(request) as response:
        assert (response.read(), response.headers["Content-Type"]) == (content, "image/png")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code == 403
    caught.value.close()


def test_a_token_is_looked_at_before_anything_else(stand: SlackStand, client: WebClient) -> None:
    def unknown(token: str | None) -> str:
        return refusal(lambda: WebClient(token=token, base_url=stand.api_url).auth_test())

    assert unknown("xoxb-wrong") == "invalid_auth"
    assert unknown(None) == "not_authed"
    assert unknown(stand.app_token) == "not_allowed_token_type"
    assert refusal(lambda: client.apps_connections_open(app_token=stand.bot_token)) == "not_allowed_token_type"
    stand.withdraw_scope("users:read")
    assert refusal(lambda: client.users_info(user="U1")) == "missing_scope"
    stand.revoke_token()
    assert refusal(client.auth_test) == "token_revoked"
    stand.renew_token()
    assert refusal(client.auth_test) == "invalid_auth"
    assert WebClient(stand.bot_token, base_url=client.base_url).auth_test()["ok"]


def test_what_the_bot_may_not_see_or_change_is_refused(stand: SlackStand, client: WebClient) -> None:
    def post(channel: str, **options: str) -> str:
        return refusal(lambda: client.chat_postMessage(**{"channel": channel, "text": "x", **options}))

    general = stand.channel("general")
    assert post(stand.channel("lobby")) == "not_in_channel"
    assert post(stand.channel("vault")) == "channel_not_found"
    assert post("C404") == "channel_not_found"
    assert refusal(lambda: client.api_call("chat.postMessage", json={"channel": general})) == "no_text"
    assert post(general, blocks="not json") == "invalid_blocks_format"
    assert post(general, thread_ts="1.2") == "cannot_reply_to_message"
    assert post(general, metadata="[]") == "invalid_metadata_format"
    theirs = stand.say(stand.user("ada"), general, "mine")
    assert refusal(lambda: client.chat_update(channel=general, ts=theirs, text="x")) == "cant_update_message"
    assert refusal(lambda: client.api_call("chat.sing")) == "unknown_method"


def test_what_is_too_large_is_refused(stand: SlackStand, client: WebClient) -> None:
    channel = stand.channel("general")

    def post(text: str, blocks: list[dict[str, object]] | None = None) -> str:
        return refusal(lambda: client.chat_postMessage(channel=channel, text=text, blocks=blocks))

    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    assert post("x" * 40_001) == "msg_too_long"
    assert post("x", [section]) == "invalid_blocks"
    assert post("x", [{"type": "divider"}] * 51) == "invalid_blocks"
    assert post("x", [{"type": "header"}]) == "invalid_blocks"
    assert post("x", [{"type": "nothing"}]) == "invalid_blocks"
    assert stand.messages(channel) == []


def test_a_lost_answer_leaves_the_message_behind(stand: SlackStand) -> None:
    client = WebClient(token=stand.bot_token, base_url=stand.api_url, retry_handlers=[])
    stand.trouble("chat.postMessage", Trouble(lost=True))
    with pytest.raises(OSError):
        client.chat_postMessage(channel=stand.channel("general"), text="did it?")
    assert [message.text for message in stand.messages(stand.channel("general"))] == ["did it?"]


def test_ordered_troubles_come_once_each(stand: SlackStand, client: WebClient) -> None:
    stand.trouble("auth.test", Trouble(error="internal_error", status=500))
    stand.trouble("auth.test", Trouble(retry_after_s=7))
    assert refusal(client.auth_test) == "internal_error"
    with pytest.raises(SlackApiError) as caught:
        client.auth_test()
    assert (caught.value.response.status_code, caught.value.response.headers["Retry-After"]) == (429, "7")
    client.auth_test()
    assert [(request.ok, request.error) for request in stand.requests] == [
        (False, "internal_error"),
        (False, "ratelimited"),
        (True, ""),
    ]
