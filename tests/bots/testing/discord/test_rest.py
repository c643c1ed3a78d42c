"""The local Discord answers as Discord does: tokens, limits, rates, nonces, threads, files, and what may be seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bots.testing.discord import Trouble
from bots.testing.discord.errors import Refusal
from bots.testing.discord.rates import Rate, RateLimiter
from bots.testing.discord.stand import DiscordStand


@pytest.fixture
def stand() -> Iterator[DiscordStand]:
    with DiscordStand(limits=False) as stand:
        yield stand


@pytest.fixture
def api(stand: DiscordStand) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stand.api_url, headers={"Authorization": f"Bot {stand.bot_token}"}) as client:
        yield client


def said(api: httpx.Client, stand: DiscordStand, **body: Any) -> httpx.Response:
    return api.post(f"/channels/{stand.channel('general')}/messages", json=body)


def row(*buttons: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": 1, "components": list(buttons)}]


def button(**more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": "a", **more}


@pytest.mark.parametrize("shown", [None, "Bot wrong", "Bearer x"])
def test_without_the_bots_token_nothing_is_answered(stand: DiscordStand, shown: str | None) -> None:
    headers = {"Authorization": shown} if shown else {}
    answer = httpx.get(f"{stand.api_url}/users/@me", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, 0)


def test_a_revoked_token_is_refused_and_the_new_one_works(stand: DiscordStand, api: httpx.Client) -> None:
    stand.revoke_token()
    assert api.get("/users/@me").status_code == 401
    assert api.get("/users/@me", headers={"Authorization": f"Bot {stand.bot_token}"}).json()["username"] == "tieout"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 50006),
        ({"content": " \n"}, 50006),
        ({"content": "x" * 2_001}, 50035),
        ({"content": "🙂" * 1_001}, 50035),
        ({"embeds": [{"title": "x" * 257}]}, 50035),
        ({"embeds": [{"description": "x" * 4_097}]}, 50035),
        ({"embeds": [{"title": "x"}] * 11}, 50035),
        ({"embeds": [{"description": "x" * 4_000}, {"description": "x" * 2_001}]}, 50035),
        ({"content": "x", "nonce": "n" * 26}, 50035),
        ({"content": "x", "components": row(button()) * 6}, 50035),
        ({"content": "x", "components": row(*[button(custom_id=str(n)) for n in range(6)])}, 50035),
        ({"content": "x", "components": row(button(label="l" * 81))}, 50035),
        ({"content": "x", "components": row(button(custom_id="c" * 101))}, 50035),
        ({"content": "x", "components": row(button(), button())}, 50035),
    ],
)
def test_what_is_too_long_or_makes_no_sense_is_refused(
    stand: DiscordStand, api: httpx.Client, body: dict[str, Any], code: int
) -> None:
    answer = said(api, stand, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert stand.messages(stand.channel("general")) == []
    assert "errors" in answer.json() or code == 50006


def test_the_longest_that_fits_is_taken(stand: DiscordStand, api: httpx.Client) -> None:
    rows = [row(*[button(custom_id=f"{r}{b}", label="l" * 80) for b in range(5)])[0] for r in range(5)]
    assert said(api, stand, content="x" * 2_000, components=rows, nonce="n" * 25).status_code == 200


def test_the_same_nonce_is_the_same_message_where_that_is_asked_for(stand: DiscordStand, api: httpx.Client) -> None:
    first = said(api, stand, content="one", nonce="7", enforce_nonce=True).json()
    again = said(api, stand, content="other", nonce="7", enforce_nonce=True).json()
    assert (again["id"], again["content"]) == (first["id"], "one")
    assert said(api, stand, content="three", nonce="7").json()["id"] != first["id"]
    assert [one["content"] for one in stand.messages(stand.channel("general"))] == ["one", "three"]
    assert "nonce" not in api.get(f"/channels/{stand.channel('general')}/messages").json()[0]


def test_a_sixth_message_within_five_seconds_waits() -> None:
    with DiscordStand() as stand, httpx.Client(base_url=stand.api_url) as api:
        api.headers["Authorization"] = f"Bot {stand.bot_token}"
        answers = [said(api, stand, content=str(n)) for n in range(6)]
        assert [one.status_code for one in answers] == [200] * 5 + [429]
        assert [one.headers["X-RateLimit-Remaining"] for one in answers[:5]] == ["4", "3", "2", "1", "0"]
        refused = answers[5].json()
        assert 0 < refused["retry_after"] <= 5 and refused["global"] is False
        assert float(answers[5].headers["Retry-After"]) == refused["retry_after"]
        desk = api.post(f"/channels/{stand.channel('desk')}/messages", json={"content": "elsewhere"})
        assert desk.status_code == 200


def test_too_many_calls_altogether_wait_wherever_they_go() -> None:
    rates = RateLimiter(everything=Rate(3, 60.0))
    for path in ("/users/@me", "/channels/1", "/channels/2"):
        rates.spend("GET", path)
    with pytest.raises(Refusal) as refused:
        rates.spend("GET", "/channels/3")
    assert refused.value.status == 429
    assert refused.value.headers["X-RateLimit-Scope"] == "global"


def test_what_the_bot_does_not_see_it_does_not_reach(stand: DiscordStand, api: httpx.Client) -> None:
    vault = stand.channel("vault")
    for answer in (api.get(f"/channels/{vault}"), api.post(f"/channels/{vault}/messages", json={"content": "x"})):
        assert (answer.status_code, answer.json()["code"]) == (403, 50001)
    assert api.get("/channels/1").json()["code"] == 10003
    ada, ben = stand.user("ada"), stand.user("ben")
    assert stand.say(ada, vault, "a secret")
    with pytest.raises(LookupError):
        stand.say(ben, vault, "let me in")


def test_files_come_along_up_to_their_size(stand: DiscordStand, api: httpx.Client) -> None:
    path = f"/channels/{stand.channel('general')}/messages"
    form = {"payload_json": json.dumps({"content": "see"})}
    answer = api.post(path, data=form, files={"files[0]": ("a.png", b"\x89PNG", "image/png")})
    (file,) = answer.json()["attachments"]
    assert (file["filename"], file["size"], file["content_type"]) == ("a.png", 4, "image/png")
    assert httpx.get(file["url"]).content == b"\x89PNG"
    large = api.post(path, data=form, files={"files[0]": ("b", b"x" * 10_000_001)})
    assert (large.status_code, large.json()["code"]) == (413, 40005)
    many = api.post(path, data=form, files={f"files[{n}]": (f"{n}.txt", b"x") for n in range(11)})
    assert many.json()["code"] == 50035


def test_a_thread_begins_with_its_message_once(stand: DiscordStand, api: httpx.Client) -> None:
    general = stand.channel("general")
    id = stand.say(stand.user("ada"), general, "hello")
    begun = api.post(f"/channels/{general}/messages/{id}/threads", json={"name": "hello"})
    assert begun.status_code == 201 and begun.json()["id"] == id
    again = api.post(f"/channels/{general}/messages/{id}/threads", json={"name": "hello"})
    assert again.json()["code"] == 160004
    api.post(f"/channels/{id}/messages", json={"content": "inside"})
    assert [one["content"] for one in stand.messages(id)] == ["inside"]


def test_messages_are_listed_in_pages_the_newest_first(stand: DiscordStand, api: httpx.Client) -> None:
    general, ada = stand.channel("general"), stand.user("ada")
    ids = [stand.say(ada, general, str(n)) for n in range(7)]
    path = f"/channels/{general}/messages"
    assert [one["id"] for one in api.get(path, params={"limit": 3}).json()] == ids[:3:-1]
    assert [one["id"] for one in api.get(path, params={"limit": 3, "after": ids[1]}).json()] == ids[4:1:-1]
    assert [one["id"] for one in api.get(path, params={"limit": 2, "before": ids[4]}).json()] == [ids[3], ids[2]]
    assert api.get(path, params={"limit": 101}).status_code == 400


def test_only_ones_own_message_is_changed(stand: DiscordStand, api: httpx.Client) -> None:
    general = stand.channel("general")
    own = said(api, stand, content="one", components=row(button())).json()["id"]
    changed = api.patch(f"/channels/{general}/messages/{own}", json={"content": "two", "components": []}).json()
    assert (changed["content"], changed["components"]) == ("two", []) and changed["edited_timestamp"]
    others = stand.say(stand.user("ada"), general, "mine")
    assert api.patch(f"/channels/{general}/messages/{others}", json={"content": "x"}).json()["code"] == 50005
    assert api.patch(f"/channels/{general}/messages/1", json={"content": "x"}).json()["code"] == 10008


def test_calls_go_wrong_on_order(stand: DiscordStand, api: httpx.Client) -> None:
    stand.trouble("POST messages", Trouble(500))
    stand.trouble("POST messages", Trouble(429, retry_after_s=0.5))
    stand.trouble("POST messages", Trouble(lost=True))
    assert said(api, stand, content="1").status_code == 500
    assert said(api, stand, content="2").json()["retry_after"] == 0.5
    with pytest.raises(httpx.HTTPError):
        said(api, stand, content="3")
    assert said(api, stand, content="4").status_code == 200
    assert [one["content"] for one in stand.messages(stand.channel("general"))] == ["3", "4"]
