"""What the doctor says about Discord, and the invitation, over a local API."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from bots import health
from bots.discord.health import INVITATION, invitation
from bots.discord.invitation import PERMISSIONS, REASONS, invite_url
from bots.health import examine_chats
from tieout.doctor import Check
from tieout.errors import NotAvailable
from tieout.settings import Settings, read_settings

TOKEN = "a-bots-token"
ALL = sum(PERMISSIONS.values())


class Api:
    """Discord's REST API, as far as the doctor asks it. Answers may be changed between calls."""

    def __init__(self) -> None:
        self.me: dict[str, Any] = {"id": "701", "username": "tieout", "bot": True}
        self.application: dict[str, Any] = {"id": "700", "flags": 1 << 19}
        self.guilds: list[dict[str, Any]] = [{"id": "800", "name": "Desk", "permissions": str(ALL)}]
        self.troubles: dict[str, int] = {}  # HTTP statuses by path
        self.wait_s: dict[str, float] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Api:
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> str:
        app = web.Application()
        app.router.add_get("/api/v10/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/api/v10"

    async def _answer(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        await asyncio.sleep(self.wait_s.get(path, 0.0))
        if path in self.troubles:
            return web.json_response({"message": "trouble"}, status=self.troubles[path])
        if request.headers.get("Authorization") != f"Bot {TOKEN}":
            return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
        said: dict[str, Any] = {"users/@me": self.me, "applications/@me": self.application}
        said |= {"oauth2/applications/@me": self.application, "users/@me/guilds": self.guilds}
        return web.Response(text=json.dumps(said[path]), content_type="application/json")


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api


def settings(api: Api, token: str = TOKEN) -> Settings:
    empty: dict[str, Any] = dict.fromkeys(("slack_bot_token", "slack_app_token", "slack_signing_secret"), "")
    return read_settings(discord_token=token, discord_api_url=api.url, **empty)


def checked(of: Settings) -> dict[str, Check]:
    found = examine_chats(of)
    assert TOKEN not in str(found)
    assert all(check.advice for check in found if check.state != "ok")
    return {check.name: check for check in found}


def test_a_whole_installation_is_well(api: Api) -> None:
    found = checked(settings(api))
    assert {check.state for check in found.values()} == {"ok"}
    assert "tieout" in found["Discord token"].detail and "Desk" in found["Discord servers"].detail
    assert found[INVITATION].detail == invite_url("700")


def test_a_refused_token_is_told_with_what_to_do(api: Api) -> None:
    found = checked(settings(api, "another"))
    assert list(found) == ["Discord token"]
    assert found["Discord token"].state == "failed" and "credentials set discord_token" in found["Discord token"].advice


def test_a_persons_token_is_told(api: Api) -> None:
    api.me = {"id": "1", "username": "ada"}
    assert "is a person's" in checked(settings(api))["Discord token"].detail


@pytest.mark.parametrize(("flags", "state"), [(0, "failed"), (1 << 18, "ok"), (1 << 19, "ok"), (1 << 12, "failed")])
def test_the_intent_is_looked_for_in_both_of_its_flags(api: Api, flags: int, state: str) -> None:
    api.application = {"id": "700", "flags": flags}
    found = checked(settings(api))["Discord message content"]
    assert found.state == state
    assert state == "ok" or "Message Content Intent" in found.advice


def test_an_api_that_knows_only_the_older_address_is_asked_there(api: Api) -> None:
    api.troubles = {"applications/@me": 404}
    assert checked(settings(api))["Discord message content"].state == "ok"
    assert invitation(settings(api)) == invite_url("700")


@pytest.mark.parametrize("name", sorted(PERMISSIONS))
def test_a_permission_that_is_missing_is_named_with_the_server_and_what_it_is_for(api: Api, name: str) -> None:
    api.guilds.append({"id": "801", "name": "Other", "permissions": str(ALL & ~PERMISSIONS[name])})
    found = checked(settings(api))["Discord permissions"]
    assert found.state == "failed"
    assert "Other" in found.detail and f"{name} ({REASONS[name]})" in found.detail and "Desk" not in found.detail


def test_an_administrator_lacks_nothing(api: Api) -> None:
    api.guilds = [{"id": "800", "name": "Desk", "permissions": str(1 << 3)}]
    assert "Discord permissions" not in checked(settings(api))


def test_a_bot_in_no_server_is_told_how_it_is_invited(api: Api) -> None:
    api.guilds = []
    assert "--invite" in checked(settings(api))["Discord servers"].advice


@pytest.mark.parametrize("path", ["applications/@me", "users/@me/guilds"])
def test_one_question_without_an_answer_hides_no_other(api: Api, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "TIMEOUT_S", 0.3)
    api.wait_s = {path: 5.0, f"oauth2/{path}": 5.0}
    states = {name: check.state for name, check in checked(settings(api)).items()}
    assert sorted(states.values()).count("warning") == 1
    assert states["Discord token"] == "ok"


def test_an_api_in_trouble_is_told_of(api: Api) -> None:
    api.troubles = {"users/@me": 503}
    found = checked(settings(api))
    assert found["Discord"].state == "failed" and "503" in found["Discord"].detail


def test_what_nobody_foresaw_is_a_finding_too(api: Api) -> None:
    api.guilds = [{"id": "800", "name": "Desk", "permissions": "many"}]
    found = checked(settings(api))
    assert found["Discord"].state == "failed" and "ValueError" in found["Discord"].detail


def test_the_invitation_asks_for_the_bot_its_commands_and_no_more_than_it_needs(api: Api) -> None:
    asked = parse_qs(urlsplit(invitation(settings(api))).query)
    assert asked["client_id"] == ["700"]
    assert asked["scope"][0].split() == ["bot", "applications.commands"]
    import discord

    wanted = discord.Permissions(int(asked["permissions"][0]))
    assert {name for name, given in wanted if given} == {
        "read_messages",
        "send_messages",
        "attach_files",
        "read_message_history",
        "create_public_threads",
        "send_messages_in_threads",
    }


def test_without_a_good_token_there_is_no_invitation(api: Api) -> None:
    for token in ("", "another"):
        with pytest.raises(NotAvailable, match="credentials set discord_token"):
            invitation(settings(api, token))
    api.troubles = dict.fromkeys(("applications/@me", "oauth2/applications/@me"), 503)
    with pytest.raises(NotAvailable, match="TIEOUT_DISCORD_API_URL"):
        invitation(settings(api))
