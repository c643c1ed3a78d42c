"""What is kept is used where nothing is given: by channels, doors and the doctor, in both profiles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from structlog.testing import capture_logs

from bots.doors import check_alone, configured
from tieout.application import Application
from tieout.bootstrap import open_desk, with_credentials
from tieout.doctor import examine_desk
from tieout.errors import NotAvailable
from tieout.model import Principal, Role, WorkerKind
from tieout.settings import Settings

ADA = Principal("ada", "default", Role.ADMIN)
KEPT = {"slack_bot_token": "xoxb-kept", "slack_app_token": "xapp-kept", "discord_token": "kept", "model_api_key": "k"}


def settings(folder: Path, **given: object) -> Settings:
    return Settings(_env_file=None, home=folder, **given)  # type: ignore[arg-type]


@pytest.fixture(params=["embedded", "team"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Give the settings of an installation that keeps credentials."""
    given: dict[str, object] = {}
    if request.param == "team":
        url = request.getfixturevalue("postgres_url")
        given = {"profile": "team", "database_url": url, "secret_key": Fernet.generate_key().decode()}
    found = settings(tmp_path / "home", **given)
    with open_desk(found) as desk:
        for name, value in KEPT.items():
            desk.put_credential(ADA, name, SecretStr(value))
    return found


@pytest.fixture
def other_key(installed: Settings) -> Iterator[Settings]:
    """Give the same installation after its key was lost."""
    (installed.folder / "secret.key").unlink(missing_ok=True)
    yield installed.model_copy(update={"secret_key": SecretStr(Fernet.generate_key().decode())})


def values(found: Settings) -> dict[str, str]:
    return {name: getattr(found, name).get_secret_value() for name in KEPT}


def resolved(found: Settings, desk: Application) -> Settings:
    return with_credentials(found, desk.credential_store)


def test_channels_and_doors_have_what_is_kept(installed: Settings) -> None:
    with open_desk(installed) as desk:
        assert sorted(desk.parts.channels) == ["discord", "slack"]
        assert values(resolved(installed, desk)) == KEPT
        assert configured(installed) == [] and configured(resolved(installed, desk)) == ["slack", "discord"]
        slack = desk.parts.channels["slack"]
        assert slack._client.token == "xoxb-kept"  # type: ignore[attr-defined]


def test_what_is_given_comes_first_and_what_is_given_empty_does_not(installed: Settings) -> None:
    given = installed.model_copy(
        update={"slack_bot_token": SecretStr("xoxb-given"), "slack_app_token": SecretStr(""), "discord_token": None}
    )
    with open_desk(given) as desk:
        assert values(resolved(given, desk)) == {**KEPT, "slack_bot_token": "xoxb-given"}


def test_the_credentials_are_those_of_the_workspace(installed: Settings) -> None:
    other = installed.model_copy(update={"workspace": "elsewhere"})
    with open_desk(other) as desk:
        assert resolved(other, desk) is other
        assert desk.parts.channels == {}


def test_a_service_does_not_begin_without_what_it_cannot_open(other_key: Settings) -> None:
    for kind in (WorkerKind.SERVICE, WorkerKind.WORKER):
        with pytest.raises(NotAvailable, match="TIEOUT_SECRET_KEY"), open_desk(other_key, kind=kind):
            pass


def test_a_command_goes_on_without_it_so_that_it_can_be_put_anew(other_key: Settings) -> None:
    with capture_logs() as logs, open_desk(other_key) as desk:
        assert resolved(other_key, desk).slack_bot_token is None
        for name, value in KEPT.items():
            desk.put_credential(ADA, name, SecretStr(value))
    assert {log["event"] for log in logs} >= {"credential_not_opened"}
    assert "kept" not in str([log.get("reason") for log in logs if log["event"] == "credential_put"])
    with open_desk(other_key, kind=WorkerKind.WORKER) as desk:
        assert values(resolved(other_key, desk)) == KEPT


def test_the_doctor_says_what_is_kept_and_which_key_is_wanted(other_key: Settings) -> None:
    def credentials(of: Settings) -> tuple[str, str]:
        seen: list[Settings] = []
        with open_desk(of) as desk:
            checks = examine_desk(of, ADA, desk, others=lambda found: seen.append(found) or [])  # type: ignore[func-returns-value]
        (found,) = [check for check in checks if check.name == "credentials"]
        assert (seen[0].discord_token is not None) is (found.state == "ok")
        return found.state, found.detail

    state, detail = credentials(other_key)
    assert state == "failed" and "TIEOUT_SECRET_KEY" in detail
    with open_desk(other_key) as desk:
        for name, value in KEPT.items():
            desk.put_credential(ADA, name, SecretStr(value))
    state, detail = credentials(other_key)
    assert state == "ok" and all(name in detail for name in KEPT)
    assert not any(value in detail for value in ("xoxb-kept", "xapp-kept"))


def test_nothing_is_made_or_opened_where_nothing_is_kept(tmp_path: Path) -> None:
    with open_desk(settings(tmp_path / "home")) as desk:
        assert desk.parts.channels == {}
    assert not (tmp_path / "home" / "secret.key").exists()


def test_slack_over_http_is_told_to_run_the_service(tmp_path: Path) -> None:
    http = settings(tmp_path, slack_bot_token="xoxb-1", slack_signing_secret="s")
    with pytest.raises(NotAvailable, match="tieout up"):
        check_alone(http, "slack")
    check_alone(http, "discord")
    check_alone(http.model_copy(update={"slack_app_token": SecretStr("xapp-1")}), "slack")
