"""Credentials are for admins to put and for nobody to read, here and over HTTP; what is logged is who, never what."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from store.credentials import open_credentials
from store.database import open_database
from tests.support.desk import ADMIN, MEMBER, VIEWER
from tests.support.service import TOKEN, running
from tieout.application import Application
from tieout.client import HttpDesk
from tieout.errors import InvalidInput, NotAvailable, NotFound, PermissionDenied, TieoutError
from tieout.model import Principal
from tieout.ports import CREDENTIALS, CredentialStore, Desk
from tieout.settings import Settings

PLAIN = "xoxb-very-secret-1234"
SECRET = SecretStr(PLAIN)


@pytest.fixture(params=["sqlite", "postgres"])
def keeping(request: pytest.FixtureRequest, desk: Application, tmp_path: Path) -> Iterator[Application]:
    url = (
        request.getfixturevalue("postgres_url")
        if request.param == "postgres"
        else f"sqlite:///{tmp_path / 'credentials.db'}"
    )
    database = open_database(url)
    yield replace(desk, credential_store=open_credentials(database, tmp_path))
    database.close()


@pytest.fixture(params=["here", "over HTTP"])
def door(request: pytest.FixtureRequest, keeping: Application, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "here":
        yield keeping
        return
    with running(keeping) as service, HttpDesk(service.url, TOKEN, reports=tmp_path) as client:
        yield client


def kept(desk: Application, name: str = "slack_bot_token", who: Principal = ADMIN) -> str | None:
    store = desk.credential_store
    assert store is not None
    found = store.get(who, name)
    return found and found.get_secret_value()


def told(error: BaseException) -> str:
    return "".join((*traceback.format_exception(error), repr(error), repr(getattr(error, "details", ""))))


def test_an_admin_puts_lists_and_removes_a_credential(door: Desk, keeping: Application) -> None:
    assert door.credentials(ADMIN) == {}
    door.put_credential(ADMIN, "slack_bot_token", SECRET)
    door.put_credential(Principal("eve", "desk", ADMIN.role), "model_api_key", SecretStr("sk-1"))
    assert door.credentials(ADMIN) == {"model_api_key": "eve", "slack_bot_token": ADMIN.id}
    assert kept(keeping) == PLAIN
    door.remove_credential(ADMIN, "slack_bot_token")
    assert (dict(door.credentials(ADMIN)), kept(keeping)) == ({"model_api_key": "eve"}, None)


def test_only_admins_may_and_nothing_is_done_for_others(door: Desk, keeping: Application) -> None:
    door.put_credential(ADMIN, "slack_bot_token", SECRET)
    for who in (MEMBER, VIEWER):
        for work in (
            lambda who=who: door.put_credential(who, "slack_bot_token", SecretStr("xoxb-mine")),
            lambda who=who: door.credentials(who),
            lambda who=who: door.remove_credential(who, "slack_bot_token"),
            lambda who=who: door.rotate_credentials(who),
        ):
            with pytest.raises(PermissionDenied, match="one must be admin"):
                work()
    assert kept(keeping) == PLAIN


def test_another_workspace_has_its_own(door: Desk, keeping: Application) -> None:
    other = Principal("ada", "elsewhere", ADMIN.role)
    door.put_credential(ADMIN, "slack_bot_token", SECRET)
    assert door.credentials(other) == {}
    with pytest.raises(NotFound, match="there are: none"):
        door.remove_credential(other, "slack_bot_token")
    assert kept(keeping) == PLAIN


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("slack_bot_token", "", "is empty"),
        ("slack_bot_token", "xapp-1-hush-hush", "does not begin"),
        ("slack_app_token", "xoxb-hush-hush", "does not begin"),
        ("discord_token", "hush hush", "white space"),
        ("discord_token", "hush\nhush", "white space"),
        ("discord_token", "hush\u202ehush", "control character"),
        ("discord_token", "hush\x00hush", "null character"),
        ("discord_token", "hush" * 10_000, "40,000 characters"),
        ("database_url", "postgresql://u:hush@h/d", "no credential of that name"),
        ("xoxb-hush", "slack_bot_token", "no credential of that name"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_without_being_told(
    door: Desk, keeping: Application, name: str, value: str, why: str
) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        door.put_credential(ADMIN, name, SecretStr(value))
    assert "hush" not in refused.value.message
    assert door.credentials(ADMIN) == {}


def test_who_changed_what_is_logged_and_the_value_is_not(keeping: Application) -> None:
    with capture_logs() as logs:
        keeping.put_credential(ADMIN, "slack_bot_token", SECRET)
        keeping.rotate_credentials(ADMIN)
        keeping.remove_credential(ADMIN, "slack_bot_token")
    assert [(log["event"], log["by"]) for log in logs] == [
        ("credential_put", ADMIN.id),
        ("credentials_rotated", ADMIN.id),
        ("credential_removed", ADMIN.id),
    ]
    assert "secret-1234" not in str(logs)


def test_rotation_seals_all_anew_with_a_new_key(door: Desk, keeping: Application, tmp_path: Path) -> None:
    door.put_credential(ADMIN, "slack_bot_token", SECRET)
    before = (tmp_path / "secret.key").read_text()
    assert door.rotate_credentials(ADMIN) == 1
    assert kept(keeping) == PLAIN
    after = (tmp_path / "secret.key").read_text()
    assert after != before and len(after.split()) == 1


def test_no_route_gives_a_value_back_and_a_bad_body_is_not_repeated(keeping: Application) -> None:
    with running(keeping) as service:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        at = f"{service.url}/api/v1/credentials"
        assert httpx.put(f"{at}/slack_bot_token", headers=headers, json={"value": PLAIN}).status_code == 204
        for body in ({"value": [PLAIN]}, {"value": PLAIN, "more": PLAIN}, {"valeu": PLAIN}, [PLAIN], PLAIN):
            answer = httpx.put(f"{at}/slack_bot_token", headers=headers, json=body)
            assert (answer.status_code, PLAIN in answer.text) == (422, False)
        assert PLAIN not in httpx.get(at, headers=headers).text
        assert httpx.get(f"{at}/slack_bot_token", headers=headers).status_code == 405
        assert httpx.get(at).status_code == 401


def test_a_desk_without_a_store_says_so(desk: Application) -> None:
    with pytest.raises(NotAvailable):
        desk.credentials(ADMIN)


def test_an_error_of_the_store_tells_no_value(keeping: Application) -> None:
    class Full:
        def __getattr__(self, name: str) -> Any:
            raise NotAvailable("the store is away")

    store: CredentialStore = Full()
    with pytest.raises(TieoutError) as failed:
        replace(keeping, credential_store=store).put_credential(ADMIN, "slack_bot_token", SECRET)
    assert PLAIN not in told(failed.value)


def test_every_credential_is_a_secret_setting() -> None:
    for name in CREDENTIALS:
        assert "SecretStr" in str(Settings.model_fields[name].annotation), name
